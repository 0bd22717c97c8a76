from procs.intake.refused_ids import RefusedIds
from procs.intake.listings import Listings
from shm.board import Board

class Validator:
    def __init__(self, listings: Listings, refused: RefusedIds, board: Board) -> None: ...
