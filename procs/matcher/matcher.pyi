from procs.agent import Agent
from procs.images import Images
from procs.matcher.book import Book
from shm.board import Board
from shm.ring import Consumer, Producer

class Matcher(Agent):
    book: Book
    def __init__(
        self, number: int, log: Consumer, events: Producer, board: Board, images: Images | None = ...
    ) -> None: ...
