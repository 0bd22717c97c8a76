"""What is asked of the database by key equals a slow search through all events, corrections included."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest

from lockstep.core.rules.intervals import SECONDS
from lockstep.core.schema.records import Accepted, Corrected, Side, Traded
from lockstep.procs.api.history import queries
from lockstep.procs.api.history.intervals import MINUTE_US, PARTS, SECOND_US, Bins, pieces, us_of
from lockstep.procs.api.history.rows import Fill, HistoryUnavailableError, Read
from lockstep.procs.api.history.tables import History, pieces_of
from lockstep.procs.batcher.spool import Spool
from tests.api.test_archive import rows_read
from tests.batcher.conftest import data, database, server  # noqa: F401
from tests.batcher.events import ACCOUNTS, Stream
from tests.batcher.test_positions import positions_of
from tests.batcher.test_spool import spool_all
from tests.batcher.test_writer import batch_after, session

TICK, LOT, UNIT = Decimal("0.01"), Decimal("0.0001"), Decimal("1e-8")
SYMBOL = "BTCUSDT"
T = TypeVar("T")


@pytest.fixture
def loaded(database: str, tmp_path: Path) -> Stream:  # noqa: F811
    stream = Stream(seed=17, day_ns=900_000_000).define()
    spool = Spool(tmp_path)
    with session(database) as opened:
        for turn in range(4):
            stream.day_ns = (900_000_000, 40_000_000_000)[turn % 2]
            spool_all(stream.steps(150), spool)
            opened.write(batch_after(opened, spool))
    return stream


def ask(url: str, question: Callable[[History], Awaitable[T]], **options: Any) -> T:
    async def asked() -> T:
        history = History(url, **options)
        await history.open()
        try:
            return await question(history)
        finally:
            await history.close()

    return asyncio.run(asked())


class Standing:
    """A trade as corrections left it."""

    def __init__(self, trade: Traded, correction: Corrected | None) -> None:
        self.trade = trade
        self.price = (correction.new_price_ticks if correction else trade.price_ticks) * TICK
        self.quantity = trade.quantity_lots * LOT
        fees = {Side(trade.taker_side): trade.taker_fee}
        fees[Side.SELL if trade.taker_side == Side.BUY else Side.BUY] = trade.maker_fee
        if correction:
            fees = {Side.BUY: correction.buyer_fee, Side.SELL: correction.seller_fee}
        self.fees = {side: fee * UNIT for side, fee in fees.items()}


def standing(stream: Stream) -> list[Standing]:
    corrections = {event.trade_id: event for event in stream.events[0] if isinstance(event, Corrected)}
    found = []
    for event in stream.events[1]:
        if isinstance(event, Traded):
            correction = corrections.get(event.number)
            if correction is None or correction.new_price_ticks:
                found.append(Standing(event, correction))
    return found


def fills_of(stream: Stream, account: int) -> list[tuple[Any, ...]]:
    """(trade, order, price, quantity, fee, buys, makes) of an account, purchases from itself first."""
    found = []
    for each in standing(stream):
        trade = each.trade
        taker, maker = Side(trade.taker_side), Side.SELL if trade.taker_side == Side.BUY else Side.BUY
        sides = [
            (trade.taker_account, trade.taker_order_id, taker, False),
            (trade.maker_account, trade.maker_order_id, maker, True),
        ]
        for user, order, side, makes in sorted(sides, key=lambda each: each[2]):
            if user == account:
                row = trade.number, order, each.price, each.quantity, each.fees[side], side == Side.BUY, makes
                found.append(row)
    return found


def told(fill: Fill) -> tuple[Any, ...]:
    price, quantity, fee = map(Decimal, (fill.price, fill.quantity, fill.fee))
    assert fill.fee_asset == ("BTC" if fill.is_buyer else "USDT")
    assert Decimal(fill.value) == price * quantity
    return fill.trade_id, fill.order_id, price, quantity, fee, fill.is_buyer, fill.is_maker


def test_orders_are_found_by_id_client_id_page_and_time(database: str, loaded: Stream) -> None:  # noqa: F811
    async def question(history: History) -> None:
        for account in ACCOUNTS:
            own = [e for e in loaded.events[1] if isinstance(e, Accepted) and e.account == account]
            ids = [event.order_id for event in own]
            found: list[int] = []
            while page := (await history.orders(account, SYMBOL, first=found[-1] + 1 if found else 1, limit=7)).rows:
                found += [order.order_id for order in page]
            assert found == ids
            assert [order.order_id for order in (await history.orders(account, SYMBOL, limit=5)).rows] == ids[-5:]
            middle, later = own[len(own) // 3].time_ns // 1000, own[len(own) // 2].time_ns // 1000
            between = await history.orders(account, SYMBOL, since_us=middle, until_us=later)
            assert [order.order_id for order in between.rows] == ids[len(own) // 3 : len(own) // 2 + 1]
            before = await history.orders(account, SYMBOL, until_us=middle, limit=3)
            assert [order.order_id for order in before.rows] == ids[: len(own) // 3 + 1][-3:]
            (order,) = (await history.order(account, ids[0])).rows
            (same,) = (await history.order_by_client_id(account, order.cl_ord_id, SYMBOL)).rows
            assert same == order
            for stranger in {*ACCOUNTS} - {account}:
                assert (await history.order(stranger, ids[0])).rows == []
                assert (await history.order_by_client_id(stranger, order.cl_ord_id)).rows == []
                assert (await history.fills_of_order(stranger, ids[0])).rows == []

    ask(database, question)


def test_open_orders_are_those_that_are(database: str, loaded: Stream) -> None:  # noqa: F811
    open_ids = sorted(order.order_id for order in (*loaded.resting, *loaded.waiting) if order.leaves)

    async def question(history: History) -> list[int]:
        found: list[int] = []
        for account in ACCOUNTS:
            behind, before = 0, len(found)
            while page := (await history.open_orders(account, behind=behind, limit=3)).rows:
                assert {order.user_id for order in page} == {account}
                behind = page[-1].order_id
                found += [order.order_id for order in page]
            assert (await history.open_orders(account, "NONE")).rows == []
            everything = await history.open_orders(account, SYMBOL)
            assert [order.order_id for order in everything.rows] == found[before:]
        all_orders = await history.all_open_orders(SYMBOL)
        assert sorted(order.order_id for order in all_orders.rows) == sorted(found)
        return found

    assert sorted(ask(database, question)) == open_ids


def test_trades_are_as_corrections_left_them_by_id_and_time(database: str, loaded: Stream) -> None:  # noqa: F811
    expected = [(e.trade.number, e.price, e.quantity, e.trade.time_ns // 1000) for e in standing(loaded)]

    async def question(history: History) -> None:
        found: list[tuple[Any, ...]] = []
        while page := (await history.trades(SYMBOL, first=found[-1][0] + 1 if found else 1, limit=9)).rows:
            found += [(each.trade_id, Decimal(each.price), Decimal(each.quantity), each.time_us) for each in page]
        assert found == expected
        assert [each.trade_id for each in (await history.trades(SYMBOL, limit=4)).rows] == [e[0] for e in expected[-4:]]
        since, until = expected[10][3], expected[30][3]
        between = await history.trades(SYMBOL, since_us=since, until_us=until)
        assert [each.trade_id for each in between.rows] == [e[0] for e in expected if since <= e[3] <= until]
        before = await history.trades(SYMBOL, until_us=until, limit=2)
        assert [each.trade_id for each in before.rows] == [e[0] for e in expected if e[3] <= until][-2:]
        assert (await history.trades("NONE", first=1)).rows == []

    assert sum(isinstance(event, Corrected) for event in loaded.events[0]) > 5
    ask(database, question)


def test_aggregate_trades_are_the_fills_of_an_order_at_a_price(database: str, loaded: Stream) -> None:  # noqa: F811
    groups: list[list[Any]] = []
    last = None
    for each in standing(loaded):
        key = each.trade.cause, each.trade.taker_order_id, each.price
        if key != last:
            groups.append([each.trade.number, each.trade.number, each.price, Decimal(0)])
        last = key
        groups[-1][1] = each.trade.number
        groups[-1][3] += each.quantity

    async def question(history: History) -> None:
        found: list[list[Any]] = []
        first = 1
        while page := (await history.aggregate_trades(SYMBOL, first=first, limit=4)).rows:
            found += [[each.first_id, each.last_id, Decimal(each.price), Decimal(each.quantity)] for each in page]
            first = page[-1].last_id + 1
        assert found == groups
        latest = (await history.aggregate_trades(SYMBOL, limit=3)).rows
        assert [each.first_id for each in latest] == [group[0] for group in groups[-3:]]

    ask(database, question)


def test_an_accounts_fills_are_its_own(database: str, loaded: Stream) -> None:  # noqa: F811
    async def question(history: History) -> None:
        for account in ACCOUNTS:
            expected = fills_of(loaded, account)
            found: list[Fill] = (await history.fills(account, SYMBOL, first=1, limit=1000)).rows
            assert sorted(map(told, found)) == sorted(expected)
            latest = (await history.fills(account, SYMBOL, limit=6)).rows
            assert [each.trade_id for each in latest] == [each[0] for each in expected[-6:]]
            order = expected[0][1]
            mine = (await history.fills_of_order(account, order)).rows
            assert sorted(map(told, mine)) == sorted(each for each in expected if each[1] == order)
            (row,) = (await history.order(account, order, with_value=True)).rows
            assert Decimal(row.value or 0) == sum(each[2] * each[3] for each in expected if each[1] == order)

    ask(database, question)


@pytest.mark.parametrize("offset", [0, -210, 840])
@pytest.mark.parametrize("interval", SECONDS)
def test_candles_have_no_hole(database: str, loaded: Stream, interval: str, offset: int) -> None:  # noqa: F811
    bins = Bins(interval, offset)
    buckets: dict[int, list[Standing]] = {}
    for each in standing(loaded):
        buckets.setdefault(bins.begin(each.trade.time_ns // 1000), []).append(each)

    async def question(history: History) -> None:
        start = min(buckets)
        page = await history.candles(SYMBOL, interval, since_us=start - 10**15, limit=1000, offset=offset)
        candles = page.rows
        assert candles[0].open_us == start
        close = Decimal(0)
        for candle in candles:
            traded = buckets.get(candle.open_us, [])
            prices = [each.price for each in traded] or [close]
            shown = [Decimal(each) for each in (candle.open, candle.high, candle.low, candle.close)]
            assert shown == [prices[0], max(prices), min(prices), prices[-1]]
            assert Decimal(candle.volume) == sum(each.quantity for each in traded)
            assert Decimal(candle.quote_volume) == sum(each.quantity * each.price for each in traded)
            assert candle.trades == len(traded)
            close = prices[-1]
        assert [each.open_us for each in candles[1:]] == [each.close_us + 1 for each in candles[:-1]]
        latest = (await history.candles(SYMBOL, interval, limit=2, offset=offset)).rows
        assert latest[-1].open_us <= page.at.time_us <= latest[-1].close_us
        if len(candles) < 1000:
            assert candles[-2:] == latest

    ask(database, question)


def test_a_span_is_few_stored_candles() -> None:
    """They are next to each other, of whole minutes, and their count has a bound whatever the span's length is."""
    draw = random.Random(5)
    for _ in range(2000):
        begins = draw.randrange(10**6) * MINUTE_US
        ends = begins + draw.choice((1, 3, 30, 60, 1440, 3 * 1440, 31 * 1440)) * MINUTE_US
        found = pieces(begins, ends)
        assert [found[0][1], *(each[2] for each in found)] == [*(each[1] for each in found), ends]
        rows = 0
        for name, since, until in found:
            length = SECONDS[name] * SECOND_US
            assert since % length == until % length == 0
            assert since < until
            rows += (until - since) // length
        assert found[0][1] == begins
        assert rows <= 31 + 2 * (23 + 11 + 4)
    assert pieces(0, 31 * 1440 * MINUTE_US) == [("1d", 0, 31 * 1440 * MINUTE_US)]


def test_a_page_by_other_clocks_reads_its_own_candles_only(database: str) -> None:  # noqa: F811
    """Sixty days have 100,000 stored candles; a page of ten days at 05:45 has 35 rows a day."""
    bins, days = Bins("1d", 345), 10
    with psycopg.connect(database) as connection:
        for name in PARTS:
            connection.execute(
                """
                INSERT INTO candles SELECT %s, %s, bin, 1, 2, 1, 2, 1, 1, 1, 1, 1
                FROM generate_series('2023-01-01 00:00Z', '2023-03-01 00:00Z', %s::interval) AS bin
                """,
                [SYMBOL, name, timedelta(seconds=SECONDS[name])],
            )
        connection.execute("ANALYZE candles")
        begins = bins.begin(us_of(datetime(2023, 2, 1, tzinfo=UTC)))
        key = {"symbol": SYMBOL, **pieces_of(bins, begins, bins.forward(begins, days))}
        assert [row[7] for row in connection.execute(queries.PIECED_CANDLES, key)] == [23 + 9 + 3] * days
        (plan,) = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {queries.PIECED_CANDLES}", key).fetchone() or (
            [],
        )
        assert rows_read(plan[0]["Plan"]) <= 2 * 35 * days


def test_positions_are_there_while_they_are_being_made_again(database: str, loaded: Stream, tmp_path: Path) -> None:  # noqa: F811
    expected = {account: each.quantity * UNIT for account, each in positions_of(loaded).items()}

    async def question(history: History) -> None:
        for account in ACCOUNTS:
            (row,) = (await history.positions(account, SYMBOL)).rows
            assert Decimal(row.quantity) == expected[account]
        assert [row.user_id for row in (await history.all_positions()).rows] == list(ACCOUNTS)
        assert [row.user_id for row in (await history.all_positions((1, SYMBOL), limit=1)).rows] == [2]

    ask(database, question)
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM position_gaps").fetchone()
        assert row is not None
        assert row[0] > 0
    with session(database) as opened:
        batch_after(opened, Spool(tmp_path / "empty"))
        while opened.make_missing():
            pass
    ask(database, question)


def test_a_read_says_at_which_watermark_it_was_made(database: str, loaded: Stream) -> None:  # noqa: F811
    at: Read[Any] = ask(database, lambda history: history.trades(SYMBOL, limit=1))
    assert at.at.complete_seq == loaded.seq
    assert at.at.numbers[:2] == (len(loaded.rings[0]), len(loaded.rings[1]))
    assert at.at.time_us == max(events[-1].time_ns for events in loaded.events.values()) // 1000


@pytest.mark.usefixtures("loaded")
def test_a_server_that_is_away_or_slow_is_one_exception(database: str) -> None:  # noqa: F811
    nowhere = database.replace("host=", "host=%2Fnowhere")
    with pytest.raises(HistoryUnavailableError):
        ask(nowhere, lambda history: history.trades(SYMBOL))
    with psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE trades")
        with pytest.raises(HistoryUnavailableError, match="timeout"):
            ask(database, lambda history: history.trades(SYMBOL), statement_ms=100)
    assert ask(database, lambda history: history.trades(SYMBOL, limit=1)).rows
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP TABLE candles")
    with pytest.raises(HistoryUnavailableError):
        ask(database, lambda history: history.candles(SYMBOL, "1m"))
