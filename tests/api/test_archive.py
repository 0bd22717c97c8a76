"""Orders and fills joined of memory and PostgreSQL are those of a memory that forgets nothing; random streams."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.core.schema.records import Accepted, Corrected, KeyKind, KeyScope, Prevented, Replaced, SelfTrade, Traded
from lockstep.procs.api.binance.answers import MICROSECOND, order_rows, trade_rows
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.errors import ApiError, declined
from lockstep.procs.api.binance.order_history import OrderHistory
from lockstep.procs.api.binance.pages import read_page
from lockstep.procs.api.binance.parameters import of_request
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.errors import DeclinedError
from lockstep.procs.api.history import queries
from lockstep.procs.api.history.tables import History
from lockstep.procs.api.keys import ApiKey
from lockstep.procs.api.moments import LAST_MS, LAST_NS
from lockstep.procs.api.read import archive
from lockstep.procs.api.read.archive import Archive
from lockstep.procs.api.read.archive import _key as key_of
from lockstep.procs.api.read.pages import EVER_NS, Page
from lockstep.procs.api.read.past import Past
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.batcher.spool import Spool
from lockstep.shm.ring import Ring
from tests.batcher.conftest import data, database, server  # noqa: F401
from tests.batcher.events import ACCOUNTS, BTCUSDT, Stream
from tests.batcher.feed import Feed
from tests.batcher.test_spool import spool_all
from tests.batcher.test_writer import batch_after, session
from tests.pipeline.number_edges import EDGES

SYMBOL = b"BTCUSDT"
KEPT = 40  # closed orders, and fills, of the memory that forgets
NOWHERE = "postgresql://127.0.0.1:1/none"


class Memory:
    """A desk that reads a stream; `kept` as the desk has it."""

    def __init__(self, stream: Stream, kept: int) -> None:
        self.stream = stream
        self.feed = Feed(stream, 1 << 15)
        self.desk = Desk(IngressWriter(Ring.private(16, ["router"]).producer()), None, asyncio.Future, kept)
        self.desk.attach(self.feed.consumers, self.feed.board)
        self.shown = Shown(self.desk)

    def read_all(self) -> None:
        """Take everything that the stream has by now."""
        assert self.feed.publish(self.stream.seq)
        self.feed.commit(self.stream.seq)
        while self.desk.poll(0):
            pass


def joined(url: str, memory: Memory, question: Callable[[Archive], Awaitable[Any]]) -> Any:
    async def asked() -> Any:
        past = Past(History(url))
        try:
            return await question(Archive(memory.shown, past))
        finally:
            await past.close()

    return asyncio.run(asked())


def load(url: str, stream: Stream, spool: Spool) -> None:
    """Have the database take everything of the stream."""
    with session(url) as opened:
        spool_all(stream, spool)
        opened.write(batch_after(opened, spool))


def corrections(stream: Stream) -> int:
    return sum(isinstance(event, Corrected) for event in stream.events[0])


def run_ahead(url: str, stream: Stream, spool: Spool) -> None:
    """Commands that the database does not have, without a correction of what memory has forgotten."""
    load(url, stream, spool)
    before = corrections(stream)
    stream.steps(25)
    while corrections(stream) > before:
        load(url, stream, spool)
        before = corrections(stream)
        stream.steps(25)


def pages(stream: Stream, chance: random.Random, most: int) -> list[Page]:
    """Some of each kind; `most` is the largest id there is."""
    times = [event.time_ns for event in stream.events[1]]
    found = [Page(0, 0, EVER_NS, limit) for limit in (1, 17, 1000)]
    for _ in range(12):
        begin, end = sorted(chance.sample(times, 2))
        limit = chance.choice((1, 5, 50, 1000))
        found += [
            Page(chance.randint(1, most), 0, EVER_NS, limit),
            Page(0, begin // 1000 * 1000, EVER_NS, limit),
            Page(0, begin // 1000 * 1000, end // 1000 * 1000 + 999, limit),
            Page(0, 0, end // 1000 * 1000 + 999, limit),
        ]
    return found


def orders_of(views: Any, replaced: set[int]) -> Any:
    """As answers have them. A replace of the stream may take terms away, as no matcher's does: a row keeps them."""
    rows = json.loads(order_rows(list(views), MICROSECOND))
    for row in rows:
        if row["orderId"] in replaced:
            del row["stopPrice"], row["icebergQty"]
    return rows


def trades_of(views: Any) -> Any:
    return json.loads(trade_rows(list(views), MICROSECOND))


@pytest.mark.parametrize("seed", range(4))
def test_pages_have_no_gap_and_nothing_twice(database: str, tmp_path: Path, seed: int) -> None:  # noqa: F811
    """The database is behind by some, which memory still has; rows change while it is asked."""
    print("seed", seed)
    compare_pages(database, tmp_path, seed)


def test_fills_that_are_shown_twice_at_the_watermark_are_found(
    database: str,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Planted: a fill that both memory and the database have is two."""
    monkeypatch.setattr(archive, "_key", lambda view: (key_of(view), id(view)))
    with pytest.raises(AssertionError):
        compare_pages(database, tmp_path, 0)


def compare_pages(database: str, tmp_path: Path, seed: int) -> None:  # noqa: F811
    """Pages of a short memory and the database are those of a memory that forgets nothing."""
    chance = random.Random(seed)
    stream = Stream(seed=seed).define().steps(300)
    memory, whole = Memory(stream, KEPT), Memory(stream, 1 << 16)
    run_ahead(database, stream, Spool(tmp_path))
    memory.read_all()
    whole.read_all()
    assert memory.shown.forgotten_seq()
    symbol = whole.shown.symbol(BTCUSDT)
    replaced = {event.order_id for event in stream.events[1] if isinstance(event, Replaced)}
    orders = [event.order_id for event in stream.events[1] if isinstance(event, Accepted)]

    async def question(archive: Archive) -> None:
        for account in ACCOUNTS:
            for page in pages(stream, chance, max(orders)):
                found = await archive.orders(account, symbol, BTCUSDT, page)
                expected, _ = whole.shown.orders(account, BTCUSDT, page)
                assert orders_of(found, replaced) == orders_of(expected, replaced), page
            for page in pages(stream, chance, len(stream.events[1])):
                for order_id in (0, 0, chance.choice(orders)):
                    fills = await archive.fills(account, symbol, BTCUSDT, order_id, page)
                    made, _, _ = whole.shown.fills(account, BTCUSDT, order_id, page)
                    assert trades_of(fills) == trades_of(made), (page, order_id)
            for order_id in orders:
                one = await archive.order(account, order_id, None)
                known = whole.shown.find(account, order_id, None)
                assert (one is None) == (known is None)
                if one is not None:
                    assert orders_of([one], replaced) == orders_of([known], replaced)

    joined(database, memory, question)


def test_search_of_ids_and_times_at_the_edge(database: str, tmp_path: Path) -> None:  # noqa: F811
    """Each edge in each place of a page, asked of memory and of the database: rows, or a refusal."""
    stream = Stream(seed=8).define().steps(300)
    memory = Memory(stream, KEPT)
    run_ahead(database, stream, Spool(tmp_path))
    memory.read_all()
    assert memory.shown.forgotten_seq()

    async def question(archive: Archive) -> None:
        symbol = memory.shown.symbol(BTCUSDT)
        for value, name in itertools.product(EDGES, ("startTime", "endTime", "fromId", "limit")):
            with contextlib.suppress(ApiError, DeclinedError):
                page = read_page(of_request(f"{name}={quote(value)}".encode(), b""), b"fromId")
                await archive.orders(1, symbol, BTCUSDT, page)
                await archive.fills(1, symbol, BTCUSDT, 0, page)
                memory.shown.lists(1, page)
        for order_id in (0, 1, 2**31, 2**32, 2**53, 2**63 - 1):
            assert await archive.order(1, order_id, None) is None or order_id == 1
            assert len(await archive.fills(1, symbol, BTCUSDT, order_id, Page(0, 0, EVER_NS, 10))) >= 0

    joined(database, memory, question)


def amendments_of(stream: Stream) -> dict[int, list[tuple[int, str, str, float, float]]]:
    """By order: sequence, both client ids, and the quantities before and after, worked out event by event."""
    names: dict[int, str] = {}
    filled: dict[int, int] = defaultdict(int)
    found: dict[int, list[tuple[int, str, str, float, float]]] = defaultdict(list)
    for event in stream.events[1]:
        if isinstance(event, Accepted):
            names[event.order_id] = event.cl_ord_id.decode()
        elif isinstance(event, Traded):
            for order_id in (event.maker_order_id, event.taker_order_id):
                filled[order_id] += event.quantity_lots
        elif isinstance(event, Replaced):
            was, names[event.order_id] = names[event.order_id], event.cl_ord_id.decode()
            before, after = (
                (filled[event.order_id] + lots) / 10**4 for lots in (event.old_leaves_lots, event.leaves_lots)
            )
            if event.kept_priority:
                found[event.order_id].append((event.cause, was, names[event.order_id], before, after))
    return found


@pytest.mark.parametrize("loads", [1, 8])
def test_amendments_are_those_of_the_order(database: str, tmp_path: Path, loads: int) -> None:  # noqa: F811
    """Written in one batch, or in several; after fills, other replaces and other amendments of the order."""
    stream, spool = Stream(seed=11).define(), Spool(tmp_path)
    memory = Memory(stream, KEPT)
    for number in range(200):
        stream.steps(2)
        for order in [order for order in stream.resting if order.leaves > 1][:2]:
            stream.amend(order)
        if number % (200 // loads) == 200 // loads - 1:
            load(database, stream, spool)
    memory.read_all()
    expected = amendments_of(stream)
    owners = {event.order_id: event.account for event in stream.events[1] if isinstance(event, Accepted)}
    assert max(len(some) for some in expected.values()) > 2

    async def amendments(past: Past, account: int, **sent: object) -> list[dict[str, Any]]:
        return await answered(OrderHistory(memory.desk, memory.shown, past).amendments, account, **sent)

    async def asked() -> None:
        past = Past(History(database))
        names = ("executionId", "origClientOrderId", "newClientOrderId", "origQty", "newQty")
        for order_id, some in expected.items():
            found = await amendments(past, owners[order_id], orderId=order_id)
            told = [
                tuple(float(each[name]) if name.endswith("Qty") else each[name] for name in names) for each in found
            ]
            assert told == some
            last = await amendments(past, owners[order_id], orderId=order_id, fromExecutionId=some[-1][0], limit=1)
            assert last == found[-1:]
            for other in set(ACCOUNTS) - {owners[order_id]}:
                assert await amendments(past, other, orderId=order_id) == []
        with pytest.raises(ApiError) as refused:
            await amendments(past, 1)
        assert refused.value.code == -1102
        await past.close()

    asyncio.run(asked())


async def answered(handler: Callable[[Call], Awaitable[bytes]], account: int, **sent: object) -> list[dict[str, Any]]:
    """The rows that an account gets from a handler, of BTCUSDT if it names no other symbol."""
    form = "&".join(f"{name}={value}" for name, value in ({"symbol": "BTCUSDT"} | sent).items())
    key = ApiKey(1, b"key", account, KeyKind.HMAC, KeyScope.READ, 0, 0, (), b"")
    found = json.loads(await handler(Call(of_request(form.encode(), b""), key, MICROSECOND, 0)))
    assert isinstance(found, list)
    return found


def prevented_by(stream: Stream, account: int, order_id: int) -> list[int]:
    """The prevented matches of an order that the account may see."""
    return [
        event.number
        for event in stream.events[1]
        if isinstance(event, Prevented)
        and (account, order_id)
        in ((event.taker_account, event.taker_order_id), (event.maker_account, event.maker_order_id))
    ]


def test_prevented_matches_are_those_of_the_order(database: str, tmp_path: Path) -> None:  # noqa: F811
    """By order, in pages, and by id; of other accounts' orders none; with what the desk saw last, or not at all."""
    stream = Stream(seed=9).define().steps(400)
    memory, spool = Memory(stream, KEPT), Spool(tmp_path)
    load(database, stream, spool)
    memory.read_all()
    events = [event for event in stream.events[1] if isinstance(event, Prevented)]
    assert len(events) > 5

    async def matches(past: Past, account: int, **sent: object) -> list[dict[str, Any]]:
        return await answered(OrderHistory(memory.desk, memory.shown, past).my_prevented_matches, account, **sent)

    async def asked() -> None:
        past = Past(History(database))
        for event in events:
            for account, order_id in itertools.product(ACCOUNTS, (event.taker_order_id, event.maker_order_id)):
                expected = prevented_by(stream, account, order_id)
                found = await matches(past, account, orderId=order_id)
                assert [match["preventedMatchId"] for match in found] == expected
                first = expected[-1] if expected else 1
                found = await matches(past, account, orderId=order_id, fromPreventedMatchId=first, limit=1)
                assert [match["preventedMatchId"] for match in found] == expected[-1:]
        one = events[0]
        (match,) = await matches(past, one.taker_account, preventedMatchId=one.number)
        side, lots = ("taker", one.taker_lots) if one.taker_lots else ("maker", one.maker_lots)
        assert match == {
            "symbol": "BTCUSDT", "preventedMatchId": one.number, "takerOrderId": one.taker_order_id,
            "makerSymbol": "BTCUSDT", "makerOrderId": one.maker_order_id, "tradeGroupId": one.trade_group or -1,
            "selfTradePreventionMode": "EXPIRE_MAKER" if one.mode == SelfTrade.CANCEL_OLDEST else "DECREMENT",
            "price": match["price"], f"{side}PreventedQuantity": f"{lots / 10**4:.8f}",
            "transactTime": one.time_ns // 1000,
        }  # fmt: skip
        assert float(match["price"]) == one.price_ticks / 100
        others = set(ACCOUNTS) - {one.taker_account, one.maker_account}
        assert [await matches(past, other, preventedMatchId=one.number) for other in others] == [[] for _ in others]
        for sent in ({}, {"orderId": 1, "preventedMatchId": 1}, {"preventedMatchId": 1, "limit": 5}, {"limit": 5}):
            with pytest.raises(ApiError) as refused:
                await matches(past, 1, **sent)
            assert refused.value.code == -1128
        stream.restate(stream.resting[0])
        memory.read_all()
        with pytest.raises(DeclinedError, match="history is behind"):
            await matches(past, 1, orderId=1)
        await past.close()

    asyncio.run(asked())


def test_a_page_of_prevented_matches_reads_no_more_than_its_rows(database: str) -> None:  # noqa: F811
    """An order has as many as it met of its owner's orders, and the connections are shared by all."""
    limit, many = 20, 30_000
    with psycopg.connect(database) as connection:
        connection.execute(
            """
            INSERT INTO prevented_matches SELECT
                0, n, 'BTCUSDT', 1, 1, CASE WHEN mod(n, 2) = 0 THEN 7 ELSE n + 100 END, 1, 1,
                CASE WHEN mod(n, 2) = 0 THEN n + 100 ELSE 7 END, 1, 1, 'BUY', 'DECREMENT', NULL, now(), n
            FROM generate_series(1, %s) AS n
            """,
            [many],
        )
        connection.execute("ANALYZE prevented_matches")
        key = {"user_id": 1, "symbol": "BTCUSDT", "order_id": 7, "first": many // 2, "limit": limit}
        found = connection.execute(queries.PREVENTED_MATCHES, key).fetchall()
        assert [row[1] for row in found] == list(range(many // 2, many // 2 + limit))
        for query in (
            queries.PREVENTED_MATCHES,
            f"SELECT {queries.LAST_PREVENTED} FROM (SELECT 7::bigint) AS orders (order_id)",
        ):
            (plan,) = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", key).fetchone() or ([],)
            assert rows_read(plan[0]["Plan"]) <= 3 * limit


def rows_read(plan: dict[str, Any]) -> int:
    """How many rows the tables and indexes of a plan gave."""
    below = plan.get("Plans", ())
    gone = plan.get("Rows Removed by Filter", 0)
    return sum(map(rows_read, below)) if below else int((plan["Actual Rows"] + gone) * plan["Actual Loops"])


def test_a_time_beyond_the_clock_is_its_last_moment() -> None:
    for far in (LAST_MS + 1, 10**14 - 1, 2**53):
        page = read_page(of_request(b"startTime=%d&endTime=%d" % (far, far), b""), b"fromId")
        assert (page.begin_ns, page.end_ns) == ((LAST_NS, LAST_NS) if far != 2**53 else (far * 1000, far * 1000 + 999))
    page = read_page(of_request(b"startTime=%d&endTime=%d" % (LAST_MS, LAST_MS), b""), b"fromId")
    assert (page.begin_ns, page.end_ns) == (LAST_MS * 10**6, LAST_NS)


def test_what_memory_has_alone_needs_no_database() -> None:
    stream = Stream(seed=5).define().steps(30)
    memory = Memory(stream, 1 << 16)
    memory.read_all()
    page = Page(0, 0, EVER_NS, 1000)

    async def question(archive: Archive) -> int:
        symbol = memory.shown.symbol(BTCUSDT)
        assert await archive.order(1, 10**9, None) is None
        return sum([len(await archive.orders(account, symbol, BTCUSDT, page)) for account in ACCOUNTS])

    assert joined(NOWHERE, memory, question) > 10


@pytest.mark.parametrize("is_there", [True, False])
def test_a_gap_is_told_and_never_shown(database: str, tmp_path: Path, is_there: bool) -> None:  # noqa: F811
    """The database lacks more than memory still has, or is away."""
    stream = Stream(seed=6).define().steps(40)
    memory = Memory(stream, KEPT)
    load(database, stream, Spool(tmp_path))
    stream.steps(500)
    memory.read_all()
    page = Page(0, 0, EVER_NS, 10)

    async def question(archive: Archive) -> None:
        symbol = memory.shown.symbol(BTCUSDT)
        for asked in (
            archive.orders(1, symbol, BTCUSDT, page),
            archive.fills(1, symbol, BTCUSDT, 0, page),
            archive.order(1, 10**9, None),
        ):
            with pytest.raises(DeclinedError, match="history is behind" if is_there else "history is away") as refused:
                await asked
            assert declined(refused.value).status == 503

    joined(database if is_there else NOWHERE, memory, question)


def test_a_correction_that_the_database_lacks_is_a_gap(database: str, tmp_path: Path) -> None:  # noqa: F811
    """Of a trade that memory has forgotten; once the database has it, all is well."""
    stream = Stream(seed=7).define().steps(300)
    memory = Memory(stream, KEPT)
    first = stream.trades[0]
    load(database, stream, Spool(tmp_path))
    stream.trades = [first]
    stream.correct()
    memory.read_all()
    page = Page(first.number, 0, EVER_NS, 1)

    async def question(archive: Archive) -> Any:
        return await archive.fills(first.taker_account, memory.shown.symbol(BTCUSDT), BTCUSDT, 0, page)

    with pytest.raises(DeclinedError, match="history is behind"):
        joined(database, memory, question)
    load(database, stream, Spool(tmp_path))
    (fill,) = joined(database, memory, question)
    (correction,) = (event for event in stream.events[0][-1:] if isinstance(event, Corrected))
    assert fill.trade_id != first.number if not correction.new_price_ticks else fill.price_ticks != first.price_ticks
