"""Row `replication`: wire to wire over one FIX session with a secondary on the same machine, in each mode.

Both nodes run here, on the same cores and one disk: two hosts would each have their own. Catch-up is how fast a
secondary that was away takes a log from the primary's journal, checks it and repeats it; its lag, how long after the
primary has a record the secondary has it in its log ring, both read from the boards.
"""

from __future__ import annotations

import socket
import statistics
import threading
import time
from array import array
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from msgspec import structs

from bench import log_load, orders
from lockstep.cli import throwaway
from lockstep.cli.flow.initiator import Initiator
from lockstep.cli.nodes.throwaway_pair import SYMBOL, Member, Pair
from lockstep.cli.running import attach
from lockstep.core.journal.writer import JournalWriter
from lockstep.procs.journaler.journaler import Journaler
from lockstep.procs.replicator.handshake import Hello
from lockstep.procs.replicator.receiver import Receiver
from lockstep.procs.replicator.shipper import Shipper
from lockstep.procs.replicator.transport import Connection, tune
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import Ring

MODES = (
    ("none", "disk"), ("local", "disk"), ("replicated", "memory"), ("replicated", "disk"), ("both", "disk"),
)  # fmt: skip
ORDERS = 200_000
ROUNDS = 3
WARM_UP = 500
PINGS = 2_000
AHEAD = 50_000
BASE_PRICE = 10_000  # in cents
CATCH_UP = 1_000_000
LOG_SLOTS = 32_768
FILL_NS = 2_000_000  # in which a log ring is filled
IDENTITY = b"a journal's name"
OFFERED = 100_000  # orders a second
PULSE = 200  # orders that are due together
OFFERED_S = 10
LOOK_S = 0.0002


def run() -> list[dict[str, object]]:
    """Orders a second and round trips by mode, how far the secondary is behind, and records a second of a catch-up."""
    rows = [row for mode, acknowledge in MODES for row in _measure(mode, acknowledge)]
    return [*rows, *_link(), *_lag(), *_catch_up(0), *_catch_up(OFFERED // 2)]


def _measure(mode: str, acknowledge: str) -> Iterator[dict[str, object]]:
    with throwaway.folder(None) as folder:
        pair = Pair(folder, mode, acknowledge)
        try:
            session = _begun(pair)
            pair.secondary.start()
            pair.await_followed()
            orders.ping(session, 1, BASE_PRICE, 1, array("q", bytes(8 * WARM_UP)))
            round_trips = array("q", bytes(8 * PINGS))
            orders.ping(session, 1 + WARM_UP, BASE_PRICE, 1, round_trips)
            rates = []
            for number in range(ROUNDS):
                first = 1 + WARM_UP + PINGS + number * ORDERS
                took_ns = orders.rest(session, first, ORDERS, BASE_PRICE, 1, AHEAD)
                rates.append(ORDERS / took_ns * 1e9)
            session.close()
        finally:
            pair.stop()
    name = mode if mode != "replicated" else f"replicated, acknowledged from {acknowledge}"
    yield _row(round(statistics.median(rates)), "orders/s", f"{name}, median of {ROUNDS} times {ORDERS:,}")
    ordered = sorted(round_trips)
    for share in (0.5, 0.99, 0.999):
        value = round(ordered[int(PINGS * share)] / 1000, 1)
        yield _row(value, "us", f"round trip p{share * 100:g}, one order at a time, {name}")


def _link() -> Iterator[dict[str, object]]:
    """Both ends of a link in one thread, over a socket: read from a journal, checked, written again and not synced."""
    with throwaway.folder(None) as folder, JournalWriter(folder / "b", "none", journal_id=IDENTITY) as writer:
        end = _log(folder / "a")
        board, ring = Board.private(), Ring.private(LOG_SLOTS, ["journaler"])
        board.set(Word.DURABLE_SEQ, end)
        board.set(Word.EPOCH, 1)
        journaler = Journaler(ring.consumer("journaler"), writer, Board.private())
        own, now_ns = Hello("bench", "a", IDENTITY, 0, 0, 0, 1), time.monotonic_ns()
        shipper = Shipper(Ring.private(LOG_SLOTS, [], first_seq=end + 1), board, folder / "a", own, now_ns)
        other = structs.replace(own, node="b", nonce=2)
        receiver = Receiver(ring.producer(), Board.private(), other, False, now_ns)
        ends = [Connection(each, "the other end") for each in _connected()]
        began_s = time.monotonic()
        while writer.last_seq < end:
            shipper.poll(time.monotonic_ns())
            ends[0].pump(shipper)
            ends[1].pump(receiver)
            receiver.poll(time.monotonic_ns())
            ends[1].pump(receiver)
            journaler.step(0)
            ends[0].pump(shipper)
        took_s = time.monotonic() - began_s
        for connection in ends:
            connection.close()
    what = f"the link alone: {end:,} records read, shipped, checked and written again, all in one thread"
    yield _row(round(end / took_s), "records/s", what)


def _log(folder: Path) -> int:
    """A journal of CATCH_UP records at least; its last sequence."""
    ring = Ring.private(LOG_SLOTS, ["journaler"])
    with JournalWriter(folder, "none", journal_id=IDENTITY) as writer:
        journaler, producer = Journaler(ring.consumer("journaler"), writer, Board.private()), ring.producer()
        while writer.last_seq < CATCH_UP:
            log_load.produce(producer, FILL_NS)
            while journaler.step(0):
                pass
        return writer.last_seq


def _connected() -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        dialled = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
    for each in (dialled, accepted):
        tune(each)
    return dialled, accepted


def _lag() -> Iterator[dict[str, object]]:
    """How long after the primary the secondary has a record, while orders come at a fixed rate."""
    with throwaway.folder(None) as folder:
        pair = Pair(folder, "local")
        try:
            session = _begun(pair)
            pair.secondary.start()
            pair.await_followed()
            load = _Load(session, OFFERED, 1)
            load.start()
            lags = _lags(_board(pair.primary), _board(pair.secondary))
            load.end()
            session.close()
        finally:
            pair.stop()
    what = f"the secondary's lag at {round(load.rate):,} orders/s, of {OFFERED:,} offered"
    for share in (0.5, 0.99):
        yield _row(round(lags[int(len(lags) * share)] * 1e3, 2), "ms", f"{what}, p{share * 100:g}")


def _lags(primary: Board, secondary: Board) -> list[float]:
    """Ascending, in seconds: of each end of the primary's log that was seen, until the secondary's was behind it."""
    waiting: deque[tuple[int, float]] = deque()
    lags = []
    last = 0
    end_s = time.monotonic() + OFFERED_S
    while time.monotonic() < end_s:
        now_s, end, followed = time.monotonic(), primary.get(Word.LOG_END), secondary.get(Word.LOG_END)
        if end > last:
            waiting.append((end, now_s))
            last = end
        while waiting and waiting[0][0] <= followed:
            lags.append(now_s - waiting.popleft()[1])
        time.sleep(LOOK_S)  # words of two boards: nothing to wait on
    return sorted(lags)


def _catch_up(offered: int) -> Iterator[dict[str, object]]:
    """A secondary begins with nothing, when the primary has a long log, and may trade on."""
    with throwaway.folder(None) as folder:
        pair = Pair(folder, "local")
        try:
            session = _begun(pair)
            orders.rest(session, 1, CATCH_UP, BASE_PRICE, 1, AHEAD)
            load = _Load(session, offered, 1 + CATCH_UP)
            if offered:
                load.start()
            primary = _board(pair.primary)
            pair.secondary.start()
            pair.secondary.await_(lambda: pair.secondary.word(Word.LINK) > 1, "reach the primary")
            secondary = _board(pair.secondary)
            began_s, first, end = time.monotonic(), secondary.get(Word.LOG_END), primary.get(Word.LOG_END)
            pair.secondary.await_(lambda: secondary.get(Word.LOG_END) >= primary.get(Word.LOG_END) - AHEAD, "catch up")
            took_s, caught = time.monotonic() - began_s, secondary.get(Word.LOG_END) - first
            came = primary.get(Word.LOG_END) - end
            if offered:
                load.end()
            session.close()
        finally:
            pair.stop()
    beside = f"beside trade at {round(came / took_s):,} records/s" if offered else "no trade beside"
    yield _row(round(caught / took_s), "records/s", f"catch-up of a new secondary, {caught:,} records, {beside}")


class _Load(threading.Thread):
    """Resting orders that are offered at a fixed rate until `end`; `rate` is what was answered then."""

    def __init__(self, session: Initiator, offered: int, first: int) -> None:
        super().__init__()
        self.rate = 0.0
        self._session, self._offered, self._next = session, offered, first
        self._is_over = threading.Event()

    def run(self) -> None:
        began_s, sent = time.monotonic(), 0
        while not self._is_over.is_set():
            time.sleep(max(began_s + (sent + PULSE) / self._offered - time.monotonic(), 0))  # the open loop's clock
            due = min(int((time.monotonic() - began_s) * self._offered) - sent, AHEAD)
            orders.rest(self._session, self._next + sent, due, BASE_PRICE, 1, due)
            sent += due
        self.rate = sent / (time.monotonic() - began_s)

    def end(self) -> None:
        self._is_over.set()
        self.join()


def _begun(pair: Pair) -> Initiator:
    pair.primary.start()
    pair.primary.await_(pair.primary.leads, "lead")
    return throwaway.log_on(pair.primary.config, SYMBOL, "BUYER")


def _board(member: Member) -> Board:
    venue = attach(Path(member.data))
    assert venue is not None
    return venue.board


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "replication", "value": value, "unit": unit, "what": what}
