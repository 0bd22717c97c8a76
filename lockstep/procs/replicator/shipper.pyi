from pathlib import Path

from lockstep.procs.replicator.handshake import Hello
from lockstep.procs.replicator.link import Link
from lockstep.shm.board import Board
from lockstep.shm.ring import Ring

class Shipper(Link):
    next: int
    chain: int
    caught_up: int
    peer: str | None
    peer_rules: int
    leaves: bool
    anchor_ns: int
    holds_back: bool
    is_told: bool
    voids: bytes | None
    is_for_voids: bool
    is_for_copy: bool
    def __init__(
        self,
        ring: Ring,
        board: Board,
        journal: Path,
        own: Hello,
        now_ns: int,
        max_records: int = ...,
        follows: bool = False,
        catch_up: int = 0,
    ) -> None: ...
    def poll(self, now_ns: int) -> int: ...
    def tell_digests(self, seq: int, digests: bytes, now_ns: int) -> bool: ...
    def copy(self, now_ns: int, source: int) -> int: ...
    def tell_copied(self, now_ns: int) -> bool: ...
    def tell_kept(self, now_ns: int) -> None: ...
    def tell_left(self, now_ns: int) -> None: ...
    def attach(self, ring: Ring) -> None: ...
    def close(self) -> None: ...
