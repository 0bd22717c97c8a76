"""What accounts had at moments of the past, and its value, equal the ledger's model at the last trades before them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from lockstep.core.schema.layout import unpack_event
from lockstep.core.schema.records import Corrected, Traded
from lockstep.procs.api.history.past_balances import Past, past_balances
from lockstep.procs.api.history.tables import History
from tests.api.test_statements import ASSETS, ask, core, load, owned, run, seq_before, times_us  # noqa: F401
from tests.batcher.conftest import data, database, server  # noqa: F401
from tests.router.rig import ACCOUNTS, LISTINGS, Rig

SECOND_US = 1_000_000
PAIRS = {f"I{number}": (ASSETS[base], ASSETS[quote]) for number, base, quote, *_ in LISTINGS}


def prices(core: Rig, last_seq: int, known_seq: int) -> dict[str, int]:  # noqa: F811
    """Return the price of each instrument's last trade up to `last_seq`, with the corrections up to `known_seq`."""
    events = [unpack_event(event) for ring in sorted(core.events) for event in core.events[ring]]
    known = [event for event in events if isinstance(event, Corrected) and event.cause <= known_seq]
    corrected = {(event.matcher, event.trade_id): event.new_price_ticks for event in known}
    found: dict[str, tuple[int, int, int]] = {}
    for ring in (1, 2):
        for event in map(unpack_event, core.events[ring]):
            if isinstance(event, Traded) and event.cause <= last_seq:
                price = corrected.get((ring, event.number), event.price_ticks)
                symbol = f"I{event.instrument}"
                if price:
                    found[symbol] = max(found.get(symbol, (0, 0, 0)), (event.cause, event.number, price))
    return {symbol: price for symbol, (_, _, price) in found.items()}


def value(asset: str, units: int, quote: str, last: dict[str, int]) -> int | None:
    if asset == quote:
        return units
    for symbol, pair in PAIRS.items():
        if symbol in last and set(pair) == {asset, quote}:
            return int(units * Fraction(last[symbol]) if pair[0] == asset else units / Fraction(last[symbol]))
    return None


def check(past: Past, expected: dict[str, int], quote: str, last: dict[str, int]) -> None:
    assert past.balances == expected
    assert past.values == {asset: value(asset, units, quote, last) for asset, units in expected.items()}


def test_they_are_the_ledgers_and_their_values_the_last_trades(
    core: Rig,  # noqa: F811
    database: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    load(database, core, tmp_path, len(core.log))
    times = times_us(core)
    first, last = times[0] // SECOND_US, times[-1] // SECOND_US + 2
    moments = list(range(first, last + 1))
    places = [seq_before(times, moment * SECOND_US) for moment in moments]
    balances = [owned(core, place) for place in places]
    lasts = [prices(core, place, len(core.log)) for place in places]
    assert len(set(places)) > 5, len(set(places))
    assert {len(each) for each in lasts} >= {0, 3}

    async def question(history: History) -> None:
        for account in range(1, ACCOUNTS + 1):
            for quote in ASSETS.values():
                moments_us = [moment * SECOND_US for moment in moments]
                read = await past_balances(history, account, moments_us, "1s", quote, 0)
                assert [past.time_us for past in read.rows] == moments_us
                for i, past in enumerate(read.rows):
                    expected = {asset: balances[i].get((account, asset), 0) for asset in ASSETS.values()}
                    check(past, {asset: units for asset, units in expected.items() if units}, quote, lasts[i])

    ask(database, question)


def test_a_moment_without_a_price_has_no_value(core: Rig, database: str, tmp_path: Path) -> None:  # noqa: F811
    load(database, core, tmp_path, len(core.log))
    run(database, "DELETE FROM candles WHERE symbol = 'I1'")
    moment = (times_us(core)[-1] // SECOND_US + 1) * SECOND_US

    async def question(history: History) -> None:
        (past,) = (await past_balances(history, 1, [moment], "1s", "A3", 0)).rows
        assert (past.value, past.unpriced) == (None, ["A1"])
        (past,) = (await past_balances(history, 1, [moment], "1s", "A2", 0)).rows
        assert past.value == sum(each for each in past.values.values() if each is not None)
        assert past.unpriced == []
        assert (await past_balances(history, 1, [], "1s", "A2", 0)).rows == []

    ask(database, question)


@pytest.mark.parametrize("part", [0.4, 0.8])
def test_of_a_database_that_is_behind_they_are_those_of_its_place(
    core: Rig,  # noqa: F811
    database: str,  # noqa: F811
    tmp_path: Path,
    part: float,
) -> None:
    last_seq = int(part * len(core.log))
    load(database, core, tmp_path, last_seq)
    balances = owned(core, last_seq)
    late = (times_us(core)[-1] // SECOND_US + 1) * SECOND_US

    async def question(history: History) -> None:
        for account in range(1, ACCOUNTS + 1):
            read = await past_balances(history, account, [late], "1s", "A3", 0)
            assert read.at.complete_seq == last_seq
            expected = {asset: balances.get((account, asset), 0) for asset in ASSETS.values()}
            owned_units = {a: units for a, units in expected.items() if units}
            check(read.rows[0], owned_units, "A3", prices(core, last_seq, last_seq))

    ask(database, question)
