from procs.gateway.refused_ids import RefusedIds
from procs.gateway.listing import Listing
from shm.board import Board

class Validator:
    def __init__(self, listing: Listing, refused: RefusedIds, board: Board) -> None: ...
