"""Positions joined of memory's fills and PostgreSQL are those of all trades, as corrections left them."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_right
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.core.schema.layout import unpack_event
from lockstep.core.schema.records import Corrected, EventType, Side, Traded
from lockstep.core.venue.snapshot_parts import Kept
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.errors import DeclinedError
from lockstep.procs.api.history.average_cost import AverageCost
from lockstep.procs.api.read.archive import Archive
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.batcher.spool import Spool
from lockstep.shm.ring import Ring
from tests.api.test_archive import Memory, joined, load, run_ahead
from tests.batcher.conftest import data, database, server  # noqa: F401
from tests.batcher.events import ACCOUNTS, BTCUSDT, Stream
from tests.batcher.test_positions import positions_of
from tests.event_feed import EventFeed, cause_of
from tests.models.position import Position
from tests.router.random_driver import rested
from tests.router.rig import LISTINGS

KEPT = 200


def figures(position: AverageCost | Position) -> tuple[int, int, int, int]:
    return position.quantity, position.cost, position.realised, position.fills


@pytest.mark.parametrize("seed", range(30))
def test_average_cost_is_the_models(seed: int) -> None:
    chance = random.Random(seed)
    ours, model = AverageCost(), Position()
    for _ in range(300):
        quantity, money = (
            chance.choice((-1, 1)) * chance.choice((0, 1, chance.randint(1, 10**13))),
            chance.randint(0, 10**18),
        )
        ours.fill(quantity, money)
        model.fill(quantity, money)
        assert figures(ours) == figures(model)


@pytest.mark.parametrize("seed", range(4))
def test_positions_have_no_gap_and_nothing_twice(database: str, tmp_path: Path, seed: int) -> None:  # noqa: F811
    """The database is behind by some trades, corrected ones among them, and by none."""
    stream = Stream(seed=seed).define().steps(200)
    memory = Memory(stream, KEPT)
    spool = Spool(tmp_path)
    for _ in range(3):
        run_ahead(database, stream, spool)
        memory.read_all()
        expected = {account: figures(each) for account, each in positions_of(stream).items()}

        async def question(archive: Archive) -> Any:
            return {account: (await archive.positions(account)).get(BTCUSDT) for account in ACCOUNTS}

        found = joined(database, memory, question)
        assert {account: figures(each) for account, each in found.items()} == expected


def test_a_correction_that_the_database_lacks_is_waited_for(database: str, tmp_path: Path) -> None:  # noqa: F811
    """Also by a desk that begins from a part, which does not know what was corrected before."""
    stream = Stream(seed=7).define().steps(200)
    memory = Memory(stream, KEPT)
    spool = Spool(tmp_path)
    load(database, stream, spool)
    stream.correct()
    memory.read_all()
    kept = Kept()
    kept.save(kept.start.seq, "api", memory.desk.save)
    part = kept.load("api")
    assert part is not None
    again = Memory(stream, KEPT)
    again.desk.load(part)

    async def question(archive: Archive) -> Any:
        return figures((await archive.positions(1))[BTCUSDT])

    for desk in (memory, again):
        with pytest.raises(DeclinedError, match="history is behind"):
            joined(database, desk, question)
    load(database, stream, spool)
    for desk in (memory, again):
        assert joined(database, desk, question) == figures(positions_of(stream)[1])


@pytest.mark.parametrize("seed", range(6))
def test_fills_behind_any_watermark_are_known_or_said_to_be_lost(seed: int) -> None:
    """Two matchers' rings that are not equally far; memory forgets. What is behind a watermark is complete, or None."""
    chance = random.Random(seed)
    rig = rested(steps=900, seed=seed)
    causes = {ring: [cause_of(record) for record in rig.events[ring]] for ring in (1, 2)}
    sides = _sides(rig.events)
    feed = EventFeed(rig.events, "api", slots=1 << 15)
    desk = Desk(IngressWriter(Ring.private(16, ["router"]).producer()), None, asyncio.Future, 60)
    desk.attach(feed.consumers, feed.board)
    shown = Shown(desk)
    end = len(rig.log)
    feed.release(end)
    assert feed.publish_to(0)
    reached = [0, 0]
    told = 0
    while min(reached) < end:
        which = chance.choice((0, 1))
        reached[which] = min(end, reached[which] + chance.choice((3, 40, 400)))
        feed.done(*reached)
        assert feed.publish_to(which + 1, reached[which])
        while desk.poll(rig.now):
            pass
        numbers = [desk.position(ring) for ring in range(3)]
        for complete in {max(0, min(reached) - chance.choice((0, 5, 50, 500))) for _ in range(4)}:
            has = [numbers[0], *(bisect_right(causes[ring], complete) for ring in (1, 2))]
            for account in range(1, 5):
                found = shown.fills_behind(account, has, complete)
                if found is not None:
                    told += len(found)
                    assert sorted(found) == _behind(sides, account, has, numbers), (account, complete, reached)
    assert told > 20
    assert shown.fills_behind(1, [desk.position(ring) for ring in range(3)], end) == []


class _Side(NamedTuple):
    """A side of a trade as it was made, as `fills_behind` has it, and as a correction left it, from an event on."""

    ring: int
    number: int
    account: int
    made: tuple[int, int, int]
    corrected_number: int
    corrected: tuple[int, int, int] | None


def _sides(events: dict[int, list[bytes]]) -> list[_Side]:
    terms = {listing[0]: listing[4:6] for listing in LISTINGS}
    told = [unpack_event(record) for record in events[0] if record[4] == EventType.CORRECTED]
    corrections = {(each.matcher, each.trade_id): each for each in told if isinstance(each, Corrected)}
    found = []
    for ring in (1, 2):
        for record in events[ring]:
            if record[4] != EventType.TRADED:
                continue
            trade = unpack_event(record)
            assert isinstance(trade, Traded)
            correction = corrections.get((ring, trade.number))
            buys = trade.taker_side == Side.BUY
            for account, fee, is_buyer in (
                (trade.taker_account, trade.taker_fee, buys), (trade.maker_account, trade.maker_fee, not buys),
            ):  # fmt: skip
                made, after = (
                    _moved(trade, price, fee, *terms[trade.instrument], is_buyer=is_buyer)
                    for price in (trade.price_ticks, correction.new_price_ticks if correction else 0)
                )
                found.append(_Side(
                    ring, trade.number, account, made, correction.number if correction else 2**62,
                    after if correction and correction.new_price_ticks else None,
                ))  # fmt: skip
    return found


def _moved(
    trade: Traded, price: int, fee: int, unit_value: int, lot_units: int, *, is_buyer: bool
) -> tuple[int, int, int]:
    quantity, money = trade.quantity_lots * lot_units, price * trade.quantity_lots * unit_value
    return (trade.instrument, quantity - fee, money) if is_buyer else (trade.instrument, -quantity, money - fee)


def _behind(sides: list[_Side], account: int, has: list[int], numbers: list[int]) -> list[tuple[int, int, int]]:
    found = []
    for side in sides:
        if side.account == account and has[side.ring] < side.number <= numbers[side.ring]:
            left = side.corrected if side.corrected_number <= numbers[0] else side.made
            found += [left] if left is not None else []
    return sorted(found)
