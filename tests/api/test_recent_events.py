"""A stream that is cut anywhere and goes on behind its position is the one that was not cut: random histories, rings
that are read out of step, restarts from a part."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import Any

import pytest

from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.core.schema.layout import pack, unpack_event
from lockstep.core.schema.records import (
    Balance,
    Code,
    CommandType,
    Confirmed,
    Corrected,
    Event,
    KillScope,
    Rejected,
    Traded,
)
from lockstep.core.venue.snapshot_parts import Kept
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.api.recent_events import OPERATORS, Ahead, Cursor, TooOld
from lockstep.procs.api.v1.shown import fill_shown, order_shown
from lockstep.shm.board import Word
from lockstep.shm.ring import Ring
from tests.batcher.events import Stream
from tests.batcher.feed import Feed
from tests.broken import BrokenError, require
from tests.event_feed import EventFeed

ACCOUNTS = (1, 2, 3)
RINGS = 4
COMMANDS = 300
MATCHERS = range(1, RINGS)
Chains = list[int]


def _event(chance: random.Random, ring: int, seq: int, number: int) -> Event:
    """One that needs no order; a correction tells two accounts, a kill switch operators too."""
    head: dict[str, Any] = {"cause": seq, "number": number, "time_ns": seq}
    account = chance.choice(ACCOUNTS)
    kind = chance.randrange(8 if ring == 0 else 1)
    if kind == 0:
        return Rejected(
            **head, order_id=0, price_ticks=0, quantity_lots=0, account=account, session=account, cl_ord_id=b"c",
            side=1, command=CommandType.CANCEL, code=Code.UNKNOWN_ORDER,
        )  # fmt: skip
    if kind == 1:
        return Confirmed(
            **head, account=account, session=0, target=account, command=CommandType.KILL_SWITCH, cl_ord_id=b"k",
            side=KillScope.ACCOUNT,
        )  # fmt: skip
    if kind == 2:
        return Corrected(
            **head, trade_id=1, price_ticks=1, quantity_lots=1, new_price_ticks=2, buyer=account,
            seller=chance.choice(ACCOUNTS), buyer_fee=0, seller_fee=0, matcher=1,
        )  # fmt: skip
    return Balance(**head, account=account, asset=1, free=seq, held=0)


def history(chance: random.Random) -> dict[int, list[bytes]]:
    """Commands that each have events in some rings."""
    rings: dict[int, list[bytes]] = {ring: [] for ring in range(RINGS)}
    for seq in range(1, COMMANDS + 1):
        for ring, records in rings.items():
            for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 5))):
                records.append(pack(_event(chance, ring, seq, len(records) + 1)))
    return rings


def parts_of(event: Any) -> list[tuple[int, int]]:
    """Who is told of an event, and as which part of it."""
    if isinstance(event, Corrected):
        return [(event.buyer, 0), (event.seller, 1)]
    if isinstance(event, Confirmed):
        return [(event.target, 0), (OPERATORS, 2)]
    return [(event.account, 0)]


def expected(rings: dict[int, list[bytes]], chains: Chains) -> list[str]:
    """The positions of all that these are told, in their order."""
    found = [
        f"{event.cause:016x}{ring << 60 | event.number << 2 | part:016x}"
        for ring, records in rings.items()
        for event in map(unpack_event, records)
        for chain, part in parts_of(event)
        if chain in chains
    ]
    return sorted(found)


class Venue:
    """A desk that reads a history bit by bit, each ring at its own pace, and may be made anew from a part."""

    def __init__(self, chance: random.Random, kept: int) -> None:
        self.chance = chance
        self.kept = kept
        self.rings = history(chance)
        self.done = [0] * RINGS
        self.parts = Kept()
        self.desk = self._made()
        self.feed = EventFeed(self.rings, "api", slots=1 << 12)
        self.feed.board.set(Word.EPOCH, 1)
        self.desk.attach(self.feed.consumers, self.feed.board)

    def _made(self) -> Desk:
        return Desk(IngressWriter(Ring.private(16, ["router"]).producer()), None, asyncio.Future, self.kept)

    def step(self) -> None:
        """Some ring has more, and perhaps more is committed; the desk looks."""
        for ring in range(RINGS):
            if self.chance.random() < 0.5:
                self.done[ring] = min(COMMANDS, self.done[ring] + self.chance.randrange(12))
                self.feed.publish_to(ring, self.done[ring])
        self.feed.release(self.done[0])
        self.feed.done(*self.done[1:])
        self.desk.poll(0)

    def finish(self) -> None:
        self.done = [COMMANDS] * RINGS
        self.feed.publish()
        self.feed.commit(COMMANDS)
        while self.desk.poll(0):
            pass

    def save(self) -> None:
        self.parts.save(self.parts.start.seq, "api", self.desk.save)

    def restart(self) -> None:
        """A successor from the last part, which has read all that its predecessor had before anybody asks it."""
        told = self.desk.recent.told
        part = self.parts.load("api")
        if part is None:
            return
        self.desk = self._made()
        self.desk.load(part)
        behind = [self.desk.position(ring) for ring in range(RINGS)]
        self.feed = EventFeed(self.rings, "api", slots=1 << 12, behind=behind, board=self.feed.board)
        for ring in range(RINGS):
            self.feed.publish_to(ring, self.done[ring])
        self.desk.attach(self.feed.consumers, self.feed.board)
        while self.desk.recent.told < told:
            self.desk.poll(0)


class Client:
    """One that is cut off now and then, and resumes behind the last position that it had; `where` says which."""

    def __init__(self, venue: Venue, chains: Chains) -> None:
        self.venue = venue
        self.chains = chains
        self.got: list[str] = []
        self.positions: list[str] = [venue.desk.recent.end]
        self.cursor = Cursor(venue.desk.recent, chains)

    def where(self) -> str:
        return self.positions[-1]

    def resume(self) -> None:
        self.cursor = Cursor(self.venue.desk.recent, self.chains, self.where())

    def read(self, most: int) -> None:
        for _ in range(most):
            if not self.cursor.next():
                self.positions.append(self.cursor.text)  # as a heartbeat has it
                return
            require(int(self.cursor.text[:16], 16) <= self.venue.desk.recent.told, "it was told too early")
            self.got.append(self.cursor.text)
            self.positions.append(self.cursor.text)


class LosesOne(Client):
    """It resumes behind an event that it has not had."""

    def where(self) -> str:
        peek = Cursor(self.venue.desk.recent, self.chains, self.positions[-1])
        return peek.text if peek.next() else self.positions[-1]


class DoublesOne(Client):
    """It resumes before the last event that it had."""

    def where(self) -> str:
        return (["0" * 32, *self.got])[-2] if self.got else self.positions[-1]


def run(seed: int, kind: type[Client], kept: int = 1 << 16) -> None:
    """BrokenError where a client has not had everything once, in order."""
    chance = random.Random(seed)
    venue = Venue(chance, kept)
    clients = [kind(venue, chains) for chains in ([1], [2], [3], [1, OPERATORS])]
    while min(venue.done) < COMMANDS:
        venue.step()
        if chance.random() < 0.1:
            venue.save()
        restarts = chance.random() < 0.05
        if restarts:
            venue.restart()
        for client in clients:
            if restarts or chance.random() < 0.3:
                client.resume()
            client.read(chance.choice((0, 1, 5, 100)))
    venue.finish()
    for client in clients:
        client.resume()
        client.read(1 << 20)
        require(client.got == expected(venue.rings, client.chains), "a stream is not what happened")


@pytest.mark.parametrize("seed", range(8))
def test_a_stream_that_is_cut_anywhere_is_the_whole_one(seed: int) -> None:
    run(seed, Client)


@pytest.mark.parametrize("planted", [LosesOne, DoublesOne])
def test_one_event_more_or_less_is_found(planted: type[Client]) -> None:
    with pytest.raises(BrokenError):
        run(1, planted)


def behind(desk: Desk, chains: Chains, position: str) -> list[str]:
    """All that is told behind a position. TooOld."""
    cursor = Cursor(desk.recent, chains, position)
    found = []
    while cursor.next():
        found.append(cursor.text)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_what_memory_lacks_is_too_old_and_nothing_else_is(seed: int) -> None:
    """The position that is told instead is that of an event which is gone; behind it all are there."""
    chance = random.Random(seed)
    venue = Venue(chance, kept=chance.choice((1, 50, 200)))
    whole = [(chains, expected(venue.rings, chains)) for chains in ([1], [2, OPERATORS])]
    too_old = 0
    while min(venue.done) < COMMANDS:
        venue.step()
        if chance.random() < 0.2:
            venue.save()
            venue.restart()
        told = f"{venue.desk.recent.told:016x}".ljust(32, "f")
        for chains, positions in whole:
            begin = chance.choice(["0" * 32, *positions])
            try:
                found = behind(venue.desk, chains, min(begin, told))
            except TooOld as error:
                too_old += 1
                begin = error.args[0]
                assert begin in positions
                found = behind(venue.desk, chains, begin) if begin <= told else []
            assert found == [position for position in positions if begin < position <= told]
    assert too_old


def test_a_reader_that_is_overtaken_is_told_so() -> None:
    venue = Venue(random.Random(3), kept=20)
    cursor = Cursor(venue.desk.recent, [1])
    venue.finish()
    with pytest.raises(TooOld):
        cursor.next()


def test_a_position_with_too_much_behind_it_is_too_old_though_memory_has_it() -> None:
    """To find where a stream goes on takes time that orders don't have."""
    many = 100_300
    record = bytearray(pack(Balance(account=1, asset=1, free=1, held=0)))
    records = []
    for number in range(1, many + 1):
        record[8:16] = record[24:32] = number.to_bytes(8, "little")  # cause and number
        records.append(bytes(record))
    feed = EventFeed({0: records, 1: []}, "api", slots=1 << 17)
    desk = Desk(IngressWriter(Ring.private(16, ["router"]).producer()), None, asyncio.Future)
    desk.attach(feed.consumers, feed.board)
    feed.publish()
    feed.commit(many)
    while desk.poll(0):
        pass
    with pytest.raises(TooOld) as too_old:
        Cursor(desk.recent, [1], "0" * 32)
    assert len(behind(desk, [1], too_old.value.args[0])) == 100_000


def test_what_is_no_position_of_this_log_is_refused() -> None:
    venue = Venue(random.Random(3), 1 << 10)
    venue.finish()
    end = venue.desk.recent.end
    Cursor(venue.desk.recent, [1], end)
    with pytest.raises(Ahead):
        Cursor(venue.desk.recent, [1], f"{COMMANDS + 2:016x}{0:016x}")
    for wrong in ("", "x", end[:-1], end + "0", "-" + end[1:], "g" * 32, "²" * 32, " " * 32, "0x" + end[2:], "A" * 32):
        with pytest.raises(ValueError, match="32 hexadecimal digits"):
            Cursor(venue.desk.recent, [1], wrong)


def test_an_order_is_told_as_it_stood_after_its_event() -> None:
    """Whatever became of it later."""
    stream = Stream(seed=11).define().steps(400)
    feed = Feed(stream, 1 << 15)
    desk = Desk(IngressWriter(Ring.private(16, ["router"]).producer()), None, asyncio.Future, 1 << 14)
    shown = Shown(desk)
    then: dict[int, list[Any]] = {account: [] for account in ACCOUNTS}

    def note(account: int, _what: int, order_id: int, ring: int, record: bytes, fill: int) -> None:
        event = unpack_event(record)
        if order_id and event.instrument:  # the stream refuses some for no instrument at all
            view = shown.order_of(order_id)
            assert view is not None
            fills = [fill_shown(shown.numbered_fill(fill))] if fill else []
            place = (event.cause, ring, event.number)
            then[account].append((place, order_shown(view, desk.orders.further(order_id)), fills))

    for account in ACCOUNTS:
        desk.listeners.add(account, partial(note, account))
    desk.attach(feed.consumers, feed.board)
    assert feed.publish(stream.seq)
    feed.commit(stream.seq)
    while desk.poll(0):
        pass
    for account in ACCOUNTS:
        cursor = Cursor(desk.recent, [account], "0" * 32)
        told = []
        while cursor.next():
            found = shown.order_then(cursor)
            if found is not None:
                is_trade = isinstance(unpack_event(cursor.event[0]), Traded)
                told.append([order_shown(*found), [fill_shown(shown.fill_then(cursor))] if is_trade else []])
        assert len(told) > 100
        assert told == [said for _, *said in sorted(then[account], key=lambda each: each[0])]


def test_who_is_watched_is_noted_once() -> None:
    venue = Venue(random.Random(4), 1 << 10)
    woken: list[int] = []
    venue.desk.recent.wake = lambda: woken.append(1)
    for account in (1, 2):
        venue.desk.recent.watch(account, True)
    venue.desk.recent.watch(2, False)
    venue.finish()
    assert woken
    assert venue.desk.recent.take_noted() == [1]
    assert venue.desk.recent.take_noted() == []


def test_who_is_watched_no_more_is_not_noted() -> None:
    venue = Venue(random.Random(4), 1 << 10)
    for account in ACCOUNTS:
        venue.desk.recent.watch(account, True)
    venue.finish()
    venue.desk.recent.watch(2, False)
    assert sorted(venue.desk.recent.take_noted()) == [1, 3]
