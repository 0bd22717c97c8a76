"""What each order message becomes for the router: records, their order, and every field that FIX may give."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from lockstep.core.schema import records as r
from lockstep.core.schema.client_ids import meant_id, own_id
from tests.gateway.harness import Trader
from tests.gateway.stage import ALICE, INSTRUMENT, Stage, on_stage, stage

LIMIT, MARKET, STOP = r.OrderType.LIMIT, r.OrderType.MARKET, r.OrderType.STOP
STOP_LIMIT, TRAILING = r.OrderType.STOP_LIMIT, r.OrderType.TRAILING_STOP
NOON_NS = 1_893_499_200_000_000_000  # 2030-01-01 12:00 UTC
DAY_NS = 86_400_000_000_000

# name; changes to a GTC limit order to buy 1 BTC at 100.00; fields of its record; of its terms, if it has any
ORDERS: list[tuple[str, dict[str, str | None], dict[str, Any], dict[str, Any] | None]] = [
    ("plain", {}, {"ord_type": LIMIT, "time_in_force": 1, "price_ticks": 10_000, "quantity_lots": 10_000}, None),
    ("day by default", {"t59": None}, {"time_in_force": 0}, None),
    ("market, day", {"t40": "1", "t44": None, "t59": None}, {"ord_type": MARKET, "time_in_force": 0}, None),
    ("at the open", {"t59": "2"}, {"time_in_force": 2}, None),
    ("ioc", {"t59": "3"}, {"time_in_force": 3}, None),
    ("fok", {"t59": "4"}, {"time_in_force": 4}, None),
    ("at the close", {"t59": "7"}, {"time_in_force": 7}, None),
    ("gtd by time", {"t59": "6", "t126": "20300101-12:00:00.000"}, {"time_in_force": 6}, {"expire_ns": NOON_NS}),
    ("gtd by date", {"t59": "6", "t432": "20300101"}, {"time_in_force": 6}, {"expire_ns": NOON_NS + DAY_NS // 2}),
    ("time before date", {"t59": "6", "t432": "20310101", "t126": "20300101-12:00:00"}, {}, {"expire_ns": NOON_NS}),
    ("stop", {"t40": "3", "t44": None, "t99": "101.5"}, {"ord_type": STOP, "price_ticks": 0},
     {"stop_price_ticks": 10_150}),
    ("stop limit", {"t40": "4", "t99": "101"}, {"ord_type": STOP_LIMIT, "price_ticks": 10_000},
     {"stop_price_ticks": 10_100}),
    ("trailing stop", {"t40": "P", "t18": "a", "t44": None, "t211": "0.75"}, {"ord_type": TRAILING},
     {"trail_ticks": 75}),
    ("trailing stop, said twice", {"t40": "P", "t18": "1 a", "t44": None, "t211": "2", "t836": "0"},
     {"ord_type": TRAILING}, {"trail_ticks": 200}),
    ("iceberg", {"t111": "0.25"}, {"quantity_lots": 10_000}, {"display_lots": 2_500}),
    ("iceberg by DisplayQty", {"t1138": "0.5"}, {}, {"display_lots": 5_000}),
    ("minimum", {"t110": "0.3"}, {}, {"minimum_lots": 3_000}),
    ("post-only", {"t18": "6"}, {"flags": r.OrderFlag.POST_ONLY}, None),
    ("post-only, not at any price", {"t18": "6", "t9479": "R"}, {"flags": r.OrderFlag.POST_ONLY}, None),
    ("post-only that slides", {"t18": "6", "t9479": "P"}, {"flags": r.OrderFlag.POST_ONLY | r.OrderFlag.SLIDE}, None),
    ("other instructions", {"t18": "1 G"}, {"flags": 0}, None),
    ("budget", {"t40": "1", "t44": None, "t38": None, "t152": "12.34567891"},
     {"ord_type": MARKET, "quantity_lots": 1_234_567_891, "flags": r.OrderFlag.BUDGET}, None),
    ("cancel the newest", {"t2964": "1"}, {"stp": r.SelfTrade.CANCEL_NEWEST}, None),
    ("cancel the oldest", {"t2964": "2"}, {"stp": r.SelfTrade.CANCEL_OLDEST}, None),
    ("cancel both", {"t2964": "3"}, {"stp": r.SelfTrade.CANCEL_BOTH}, None),
    ("trade with oneself", {"t2964": "100"}, {"stp": r.SelfTrade.NONE}, None),
    ("decrement", {"t2964": "101"}, {"stp": r.SelfTrade.DECREMENT}, None),
    ("all at once", {"t40": "4", "t99": "90", "t59": "6", "t126": "20300101-12:00:00", "t111": "0.1", "t2964": "3"},
     {"ord_type": STOP_LIMIT, "stp": 4}, {"stop_price_ticks": 9_000, "display_lots": 1_000, "expire_ns": NOON_NS}),
]  # fmt: skip
TERMS = ("stop_price_ticks", "trail_ticks", "display_lots", "minimum_lots", "expire_ns")


def run(data: Path, play: Callable[[Stage, Trader], Awaitable[None]], version: str = "FIX.4.4") -> None:
    async def scenario() -> None:
        async with stage(data) as running:
            await play(running, await on_stage(running, version=version))

    asyncio.run(scenario())


def has(record: Any, **fields: Any) -> None:
    found = {name: getattr(record, name) for name in fields}
    assert found == fields


def has_terms(record: Any, **fields: Any) -> None:
    assert isinstance(record, r.ExtTerms)
    assert {name: getattr(record, name) for name in TERMS} == dict.fromkeys(TERMS, 0) | fields


@pytest.mark.parametrize("version", ["FIX.4.2", "FIX.4.4"])
def test_each_term_of_an_order_has_its_place_in_a_record(tmp_path: Path, version: str) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        known = [order for order in ORDERS if version != "FIX.4.2" or "t836" not in order[1]]
        for number, (name, changes, fields, terms) in enumerate(known):
            trader.order(f"o{number}", **changes)
            *before, order = await running.commands(1 if terms is None else 2)
            assert isinstance(order, r.NewOrder), name
            has(order, cl_ord_id=f"o{number}".encode(), account=ALICE, session=ALICE, instrument=INSTRUMENT, side=1)
            has(order, msg_seq_num=number + 2, verdict=0)
            has(order, **{"flags": 0} | fields | {"flags": fields.get("flags", 0) | (16 if terms else 0)})
            if terms is not None:
                has_terms(before[0], **terms)
                has(before[0], account=ALICE, session=ALICE)

    run(tmp_path, play, version)


def test_a_replace_has_the_terms_that_it_changes(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        trader.replace("r1", "one", t44="99")
        (replace,) = await running.commands(1)
        assert (own_id(replace), meant_id(replace)) == (b"r1", b"one")
        has(replace, flags=r.OrderFlag.BOTH_IDS, price_ticks=9_900, quantity_lots=10_000)
        trader.replace("r2", "r1", t40="4", t99="90", t111="0.5", t59="6", t126="20300101-12:00:00", t110="5", t18="6")
        terms, replace = await running.commands(2)
        has_terms(terms, stop_price_ticks=9_000, display_lots=5_000, expire_ns=NOON_NS)
        assert (own_id(replace), meant_id(replace)) == (b"r2", b"r1")
        has(replace, flags=r.OrderFlag.TERMS | r.OrderFlag.BOTH_IDS, instrument=INSTRUMENT)
        trader.send("G", {41: "r2", 11: "r3", 21: "1", 55: "BTCUSDT", 54: "1", 60: "20260101-00:00:00", 38: "1",
                          40: "P", 18: "a", 211: "3"})  # fmt: skip
        terms, replace = await running.commands(2)
        has_terms(terms, trail_ticks=300)
        has(replace, price_ticks=0)

    run(tmp_path, play)


def test_what_may_be_a_repetition_says_when_it_was_entered(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        for name, transact in (("one", "20300101-12:00:00"), ("two", "20700101-12:00:00")):
            trader.send("D", {97: "Y", 11: name, 21: "1", 55: "BTCUSDT", 54: "1", 60: transact, 38: "1", 40: "2",
                              44: "100"})  # fmt: skip
            terms, order = await running.commands(2)
            has(terms, type=r.CommandType.EXT_TERMS, transact_ns=NOON_NS + (14_610 * DAY_NS if name == "two" else 0))
            has(order, cl_ord_id=name.encode(), flags=r.OrderFlag.TERMS | r.OrderFlag.POSS_RESEND)
        trader.send("G", {97: "Y", 41: "one", 11: "r1", 21: "1", 55: "BTCUSDT", 54: "1", 60: "20300101-12:00:00",
                          38: "1", 40: "2", 44: "99"})  # fmt: skip
        terms, replace = await running.commands(2)
        has(terms, type=r.CommandType.EXT_TERMS, transact_ns=NOON_NS)
        has(replace, flags=r.OrderFlag.TERMS | r.OrderFlag.POSS_RESEND | r.OrderFlag.BOTH_IDS)
        trader.order("three")
        (order,) = await running.commands(1)
        has(order, cl_ord_id=b"three", flags=0)

    run(tmp_path, play)


@pytest.mark.parametrize("kind", ["cancel", "replace"])
@pytest.mark.parametrize(("own", "meant"), [("o" * 19, "m"), ("o", "m" * 19), ("o" * 36, "m" * 36)])
def test_a_request_with_a_long_id_has_a_record_for_what_it_means(
    tmp_path: Path, kind: str, own: str, meant: str
) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        getattr(trader, kind)(own, meant)
        target, request = await running.commands(2)
        has(target, orig_cl_ord_id=meant.encode(), account=ALICE, session=ALICE)
        has(request, cl_ord_id=own.encode(), flags=0)

    run(tmp_path, play)


@pytest.mark.parametrize("kind", ["cancel", "replace"])
def test_ids_of_18_bytes_share_a_record(tmp_path: Path, kind: str) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        getattr(trader, kind)("o" * 18, "m" * 18)
        (request,) = await running.commands(1)
        assert (own_id(request), meant_id(request)) == (b"o" * 18, b"m" * 18)
        has(request, flags=r.OrderFlag.BOTH_IDS, account=ALICE, session=ALICE, instrument=INSTRUMENT)

    run(tmp_path, play)


def entry(cl_ord_id: str, number: int, **changes: str | None) -> list[tuple[int, str]]:
    """One order of a list: a GTC limit order to buy 1 BTC at 100.00, with changes."""
    fields: dict[int, str | None] = {11: cl_ord_id, 67: str(number), 55: "BTCUSDT", 54: "1", 38: "1", 40: "2"}
    fields |= {44: "100", 59: "1"} | {int(tag[1:]): value for tag, value in changes.items()}
    return [(tag, value) for tag, value in fields.items() if value is not None]


STOP_ENTRY = {"t40": "3", "t44": None, "t99": "110"}


@pytest.mark.parametrize("version", ["FIX.4.2", "FIX.4.4"])
def test_a_list_is_one_group_of_records_whose_second_order_comes_first(tmp_path: Path, version: str) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        trader.send_list("L1", "2", [*entry("a", 1, t111="0.1"), *entry("b", 2, t54="2", **STOP_ENTRY)])
        terms_b, leg, terms_a, main = await running.commands(4)
        has_terms(terms_b, stop_price_ticks=11_000)
        assert isinstance(leg, r.ExtLeg)
        has(leg, cl_ord_id=b"b", list_kind=r.ListKind.OTO, side=2, ord_type=STOP, flags=r.OrderFlag.TERMS)
        has(leg, account=ALICE, session=ALICE, instrument=INSTRUMENT, quantity_lots=10_000, msg_seq_num=2)
        has_terms(terms_a, display_lots=1_000)
        has(main, cl_ord_id=b"a", side=1, ord_type=LIMIT, flags=r.OrderFlag.TERMS | r.OrderFlag.LIST, verdict=0)
        trader.send_list("L2", "2", [*entry("c", 1), *entry("d", 2, t54="2", t44="120")])
        leg, main = await running.commands(2)
        has(leg, cl_ord_id=b"d", flags=0, price_ticks=12_000)
        has(main, cl_ord_id=b"c", flags=r.OrderFlag.LIST, msg_seq_num=3)

    run(tmp_path, play, version)


@pytest.mark.parametrize("stop_first", [False, True])
def test_the_orders_of_an_oco_list_come_in_either_order(tmp_path: Path, stop_first: bool) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        limit, stop = entry("limit", 1), entry("stop", 2, **STOP_ENTRY)
        trader.send_list("L1", "1", stop + limit if stop_first else limit + stop)
        terms, leg, main = await running.commands(3)
        has_terms(terms, stop_price_ticks=11_000)
        has(leg, cl_ord_id=b"stop", list_kind=r.ListKind.OCO)
        has(main, cl_ord_id=b"limit")

    run(tmp_path, play)


def test_a_mass_cancel_names_a_symbol_or_none_and_a_side_or_none(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        now = {60: "20260101-00:00:00"}
        for number, (fields, instrument, side) in enumerate(
            [({530: "7"}, 0, 0), ({530: "7", 54: "2"}, 0, 2), ({530: "1", 55: "BTCUSDT"}, 1, 0),
             ({530: "1", 55: "BTCUSDT", 54: "1"}, 1, 1)]
        ):  # fmt: skip
            trader.send("q", {11: f"m{number}"} | fields | now)
            (command,) = await running.commands(1)
            assert isinstance(command, r.MassCancel)
            has(command, cl_ord_id=f"m{number}".encode(), instrument=instrument, side=side, target=ALICE)
            has(command, account=ALICE, session=ALICE, msg_seq_num=number + 2)

    run(tmp_path, play)
