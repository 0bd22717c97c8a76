"""The other node, asked over its link: this node greets it as a secondary whose log ends with one record or another.

It hangs up as soon as it is welcomed or refused: it acknowledges nothing, and takes no record.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from config.schema import Config
from procs.replicator.certificates import Credentials
from procs.replicator.handshake import Hello, LinkError, Refusal
from procs.replicator.receiver import Receiver
from procs.replicator.transport import Connection, Dialer, show_address
from procs.venue import node
from scripts.nodes.parting import PartingError
from shm.board import Board
from shm.journal import segment_seqs
from shm.journal_end import segment_header
from shm.ring import Ring

ANSWER_NS = 5_000_000_000
LOOK_S = 0.001
SLOTS = 64


class Unreachable(PartingError):  # noqa: N818
    """The other node does not answer."""


class Asked:
    """The other node's log, by its link. `epoch` is that of its leading, once it has welcomed this node; before, 0."""

    def __init__(self, config: Config, data: Path) -> None:
        section = config.replication
        self.address = show_address(section.peer_address, section.peer_port)
        self.epoch = 0
        self._credentials = Credentials.of(node.folder_of(data))
        first = segment_seqs(data / "journal")[0]
        journal_id = segment_header(data / "journal", first).journal_id
        # Epoch 0: a greeting that knows of no epoch can't end another one's.
        self._hello = Hello(config.venue.name, section.node or "", journal_id, 0, 0, 0, 0)

    def has(self, seq: int, chain: int) -> bool:
        """As `Other.has`. Unreachable, or PartingError if the other node refuses this one for another reason."""
        hello = Hello(
            self._hello.venue, self._hello.node, self._hello.journal_id, self._hello.epoch, seq, chain,
            secrets.randbits(63),
        )  # fmt: skip
        try:
            self._greet(hello)
        except LinkError as error:
            if error.code in (Refusal.AHEAD, Refusal.DIVERGED):
                return False
            raise PartingError(f"{self.address}: {error.reason}") from error
        return True

    def check_parting(self, common: int, last: int) -> None:
        """It leads, and was asked itself: what it says is so."""

    def _greet(self, hello: Hello) -> None:
        """Greet it, and hang up once it has answered. LinkError, Unreachable."""
        deadline_ns = time.monotonic_ns() + ANSWER_NS
        try:
            dialer = Dialer(self.address, self._credentials)
        except ValueError as error:
            raise Unreachable(str(error)) from error
        try:
            while (now_ns := time.monotonic_ns()) < deadline_ns:
                connection = dialer.poll(now_ns)
                if connection is None:
                    time.sleep(LOOK_S)  # the dialer never waits
                    continue
                try:
                    if self._is_welcome(hello, connection, deadline_ns):
                        return
                finally:
                    connection.close()
            raise Unreachable(f"the other node does not answer: {dialer.trouble or self.address}")
        finally:
            dialer.close()

    def _is_welcome(self, hello: Hello, connection: Connection, deadline_ns: int) -> bool:
        """Whether the node at the other end has said so; False if it hung up without a word."""
        log = Ring.private(SLOTS, [], first_seq=hello.last_seq + 1).producer()
        receiver = Receiver(log, Board.private(), hello, True, time.monotonic_ns())
        while (now_ns := time.monotonic_ns()) < deadline_ns:
            try:
                connection.pump(receiver)
            except ConnectionError:
                receiver.poll(now_ns)  # what it said last
                return receiver.is_up
            receiver.poll(now_ns)
            if receiver.is_up:
                return True
            time.sleep(LOOK_S)  # the connection never waits
        return False
