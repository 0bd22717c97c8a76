from lockstep.procs.replicator.handshake import Hello
from lockstep.procs.replicator.link import Link
from lockstep.shm.board import Board
from lockstep.core.journal.journal import JournalReader
from lockstep.shm.ring import Producer

def feed(log: Producer, journal: JournalReader) -> int: ...

class Receiver(Link):
    epoch: int
    chain: int
    peer: str | None
    acknowledged: int
    mark: int
    digests: bytes | None
    is_fenced: bool
    last_seq: int
    fenced_at: int
    is_stalled: bool
    leaves: bool
    has_left: bool
    def __init__(
        self, log: Producer, board: Board, own: Hello, synced: bool, now_ns: int, wants_tail: bool = False
    ) -> None: ...
    def poll(self, now_ns: int) -> int: ...
    def tell_equal(self, seq: int, now_ns: int) -> None: ...
    def ask_to_lead(self, now_ns: int, *, orderly: bool) -> None: ...
    def ask_no_more(self) -> None: ...
    def ask_to_leave(self, now_ns: int) -> None: ...
