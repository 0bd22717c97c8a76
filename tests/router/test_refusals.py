"""Every refusal of the router, and that it changes nothing: the state is that of a log with nothing in its place."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs
from msgspec.structs import asdict

from lockstep.core.schema.client_ids import own_id
from lockstep.core.schema.records import (
    Account,
    AccountLimits,
    Adjustment,
    Asset,
    Cancel,
    Code,
    Command,
    CommandType,
    Correction,
    CorrectionProposal,
    Deposit,
    ExtLeg,
    ExtListName,
    ExtTerms,
    FeeTier,
    Instrument,
    KillSwitch,
    Limits,
    MassCancel,
    NewOrder,
    Phase,
    PhaseChange,
    PositionLimit,
    Rejected,
    Schedule,
    Session,
    Withdrawal,
)
from lockstep.core.schema.records import OrderFlag as Flag
from tests.corrections import approval
from tests.router.requests import cancel, order, replace
from tests.router.rig import FREE, LISTINGS, NOW, OPERATORS, Rig

FIRST, SECOND = OPERATORS


def terms(account: int = 1, **values: Any) -> ExtTerms:
    return ExtTerms(account=account, session=account, time_ns=NOW, **values)


def with_terms(made: NewOrder, **values: Any) -> list[Command]:
    return [terms(made.account, **values), NewOrder(**(asdict(made) | {"flags": made.flags | Flag.TERMS}))]


def listed(first: NewOrder, second: NewOrder, kind: int = 2, **of_second: Any) -> list[Command]:
    """A list; the second order's terms, where it has any, come first of all."""
    fields = asdict(second) | {"type": CommandType.EXT_LEG}
    del fields["verdict"]
    if of_second:
        fields["flags"] |= Flag.TERMS
    leg = ExtLeg(list_kind=kind, **fields)
    main = NewOrder(**(asdict(first) | {"flags": first.flags | Flag.LIST}))
    return [*([terms(second.account, **of_second)] if of_second else []), leg, main]


def named(
    name: bytes, first: NewOrder, second: NewOrder, kind: int = 2, of: int = 0, **of_second: Any
) -> list[Command]:
    """A list that its client calls so, where `of` is not another account."""
    records = listed(NewOrder(**(asdict(first) | {"flags": first.flags | Flag.LIST_NAME})), second, kind, **of_second)
    account = of or first.account
    return [ExtListName(account=account, session=account, time_ns=NOW, name=name), *records]


def by(operator: int = FIRST, key: bytes = b"X") -> dict[str, Any]:
    return {"account": operator, "time_ns": NOW, "cl_ord_id": key}


def own(account: int = 1) -> dict[str, Any]:
    return {"account": account, "session": account, "time_ns": NOW, "cl_ord_id": b"X"}


def instrument(**values: Any) -> Instrument:
    number, base, quote, matcher, unit_value, lot_units, maker, taker = LISTINGS[0]
    fields: dict[str, Any] = {
        "symbol": b"I1", "instrument": number, "base_asset": base, "quote_asset": quote, "tick_mantissa": 1,
        "lot_mantissa": 1, "price_scale": 0, "quantity_scale": 0, "matcher": matcher, "unit_value": unit_value,
        "reference_price_ticks": 100, "lot_units": lot_units, "collar_bps": 500, "maker_fee_ppm": maker,
        "taker_fee_ppm": taker, "account": FIRST, "time_ns": NOW,
    }  # fmt: skip
    return Instrument(**(fields | values))


def limits(**values: Any) -> Limits:
    fields: dict[str, Any] = {
        "account": FIRST, "time_ns": NOW, "instrument": 1, "volatility_auction_ms": 0, "day_end_s": 0,
        "static_band_bps": 0, "dynamic_band_bps": 0, "band_action": 0, "max_quantity_lots": 0, "max_value": 0,
    }  # fmt: skip
    return Limits(**(fields | values))


def account_limits(**values: Any) -> AccountLimits:
    fields: dict[str, Any] = {
        "target": 1, "max_open_orders": 0, "max_orders": 0, "window_ms": 0, "self_trade_group": 0, "self_trade": 0,
        "fee_tier": 0, **by(key=b"L"),
    }  # fmt: skip
    return AccountLimits(**(fields | values))


def schedule(**values: Any) -> Schedule:
    fields: dict[str, Any] = {
        "instrument": 1, "entry": 1, "entries": 1, "time_of_day_s": 0, "phase": 4, "days": 127, **by(),
    }  # fmt: skip
    return Schedule(**(fields | values))


def correction(**values: Any) -> CorrectionProposal:
    """Of the trade that `TRADE` makes: the only one of matcher 1."""
    fields: dict[str, Any] = {
        "account": FIRST, "time_ns": NOW, "instrument": 1, "buyer": 2, "seller": 1, "matcher": 1, "trade_id": 3,
        "price_ticks": 100, "quantity_lots": 5, "new_price_ticks": 0, "buyer_fee": 0, "seller_fee": 3,
    }  # fmt: skip
    return CorrectionProposal(**(fields | values))


def agreed(account: int = SECOND, **values: Any) -> Correction:
    """The approval of what was proposed last."""
    return approval(correction(), **({"account": account, "time_ns": NOW, "proposal": -1} | values))


def stops(**values: Any) -> list[Command]:
    return with_terms(order(1, "X", ord_type=3, price_ticks=0), **values)


DELISTED = [PhaseChange(**by(key=b"D"), instrument=1, phase=Phase.DELISTED)]
BLOCKED = [KillSwitch(**(own() | {"cl_ord_id": b"K"}), target=1, scope=1, is_on=1)]
ENDED = [KillSwitch(**by(key=b"K"), target=1, scope=1, is_on=1)]
SESSION_BLOCKED = [KillSwitch(**by(key=b"K"), target=1, scope=2, is_on=1)]
TRADE = [[order(1, "S", side=2)], [order(2, "B")]]
OPEN = [order(1, "O")]
BUDGET = [order(1, "O", ord_type=1, flags=Flag.BUDGET, quantity_lots=500, price_ticks=0)]
LIST = listed(order(1, "O"), order(1, "leg", side=2))
PROPOSAL = [Adjustment(**by(key=b"P"), asset=1, target=1, amount=-FREE - 1)]

Case = tuple[Code, list[Any]]
ORDERS: list[Case] = [
    (Code.TERMS_MISSING, [[order(1, "X", flags=Flag.TERMS)]]),
    (Code.TERMS_MISSING, [[terms(2, display_lots=1), order(1, "X", flags=Flag.TERMS)]]),
    (Code.TERMS_MISSING, [[order(1, "X", flags=Flag.LIST)]]),
    (Code.TERMS_MISSING, [[order(1, "X", flags=Flag.LIST_NAME)]]),
    (Code.TERMS_MISSING, [listed(order(1, "X", flags=Flag.LIST_NAME), order(1, "Y", side=2))]),
    (Code.TERMS_MISSING, [named(b"", order(1, "X"), order(1, "Y", side=2))]),
    (Code.TERMS_MISSING, [named(b"theirs", order(1, "X"), order(1, "Y", side=2), of=2)]),
    (Code.DISPLAY_TOO_LARGE, [with_terms(order(1, "X"), display_lots=6)]),
    (Code.STOP_PRICE_MISSING, [[order(1, "X", ord_type=3, price_ticks=0)]]),
    (Code.TRAIL_MISSING, [[order(1, "X", ord_type=5, price_ticks=0)]]),
    (Code.POST_ONLY_NOT_ALLOWED, [[order(1, "X", time_in_force=3, flags=Flag.POST_ONLY)]]),
    (Code.UNSUPPORTED_SIDE, [[order(1, "X", side=3)]]),
    (Code.UNSUPPORTED_SELF_TRADE, [[order(1, "X", stp=6)]]),
    (Code.EXPIRE_TIME_PASSED, [with_terms(order(1, "X", time_in_force=6), expire_ns=NOW)]),
    (Code.NO_REFERENCE_PRICE, [with_terms(order(1, "X", instrument=3, ord_type=5, price_ticks=0), trail_ticks=5)]),
    (Code.NOTIONAL_OVERFLOW, [stops(stop_price_ticks=2**62)]),
    (Code.KILL_SWITCH, [BLOCKED, [order(1, "X")]]),
    (Code.KILL_SWITCH, [SESSION_BLOCKED, [order(1, "X")]]),
    (Code.KILL_SWITCH, [OPEN, BLOCKED, replace(1, "X", "O", 100, 5)]),
    (Code.SESSION_ENDED, [ENDED, [order(1, "X")]]),
    (Code.SESSION_ENDED, [OPEN, ENDED, replace(1, "X", "O", 100, 5)]),
    (Code.ORDER_RATE, [[account_limits(max_orders=1, window_ms=1000)], OPEN, [order(1, "X")]]),
    (Code.ORDER_RATE, [[account_limits(max_orders=1, window_ms=1000)], OPEN, replace(1, "X", "O", 100, 5)]),
    (Code.ORDER_RATE, [[account_limits(max_orders=1, window_ms=1000)], listed(order(1, "X"), order(1, "Y"))]),
    (Code.TOO_MANY_OPEN_ORDERS, [[account_limits(max_open_orders=1)], OPEN, [order(1, "X")]]),
    (Code.TOO_MANY_OPEN_ORDERS, [[account_limits(max_open_orders=1)], listed(order(1, "X"), order(1, "Y"))]),
    (Code.QUANTITY_TOO_LARGE, [[limits(max_quantity_lots=4)], [order(1, "X")]]),
    (Code.QUANTITY_TOO_LARGE, [OPEN, [limits(max_quantity_lots=4)], replace(1, "X", "O", 100, 5)]),
    (Code.VALUE_TOO_LARGE, [[limits(max_value=3499)], [order(1, "X")]]),
    (Code.POSITION_LIMIT, [[PositionLimit(**by(key=b"P"), target=1, asset=1, max_units=FREE + 54)], [order(1, "X")]]),
    (Code.POSITION_LIMIT, [
        OPEN, [PositionLimit(**by(key=b"P"), target=1, asset=1, max_units=FREE + 60)], replace(1, "X", "O", 100, 6)
    ]),
    (Code.INSUFFICIENT_BALANCE, [[order(1, "X", ord_type=1, flags=Flag.BUDGET, quantity_lots=FREE + 1)]]),
    (Code.INSUFFICIENT_BALANCE, [listed(order(1, "X", quantity_lots=20_000), order(1, "Y", side=2))]),
    (Code.LIST_IDS_EQUAL, [listed(order(1, "X"), order(1, "X"))]),
    (Code.LIST_SYMBOLS_DIFFER, [listed(order(1, "X"), order(1, "Y", instrument=2))]),
    (Code.LIST_SIDES_DIFFER, [
        listed(order(1, "X"), order(1, "Y", side=2, ord_type=3, price_ticks=0), 1, stop_price_ticks=90)
    ]),
    (Code.UNSUPPORTED_LIST, [listed(order(1, "X"), order(1, "Y"), 3)]),
    (Code.DUPLICATE_CLIENT_ID, [OPEN, listed(order(1, "X"), order(1, "O"))]),
    (Code.DUPLICATE_CLIENT_ID, [OPEN, listed(order(1, "O"), order(1, "X"))]),
    (Code.LIST_ORDER_FIXED, [LIST, replace(1, "X", "O", 100, 5)]),
    (Code.LIST_ORDER_FIXED, [LIST, replace(1, "X", "leg", 100, 5)]),
    (Code.TERM_NEGATIVE, [OPEN, [terms(display_lots=-1), *replace(1, "X", "O", 100, 5, flags=Flag.TERMS)]]),
    (Code.TERMS_MISSING, [OPEN, replace(1, "X", "O", 100, 5, flags=Flag.TERMS)]),
    (Code.EXPIRE_TIME_PASSED, [OPEN, [terms(expire_ns=NOW), *replace(1, "X", "O", 100, 5, flags=Flag.TERMS)]]),
    (Code.DELISTED, [DELISTED, [order(1, "X")]]),
    (Code.DELISTED, [OPEN, DELISTED, cancel(1, "X", "O")]),
    (Code.DELISTED, [OPEN, DELISTED, replace(1, "X", "O", 100, 5)]),
]  # fmt: skip
OTHERS: list[Case] = [
    (Code.NOT_AN_OPERATOR, [[MassCancel(**own(), instrument=0, target=2)]]),
    (Code.NOT_AN_OPERATOR, [[MassCancel(**own(), instrument=0, target=0)]]),
    (Code.UNKNOWN_ACCOUNT, [[MassCancel(**by(), instrument=0, target=99)]]),
    (Code.UNKNOWN_INSTRUMENT, [[MassCancel(**own(), instrument=9, target=1)]]),
    (Code.UNSUPPORTED_SIDE, [[MassCancel(**own(), instrument=0, target=1, side=3)]]),
    (Code.NOT_AN_OPERATOR, [[KillSwitch(**own(), target=2, scope=1, is_on=1)]]),
    (Code.NOT_AN_OPERATOR, [BLOCKED, [KillSwitch(**own(), target=1, scope=1, is_on=0)]]),
    (Code.SESSION_ENDED, [ENDED, [KillSwitch(**own(), target=1, scope=1, is_on=0)]]),
    (Code.UNKNOWN_ACCOUNT, [[KillSwitch(**by(), target=0, scope=1, is_on=1)]]),
    (Code.INVALID_DEFINITION, [[KillSwitch(**by(), target=1, scope=3, is_on=1)]]),
    (Code.NOT_AN_OPERATOR, [[PhaseChange(**own(), instrument=1, phase=Phase.HALT)]]),
    (Code.UNKNOWN_INSTRUMENT, [[PhaseChange(**by(), instrument=9, phase=Phase.HALT)]]),
    (Code.INVALID_DEFINITION, [[PhaseChange(**by(), instrument=1, phase=10)]]),
    (Code.DELISTED, [DELISTED, [PhaseChange(**by(), instrument=1, phase=Phase.CONTINUOUS)]]),
    (Code.NOT_AN_OPERATOR, [[Schedule(**(asdict(schedule()) | {"account": 1}))]]),
    (Code.INVALID_DEFINITION, [[schedule(entry=2, entries=2)]]),
    (Code.INVALID_DEFINITION, [[schedule(time_of_day_s=86_400)]]),
    (Code.INVALID_DEFINITION, [[schedule(days=0)]]),
    (Code.INVALID_DEFINITION, [[schedule(phase=Phase.DELISTED)]]),
    (Code.DELISTED, [DELISTED, [schedule()]]),
    (Code.NOT_AN_OPERATOR, [[limits(account=1)]]),
    (Code.INVALID_DEFINITION, [[limits(static_band_bps=10_001, band_action=1)]]),
    (Code.INVALID_DEFINITION, [[limits(dynamic_band_bps=5)]]),
    (Code.TOO_OLD, [[limits(time_ns=NOW - 31 * 10**9)]]),
    (Code.UNKNOWN_ACCOUNT, [[account_limits(target=99, **by())]]),
    (Code.INVALID_DEFINITION, [[account_limits(max_orders=1, **by())]]),
    (Code.UNSUPPORTED_SELF_TRADE, [[account_limits(self_trade=6, **by())]]),
    (Code.INVALID_DEFINITION, [[PositionLimit(**by(), target=1, asset=9, max_units=1)]]),
    (Code.INVALID_DEFINITION, [[PositionLimit(**by(), target=1, asset=1, max_units=-1)]]),
    (Code.INVALID_DEFINITION, [[FeeTier(**by(), tier=0, maker_fee_ppm=1, taker_fee_ppm=1)]]),
    (Code.INVALID_DEFINITION, [[FeeTier(**by(), tier=1, maker_fee_ppm=-1, taker_fee_ppm=1)]]),
    (Code.NOT_AN_OPERATOR, [[Deposit(**own(), asset=1, amount=1)]]),
    (Code.QUANTITY_NOT_POSITIVE, [[Deposit(**by(), session=FIRST, asset=1, amount=0)]]),
    (Code.INSUFFICIENT_BALANCE, [[Withdrawal(**own(), asset=1, amount=FREE + 1)]]),
    (Code.INSUFFICIENT_BALANCE, [OPEN, [Withdrawal(**own(), asset=3, amount=FREE - 3499)]]),
    (Code.QUANTITY_NOT_POSITIVE, [[Withdrawal(**own(), asset=1, amount=-1)]]),
    (Code.INVALID_DEFINITION, [[Withdrawal(**own(), asset=9, amount=1)]]),
    (Code.NOT_AN_OPERATOR, [[Adjustment(**own(), asset=1, target=1, amount=1)]]),
    (Code.UNKNOWN_PROPOSAL, [[Adjustment(**by(), asset=0, target=0, amount=0, proposal=5)]]),
    (Code.SAME_OPERATOR, [PROPOSAL, [Adjustment(**by(), asset=0, target=0, amount=0, proposal=-1)]]),
    (Code.INSUFFICIENT_BALANCE, [PROPOSAL, [Adjustment(**by(SECOND), asset=0, target=0, amount=0, proposal=-1)]]),
    (Code.UNKNOWN_PROPOSAL, [PROPOSAL, [Adjustment(**by(SECOND), asset=1, target=1, amount=5, proposal=-1)]]),
    (Code.QUANTITY_NOT_POSITIVE, [[Adjustment(**by(), asset=1, target=1, amount=0)]]),
    (Code.NOT_AN_OPERATOR, [*TRADE, [correction(account=1)]]),
    (Code.INVALID_DEFINITION, [[correction(trade_id=1)]]),
    (Code.INVALID_DEFINITION, [*TRADE, [correction(new_price_ticks=100)]]),
    (Code.UNKNOWN_ACCOUNT, [*TRADE, [correction(buyer=0)]]),
    (Code.NOT_AN_OPERATOR, [*TRADE, [correction()], [agreed(1)]]),
    (Code.SAME_OPERATOR, [*TRADE, [correction()], [agreed(FIRST)]]),
    (Code.UNKNOWN_PROPOSAL, [*TRADE, [correction()], [agreed(proposal=0)]]),
    (Code.UNKNOWN_PROPOSAL, [*TRADE, [correction()], [agreed(proposal=7)]]),
    *((Code.UNKNOWN_PROPOSAL, [*TRADE, [correction()], [agreed(**{name: value})]]) for name, value in (
        ("instrument", 2), ("buyer", 3), ("seller", 2), ("matcher", 2), ("trade_id", 2), ("price_ticks", 99),
        ("quantity_lots", 4), ("new_price_ticks", 99), ("buyer_fee", 1), ("seller_fee", 2),
    )),
    (Code.UNKNOWN_PROPOSAL, [*TRADE, [correction()], [agreed()], [agreed()]]),
    (Code.ALREADY_CORRECTED, [*TRADE, [correction()], [agreed()], [correction(new_price_ticks=99)]]),
    (Code.WOULD_LEAVE_SHORT, [
        *TRADE, [correction()],
        [Withdrawal(**(by() | {"account": 2, "session": 2, "cl_ord_id": b"W"}), asset=1, amount=FREE + 1)], [agreed()],
    ]),
    (Code.NOT_AN_OPERATOR, [[instrument(account=1)]]),
    (Code.INVALID_DEFINITION, [[instrument(lot_units=5)]]),
    (Code.INVALID_DEFINITION, [[instrument(matcher=2)]]),
    (Code.NOT_AN_OPERATOR, [[Asset(account=1, time_ns=NOW, name=b"Z", asset=4, scale=2)]]),
    (Code.NOT_AN_OPERATOR, [[Account(account=7, time_ns=NOW, name=b"Z")]]),
]  # fmt: skip


def send(rig: Rig, request: list[Command]) -> None:
    """Where a record names proposal -1, the last one is meant."""
    for place, record in enumerate(request):
        if isinstance(record, Adjustment | Correction) and record.proposal < 0:
            kind = Adjustment if isinstance(record, Adjustment) else CorrectionProposal
            seq = next(known.seq for known in reversed(rig.commands()) if isinstance(known, kind))
            request = [*request[:place], structs.replace(record, proposal=seq)]
    rig.send(*request)
    rig.run()


def nothing(request: list[Command], code: Code) -> list[Command]:
    """As many records that close the same ids and do nothing else."""
    found: list[Command] = []
    for record in request:
        header: dict[str, Any] = {"account": record.account, "session": record.session, "time_ns": NOW}
        text = own_id(record)
        is_known = code == Code.DUPLICATE_CLIENT_ID and text != b"X"
        if text and not is_known:
            found.append(Cancel(**header, cl_ord_id=text, instrument=1))
        elif record is request[-1]:
            found.append(Session(account=1, time_ns=NOW, next_msg_seq_num=0, up=0, reset=0))
        else:
            found.append(ExtTerms(**header))
    return found


@pytest.mark.parametrize(("code", "requests"), ORDERS + OTHERS, ids=lambda value: getattr(value, "name", ""))
def test_a_refusal_leaves_the_state_as_if_it_were_not_there(code: Code, requests: list[list[Command]]) -> None:
    rig, other = Rig().lead(), Rig().lead()
    for request in requests[:-1]:
        send(rig, request)
        send(other, request)
    assert rig.core.state_hash() == other.core.state_hash()
    count = len(rig.log)
    send(rig, requests[-1])
    send(other, nothing(requests[-1], code))
    verdicts = [getattr(record, "verdict", 0) for record in rig.commands()[count:]]
    assert verdicts == [0] * (len(requests[-1]) - 1) + [code]
    assert len(rig.log) == len(other.log)
    assert rig.core.state_hash() == other.core.state_hash()
    rig.core.ledger.check()
    told = [event for event in rig.outcomes(0) if event.cause == len(rig.log)]
    refused = [event for event in told if isinstance(event, Rejected)]
    is_list = any(isinstance(record, ExtLeg) for record in requests[-1])
    assert [event.code for event in refused] == [code] * (2 if is_list else 1)
    if is_list:
        assert [event.order_id for event in refused] == [len(rig.log), len(rig.log) - 1]
