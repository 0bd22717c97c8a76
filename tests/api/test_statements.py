"""Statements of any span equal the ledger's model at its ends, and its lines add up to them: random logs of a core."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from msgspec import structs

from lockstep.config.schema import DatabaseSection
from lockstep.core.schema.layout import pack, unpack_command, unpack_event
from lockstep.core.schema.records import Asset, Corrected, Traded
from lockstep.procs.api.history import statements
from lockstep.procs.api.history.statements import BEGINNING, Kind, Line, Sums, lines, statement
from lockstep.procs.api.history.tables import History
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.backfill import fill
from lockstep.procs.router.sequencer import Sequencer
from tests.batcher.conftest import data, database, server  # noqa: F401
from tests.batcher.test_backfill import DEMO, born_ns
from tests.models.ledger import LedgerModel
from tests.router import random_driver, rig
from tests.router.random_driver import Everything, write_journal
from tests.router.rig import ACCOUNTS, Rig, with_limits

ASSETS = {1: "A1", 2: "A2", 3: "A3"}
EVER_US = 2**52
T = TypeVar("T")


def in_whole_units(core: Sequencer) -> Iterator[list[bytes]]:
    """The rig's assets, of which a tick times a lot is worth one unit, as rows of the database say."""
    for records in with_limits(core):
        command = unpack_command(records[-1])
        yield [pack(structs.replace(command, scale=0))] if isinstance(command, Asset) else records


@pytest.fixture(scope="module")
def core() -> Iterator[Rig]:
    """One that has done much of everything, with time between."""
    with pytest.MonkeyPatch.context() as patch:
        listings = tuple((*listing[:4], 1, 1, 10_000, 30_000) for listing in rig.LISTINGS)
        patch.setattr(rig, "LISTINGS", listings)
        patch.setattr(random_driver, "LISTINGS", listings)
        made = Rig(api=True, changes=in_whole_units).lead()
        driver = Everything(made, random.Random(2))
        for _ in range(1800):
            driver.step()
        made.run()
        made.tick()
        yield made


def owned(core: Rig, last_seq: int) -> dict[tuple[int, str], int]:
    """What accounts own after all that commands up to one have done, settled or not."""
    model = LedgerModel()
    done = {1: 0, 2: 0}

    def settle(ring: int, number: int) -> None:
        for event in core.events[ring][done[ring] : number]:
            model.event(unpack_event(event))
        done[ring] = max(done[ring], number)

    for record in map(unpack_command, core.log[:last_seq]):
        for ring in done:
            if hasattr(record, "event_numbers"):
                settle(ring, record.event_numbers[ring - 1])
        model.command(record)
    for ring in done:
        settle(ring, sum(unpack_event(event).cause <= last_seq for event in core.events[ring]))
    return {(account, ASSETS[asset]): int(units) for (account, asset), units in model.owned.items()}


def ask(url: str, question: Callable[[History], Awaitable[T]]) -> T:
    async def asked() -> T:
        history = History(url)
        await history.open()
        try:
            return await question(history)
        finally:
            await history.close()

    return asyncio.run(asked())


def load(url: str, core: Rig, folder: Path, last_seq: int) -> None:
    if not (folder / "journal").exists():
        write_journal(core, folder / "journal")
    venue = structs.replace(DEMO, database=DatabaseSection(url=url))
    fill(venue, folder, Author(1000), born_ns(core), last_seq)


def times_us(core: Rig) -> list[int]:
    return [unpack_command(record).time_ns // 1000 for record in core.log]


def seq_before(times: list[int], time_us: int) -> int:
    return sum(time < time_us for time in times)


async def all_lines(history: History, account: int, since_us: int, until_us: int, limit: int) -> list[Line]:
    found: list[Line] = []
    while page := (
        await lines(history, account, since_us, until_us, found[-1].key if found else BEGINNING, limit)
    ).rows:
        found += page
    return found


def added_up(found: list[Line]) -> dict[str, dict[str, Decimal]]:
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for line in found:
        of = sums[line.asset]
        of["fees"] += line.fee
        match line.kind:
            case Kind.TRADE:
                of["bought" if line.amount > 0 else "sold"] += abs(line.amount)
            case Kind.WITHDRAWAL:
                of["withdrawals"] -= line.amount
            case kind:
                of[f"{kind.name.lower()}s"] += line.amount
    return sums


def check_lines(row: Sums, of: dict[str, Decimal]) -> None:
    for name in ("deposits", "withdrawals", "adjustments", "corrections", "bought", "sold", "fees"):
        assert getattr(row, name) == of.get(name, 0), (row, name)


def test_statements_of_any_span_are_the_ledgers(core: Rig, database: str, tmp_path: Path) -> None:  # noqa: F811
    load(database, core, tmp_path, len(core.log))
    times = times_us(core)
    chance = random.Random(1)
    cuts = sorted({0, EVER_US, *(time + chance.choice((0, 1)) for time in chance.sample(times, 12))})
    balances = [owned(core, seq_before(times, cut)) for cut in cuts]
    events = [unpack_event(event) for ring in core.events.values() for event in ring]
    assert sum(isinstance(event, Traded) for event in events) > 100
    assert {bool(event.new_price_ticks) for event in events if isinstance(event, Corrected)} == {True, False}

    kinds: set[Kind] = set()

    async def question(history: History) -> None:
        for account in range(1, ACCOUNTS + 1):
            spans = [(0, len(cuts) - 1), *(sorted(chance.sample(range(len(cuts)), 2)) for _ in range(5))]
            for begin, end in spans:
                rows = (await statement(history, account, cuts[begin], cuts[end])).rows
                told = await all_lines(history, account, cuts[begin], cuts[end], chance.choice((9, 40, 1000)))
                kinds.update(line.kind for line in told)
                found = added_up(told)
                assert {row.asset for row in rows} == set(ASSETS.values())
                for row in rows:
                    assert row.opening == balances[begin].get((account, row.asset), 0), (account, row)
                    assert row.closing == balances[end].get((account, row.asset), 0), (account, row)
                    assert row.opening + row.moved == row.closing
                    check_lines(row, found[row.asset])

    ask(database, question)
    assert kinds == set(Kind)


@pytest.mark.parametrize("part", [0.3, 0.62, 0.9])
def test_a_database_that_is_behind_has_an_exact_place_of_the_log(
    core: Rig,
    database: str,  # noqa: F811
    tmp_path: Path,
    part: float,
) -> None:
    last_seq = int(part * len(core.log))
    load(database, core, tmp_path, last_seq)
    balances = owned(core, last_seq)

    async def question(history: History) -> None:
        for account in range(1, ACCOUNTS + 1):
            read = await statement(history, account, 0, EVER_US)
            assert read.at.complete_seq == last_seq
            assert {row.asset: int(row.closing) for row in read.rows} == {
                asset: balances.get((account, asset), 0) for asset in ASSETS.values()
            }

    ask(database, question)


def test_rows_beyond_what_is_complete_are_not_counted(core: Rig, database: str, tmp_path: Path) -> None:  # noqa: F811
    """One matcher's trades are behind; the other's, and all that was requested and corrected, are ahead of them."""
    load(database, core, tmp_path, len(core.log))
    told = [event for event in map(unpack_event, core.events[0]) if isinstance(event, Corrected)]
    matcher = told[-1].matcher
    trades = [event for event in map(unpack_event, core.events[matcher]) if isinstance(event, Traded)]
    late = {event.trade_id for event in told if event.matcher == matcher}
    last = [trade for trade in trades if trade.number in late][-1]
    balances = owned(core, last.cause - 1)
    run(
        database,
        f"DELETE FROM trades WHERE matcher = {matcher} AND seq >= {last.cause}",
        f"UPDATE watermark SET number = {last.number - 1} WHERE ring = {matcher}",
        f"UPDATE writer SET complete_seq = {last.cause - 1}",
        "INSERT INTO position_gaps (user_id, symbol) SELECT user_id, symbol FROM position_states",
        "DELETE FROM position_states",
    )

    async def question(history: History) -> None:
        for account in range(1, ACCOUNTS + 1):
            rows = (await statement(history, account, 0, EVER_US)).rows
            assert {row.asset: int(row.closing) for row in rows} == {
                asset: balances.get((account, asset), 0) for asset in ASSETS.values()
            }

    ask(database, question)


def test_positions_that_are_still_being_made_are_added_up(core: Rig, database: str, tmp_path: Path) -> None:  # noqa: F811
    load(database, core, tmp_path, len(core.log))
    before = ask(database, lambda history: statement(history, 1, 0, EVER_US)).rows
    run(
        database,
        "INSERT INTO position_gaps (user_id, symbol) SELECT user_id, symbol FROM position_states",
        "DELETE FROM position_states",
    )
    assert ask(database, lambda history: statement(history, 1, 0, EVER_US)).rows == before


def test_a_trade_whose_partition_is_archived_is_still_corrected(core: Rig, database: str, tmp_path: Path) -> None:  # noqa: F811
    """Its fees are those that its correction's request says."""
    load(database, core, tmp_path, len(core.log))
    told = [unpack_event(event) for event in core.events[0]]
    undone = [each for each in told if isinstance(each, Corrected) and not each.new_price_ticks]
    trades = {(ring, event.number): event for ring in (1, 2) for event in map(unpack_event, core.events[ring])}
    late = next(each for each in undone if getattr(trades[each.matcher, each.trade_id], "taker_fee", 0))
    since = late.time_ns // 1000

    async def question(history: History) -> list[Any]:
        return [(await statement(history, who, since, EVER_US)).rows for who in (late.buyer, late.seller)]

    before = ask(database, question)
    run(database, f"DELETE FROM trades WHERE matcher = {late.matcher} AND trade_id = {late.trade_id}")
    after = ask(database, question)
    assert before == after


def run(url: str, *queries: str) -> None:
    with psycopg.connect(url) as connection:
        for query in queries:
            connection.execute(query.encode())


def test_sums_are_exact_beyond_the_digits_of_a_decimal() -> None:
    row = Sums("A", deposits=Decimal(10) ** 40, fees=Decimal("0.00000001"))
    assert row.moved == statements.EXACT.subtract(Decimal(10) ** 40, Decimal("0.00000001"))
