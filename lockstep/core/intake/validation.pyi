from lockstep.core.intake.refused_ids import RefusedIds
from lockstep.core.intake.listings import Listings
from lockstep.shm.board import Board

class Validator:
    def __init__(self, listings: Listings, refused: RefusedIds, board: Board) -> None: ...
