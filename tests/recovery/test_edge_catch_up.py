"""An edge that starts again outside the gate: how far it may follow the journal."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from config.schema import Config, InstrumentSection, ReplicationSection
from procs.recovery.edge_catch_up import Catching
from procs.venue.topology import derive
from procs.venue.venue import Venue
from shm.board import Board, Word
from shm.journal_writer import JournalWriter
from shm.ring import Consumer
from tests.router.rig import Rig

INSTRUMENTS = [
    InstrumentSection(symbol=f"I{number}", base="A", quote="B", tick="0.01", lot="0.01", matcher=number)
    for number in (1, 2)
]
ROUNDS = 200


class Idle:
    """An edge that takes what it is given, and does nothing with it."""

    consumers: dict[int, Consumer]

    def attach(self, consumers: dict[int, Consumer], board: Board) -> None:  # noqa: ARG002
        self.consumers = consumers

    def poll(self, now_ns: int) -> int:  # noqa: ARG002
        return sum(len(consumer.take()) for consumer in self.consumers.values())


def test_it_goes_no_further_than_this_node_s_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another node has committed may be on its way here: read before it is written, it would look like damage."""
    monkeypatch.setattr(Catching, "_is_near", lambda _: False)  # its rings' events are those of another log
    log = Rig().lead().log
    on_disk = len(log) - 3
    with JournalWriter(tmp_path / "journal", "local") as writer:
        writer.append(log[:on_disk])
    config = Config(instruments=INSTRUMENTS, replication=ReplicationSection(node="b"))
    venue = Venue.private(derive(config, follows=True), config, tmp_path)
    for name in ("events.router", "events.matcher.1", "events.matcher.2"):
        venue.ring(name).take_out("batcher", time.monotonic_ns())
    board = venue.board
    board.set(Word.COMMIT_BY, Word.PRIMARY_COMMIT)
    for word in (Word.PRIMARY_COMMIT, Word.ROUTER_DONE, Word.MATCHER_DONE, Word.MATCHER_DONE + 1):
        board.set(word, len(log))
    board.set(Word.DURABLE_SEQ, on_disk)
    catching = Catching(venue, "batcher", Idle())
    for _ in range(ROUNDS):
        catching.step()
    assert catching._replay.position == on_disk
