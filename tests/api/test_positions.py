"""Positions joined of memory's fills and PostgreSQL are those of all trades, as corrections left them."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from procs.api.binance.archive import Archive
from procs.api.binance.errors import ApiError
from procs.api.binance.shown import Shown
from procs.api.desk import Desk
from procs.api.history.average_cost import AverageCost
from procs.batcher.spool import Spool
from procs.intake.ingress_writer import IngressWriter
from procs.venue.snapshot_parts import Kept
from shm.layout import unpack_event
from shm.records import Corrected, Side, Traded
from shm.ring import Ring
from tests.api.test_archive import Memory, joined, load, run_ahead
from tests.batcher.conftest import data, database, server  # noqa: F401
from tests.batcher.events import ACCOUNTS, BTCUSDT, Stream
from tests.batcher.test_positions import positions_of
from tests.event_feed import EventFeed
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
        with pytest.raises(ApiError, match="history is behind"):
            joined(database, desk, question)
    load(database, stream, spool)
    for desk in (memory, again):
        assert joined(database, desk, question) == figures(positions_of(stream)[1])


@pytest.mark.parametrize("seed", range(6))
def test_fills_behind_any_watermark_are_known_or_said_to_be_lost(seed: int) -> None:
    """Two matchers' rings that are not equally far; memory forgets. What is behind a watermark is complete, or None."""
    chance = random.Random(seed)
    rig = rested(steps=900, seed=seed)
    feed = EventFeed(rig.events, "api", slots=1 << 15)
    desk = Desk(IngressWriter(Ring.private(16, ["router"]).producer()), None, asyncio.Future, 60)
    desk.attach(feed.consumers, feed.board)
    shown = Shown(desk)
    end = len(rig.log)
    feed.release(end)
    assert feed.publish_to(0)
    reached = [0, 0]
    while min(reached) < end:
        which = chance.choice((0, 1))
        reached[which] = min(end, reached[which] + chance.choice((3, 40, 400)))
        feed.done(*reached)
        assert feed.publish_to(which + 1, reached[which])
        while desk.poll(rig.now):
            pass
        numbers = [desk.position(ring) for ring in range(3)]
        for complete in {chance.randint(0, min(reached)) for _ in range(8)}:
            has = [numbers[0], *(_last_up_to(rig.events[ring], complete) for ring in (1, 2))]
            for account in range(1, 5):
                found = shown.fills_behind(account, has, complete)
                if found is not None:
                    expected = _fills(rig.events, account, has, numbers)
                    assert sorted(found) == sorted(expected), (account, complete, reached)
    assert shown.fills_behind(1, [desk.position(ring) for ring in range(3)], end) == []


def _last_up_to(records: list[bytes], seq: int) -> int:
    return sum(unpack_event(record).cause <= seq for record in records)


def _fills(
    events: dict[int, list[bytes]], account: int, has: list[int], numbers: list[int]
) -> list[tuple[int, int, int]]:
    """As `fills_behind` has them."""
    told = map(unpack_event, events[0][: numbers[0]])
    corrections = {(each.matcher, each.trade_id): each for each in told if isinstance(each, Corrected)}
    terms = {listing[0]: listing[4:6] for listing in LISTINGS}
    found = []
    for ring in (1, 2):
        for event in map(unpack_event, events[ring][has[ring] : numbers[ring]]):
            corrected = corrections.get((ring, event.number))
            if not isinstance(event, Traded) or (corrected and not corrected.new_price_ticks):
                continue
            unit_value, lot_units = terms[event.instrument]
            quantity = event.quantity_lots * lot_units
            money = (corrected.new_price_ticks if corrected else event.price_ticks) * event.quantity_lots * unit_value
            buys = event.taker_side == Side.BUY
            for who, fee, is_buyer in (
                (event.taker_account, event.taker_fee, buys), (event.maker_account, event.maker_fee, not buys),
            ):  # fmt: skip
                if who == account:
                    sold = (event.instrument, -quantity, money - fee)
                    found.append((event.instrument, quantity - fee, money) if is_buyer else sold)
    return found
