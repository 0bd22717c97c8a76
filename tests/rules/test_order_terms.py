"""Which terms go together: every combination, against the table of the rules written down a second time."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from lockstep.core.schema import records as r
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Code, ListKind, OrderFlag, OrderType, SelfTrade, Side, TimeInForce
from tests.compiled import fault, fault_of_list

LIMIT, MARKET, STOP = OrderType.LIMIT, OrderType.MARKET, OrderType.STOP
STOP_LIMIT, TRAILING = OrderType.STOP_LIMIT, OrderType.TRAILING_STOP
DAY, GTC, GTD = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.GTD
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK
OPEN, CLOSE = TimeInForce.AT_THE_OPEN, TimeInForce.AT_THE_CLOSE
POST_ONLY, SLIDE, BUDGET = OrderFlag.POST_ONLY, OrderFlag.SLIDE, OrderFlag.BUDGET
QUANTITY = 100

RESTING = {DAY, GTC, GTD}
TIMES = {
    LIMIT: RESTING | {IOC, FOK, OPEN, CLOSE},
    MARKET: {DAY, GTC, IOC, FOK, OPEN, CLOSE},
    STOP: RESTING,
    STOP_LIMIT: RESTING,
    TRAILING: RESTING,
}
WITH_STOP = {STOP, STOP_LIMIT}
WITH_PRICE = {LIMIT, STOP_LIMIT}
WITH_MINIMUM = {(kind, time) for kind in (LIMIT, MARKET) for time in (DAY, GTC, GTD, IOC)}
WITH_DISPLAY = {(kind, time) for kind in WITH_PRICE for time in RESTING}
POST_ONLY_TIMES = RESTING
BUDGET_TIMES = {DAY, GTC, IOC}


def packed(
    kind: int = LIMIT,
    time: int = GTC,
    *,
    price: int = 10,
    quantity: int = QUANTITY,
    flags: int = 0,
    side: int = Side.BUY,
    stp: int = 0,
    **terms: Any,
) -> tuple[bytes, bytes | None]:
    """An order's record, and that of its terms where it has any."""
    order = r.NewOrder(
        cl_ord_id=b"one", instrument=1, side=side, ord_type=kind, time_in_force=time, stp=stp, flags=flags,
        price_ticks=price, quantity_lots=quantity,
    )  # fmt: skip
    return pack(order), pack(r.ExtTerms(**terms)) if any(terms.values()) else None


def wrong(kind: int, time: int, flags: int, terms: dict[str, int]) -> set[Code]:
    """Everything that is wrong with the combination: the venue may name any one of it."""
    found = set()
    if time not in TIMES[OrderType(kind)]:
        found.add(Code.TIME_IN_FORCE_NOT_ALLOWED)
    if time == GTD and not terms["expire_ns"]:
        found.add(Code.EXPIRE_TIME_MISSING)
    if time != GTD and terms["expire_ns"]:
        found.add(Code.EXPIRE_TIME_NOT_ALLOWED)
    if kind in WITH_STOP and not terms["stop_price_ticks"]:
        found.add(Code.STOP_PRICE_MISSING)
    if kind not in WITH_STOP and terms["stop_price_ticks"]:
        found.add(Code.STOP_PRICE_NOT_ALLOWED)
    if kind == TRAILING and not terms["trail_ticks"]:
        found.add(Code.TRAIL_MISSING)
    if kind != TRAILING and terms["trail_ticks"]:
        found.add(Code.TRAIL_NOT_ALLOWED)
    if terms["display_lots"] and (kind, time) not in WITH_DISPLAY:
        found.add(Code.DISPLAY_NOT_ALLOWED)
    if terms["display_lots"] > QUANTITY:
        found.add(Code.DISPLAY_TOO_LARGE)
    if terms["minimum_lots"] and ((kind, time) not in WITH_MINIMUM or flags & (POST_ONLY | BUDGET)):
        found.add(Code.MINIMUM_NOT_ALLOWED)
    if terms["minimum_lots"] > QUANTITY:
        found.add(Code.MINIMUM_TOO_LARGE)
    if flags & POST_ONLY and not (kind == LIMIT and time in POST_ONLY_TIMES) and kind not in WITH_STOP:
        found.add(Code.POST_ONLY_NOT_ALLOWED)
    if flags & SLIDE and (kind in WITH_STOP or not flags & POST_ONLY):
        found.add(Code.SLIDE_WITHOUT_POST_ONLY)
    if flags & BUDGET and not (kind == MARKET and time in BUDGET_TIMES):
        found.add(Code.BUDGET_NOT_ALLOWED)
    return found


@pytest.mark.parametrize("kind", list(OrderType))
def test_every_combination_of_terms_is_refused_for_what_is_wrong_with_it_or_allowed(kind: OrderType) -> None:
    seen: set[int] = set()
    for time, flags, stop, trail, display, minimum, expiry in itertools.product(
        TimeInForce, range(0, 16, 2), (0, 90), (0, 5), (0, 10, 101), (0, 10, 101), (0, 1)
    ):
        terms = {
            "stop_price_ticks": stop, "trail_ticks": trail, "display_lots": display, "minimum_lots": minimum,
            "expire_ns": expiry,
        }  # fmt: skip
        code = fault(*packed(kind, time, flags=flags, **terms))
        allowed = wrong(kind, time, flags, terms) or {Code.OK}
        assert code in allowed, (kind.name, time.name, flags, terms, Code(code).name)
        seen.add(code)
    assert Code.OK in seen


@pytest.mark.parametrize("bit", [OrderFlag.POSS_RESEND, OrderFlag.TERMS, OrderFlag.LIST])
def test_flags_that_are_no_terms_are_not_judged(bit: int) -> None:
    assert fault(*packed(flags=bit)) == Code.OK


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"side": 0}, Code.UNSUPPORTED_SIDE),
        ({"side": 3}, Code.UNSUPPORTED_SIDE),
        ({"kind": 0}, Code.UNSUPPORTED_ORDER_TYPE),
        ({"kind": 6}, Code.UNSUPPORTED_ORDER_TYPE),
        ({"time": 5}, Code.UNSUPPORTED_TIME_IN_FORCE),
        ({"time": 8}, Code.UNSUPPORTED_TIME_IN_FORCE),
        ({"stp": SelfTrade.DECREMENT + 1}, Code.UNSUPPORTED_SELF_TRADE),
        ({"quantity": 0}, Code.QUANTITY_NOT_POSITIVE),
        ({"quantity": -1}, Code.QUANTITY_NOT_POSITIVE),
        ({"price": 0}, Code.PRICE_MISSING),
        ({"price": -1}, Code.PRICE_NOT_POSITIVE),
        ({"kind": STOP_LIMIT, "price": 0, "stop_price_ticks": 9}, Code.PRICE_MISSING),
        ({"kind": MARKET, "price": 0}, Code.OK),
        ({"kind": STOP, "price": 0, "stop_price_ticks": 9}, Code.OK),
        ({"kind": TRAILING, "price": -7, "trail_ticks": 9}, Code.OK),
        ({"kind": STOP, "stop_price_ticks": -9}, Code.TERM_NEGATIVE),
        ({"kind": TRAILING, "trail_ticks": -9}, Code.TERM_NEGATIVE),
        ({"display_lots": -9}, Code.TERM_NEGATIVE),
        ({"minimum_lots": -9}, Code.TERM_NEGATIVE),
        ({"display_lots": QUANTITY}, Code.OK),
        ({"minimum_lots": QUANTITY}, Code.OK),
        *(({"stp": mode}, Code.OK) for mode in SelfTrade),
    ],
)
def test_a_value_by_itself_is_refused_or_allowed(changes: dict[str, Any], code: Code) -> None:
    assert fault(*packed(**changes)) == code


def leg(kind: int, time: int, list_kind: int, **changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "cl_ord_id": b"two", "instrument": 1, "side": Side.BUY, "quantity_lots": QUANTITY, "price_ticks": 10,
    }  # fmt: skip
    return pack(r.ExtLeg(ord_type=kind, time_in_force=time, list_kind=list_kind, **fields | changes))


def test_every_pair_of_types_and_times_makes_a_list_or_does_not() -> None:
    for kind, time, second, second_time, list_kind, flags in itertools.product(
        OrderType, TimeInForce, OrderType, TimeInForce, ListKind, (0, BUDGET)
    ):
        first_fits = kind == LIMIT and time in RESTING
        if list_kind == ListKind.OCO:
            second_fits = second in (STOP, STOP_LIMIT, TRAILING)
        else:
            second_fits = second_time in RESTING | {IOC} and not flags
        main, _ = packed(kind, time)
        code = fault_of_list(main, leg(second, second_time, list_kind, flags=flags))
        expected = Code.OK if first_fits and second_fits else Code.LIST_TYPES_NOT_ALLOWED
        assert code == expected, (kind, time, second, second_time, list_kind, flags)


@pytest.mark.parametrize(
    ("list_kind", "changes", "code"),
    [
        (0, {}, Code.UNSUPPORTED_LIST),
        (3, {}, Code.UNSUPPORTED_LIST),
        (ListKind.OCO, {"instrument": 2}, Code.LIST_SYMBOLS_DIFFER),
        (ListKind.OTO, {"instrument": 2}, Code.LIST_SYMBOLS_DIFFER),
        (ListKind.OCO, {"cl_ord_id": b"one"}, Code.LIST_IDS_EQUAL),
        (ListKind.OTO, {"cl_ord_id": b"one"}, Code.LIST_IDS_EQUAL),
        (ListKind.OCO, {"side": Side.SELL}, Code.LIST_SIDES_DIFFER),
        (ListKind.OTO, {"side": Side.SELL}, Code.OK),
        (ListKind.OCO, {"quantity_lots": QUANTITY - 1}, Code.LIST_QUANTITIES_DIFFER),
        (ListKind.OTO, {"quantity_lots": QUANTITY - 1}, Code.OK),
        (ListKind.OCO, {}, Code.OK),
    ],
)
def test_what_two_orders_must_have_in_common(list_kind: int, changes: dict[str, Any], code: Code) -> None:
    main, _ = packed()
    assert fault_of_list(main, leg(STOP, GTC, list_kind, **changes)) == code


def test_only_records_are_judged() -> None:
    order, _ = packed()
    with pytest.raises(ValueError, match="120 bytes"):
        fault(order[:-1])
    with pytest.raises(ValueError, match="120 bytes"):
        fault(order, b"")
    with pytest.raises(ValueError, match="120 bytes"):
        fault_of_list(order, order + b"\0")
