from procs.replicator.handshake import Hello
from procs.replicator.link import Link
from shm.board import Board
from shm.ring import Producer

class Receiver(Link):
    chain: int
    acknowledged: int
    def __init__(self, log: Producer, board: Board, own: Hello, synced: bool, now_ns: int) -> None: ...
    def poll(self, now_ns: int) -> int: ...
