"""Why a command was refused: the figures that the refusal rests on, from the state that decided it.

It asks the router's ledger and the matcher's book; it decides nothing again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from lockstep.core.operations.formatting import Names, target_of, time_text
from lockstep.core.recovery import inspection
from lockstep.core.schema.alphabet import shown
from lockstep.core.schema.client_ids import own_id
from lockstep.core.schema.records import (
    Cancel,
    Code,
    Command,
    ExtLeg,
    MassCancel,
    NewOrder,
    OrderFlag,
    Phase,
    Replace,
    Side,
    Withdrawal,
)
from lockstep.procs.router.sequencer import Sequencer

Figures = dict[str, str]


class Case(NamedTuple):
    """A refused command, what came before it, and which stage knows why. `core` is as the router had it then."""

    command: Command
    extensions: Sequence[Command]
    core: Sequencer
    names: Names


def figures(code: Code, case: Case) -> Figures:
    """What the router weighed, in words and decimals; {} if the code says it all."""
    command, core, names = case.command, case.core, case.names
    if code == Code.DUPLICATE_CLIENT_ID:
        return _duplicate(case)
    if code in (Code.UNKNOWN_ORDER, Code.ORDER_CLOSED, Code.SYMBOL_MISMATCH, Code.SIDE_MISMATCH):
        return _target(case)
    if code in (Code.ORDER_RATE, Code.TOO_MANY_OPEN_ORDERS, Code.KILL_SWITCH):
        counted = inspection.account_of(core.ledger, command.account)
        if code == Code.ORDER_RATE:
            return {"orders in the window": str(counted["orders"]), "allowed": str(counted["max_orders"]),
                    "window": f"{counted['window_ns'] / 1e6:g} ms"}  # fmt: skip
        if code == Code.TOO_MANY_OPEN_ORDERS:
            return {"open orders": str(counted["open_orders"]), "allowed": str(counted["max_open_orders"])}
        return {"kill switch of": names.account(command.account)}
    if isinstance(command, Withdrawal):
        return _balance(case, command.asset, command.amount) if code == Code.INSUFFICIENT_BALANCE else {}
    if isinstance(command, NewOrder | Replace):
        return _order(code, command, case)
    return {}


def _order(code: Code, order: NewOrder | Replace, case: Case) -> Figures:
    core, names = case.core, case.names
    listed = names.instruments.get(order.instrument)
    if listed is None:
        return {"instrument": str(order.instrument)}
    if code == Code.EXPIRE_TIME_PASSED:
        return {"log time": time_text(order.time_ns)}
    cost = _cost(order, case)
    if cost is None:
        return {}
    limits: dict[str, Any] = core.limits(order.instrument)
    if code == Code.INSUFFICIENT_BALANCE:
        return _balance(case, listed.quote if cost["side"] == Side.BUY else listed.base, cost["needed"])
    if code == Code.QUANTITY_TOO_LARGE:
        most = names.quantity(order.instrument, int(limits["max_quantity_lots"]))
        return {"quantity": names.quantity(order.instrument, cost["lots"]), "allowed": most}
    if code == Code.VALUE_TOO_LARGE:
        most = names.amount(listed.quote, int(limits["max_value"]))
        return {"value": names.amount(listed.quote, cost["value"]), "allowed": most}
    if code == Code.POSITION_LIMIT:
        free, held = core.ledger.balance(order.account, listed.base) or (0, 0)
        coming = core.ledger.positions.incoming().get((order.account, listed.base), 0)
        limit = core.position_limit(order.account, listed.base)
        return {"owned": names.amount(listed.base, free + held), "open buys": names.amount(listed.base, coming),
                "this order": names.amount(listed.base, cost["incoming"]),
                "allowed": names.amount(listed.base, limit)}  # fmt: skip
    return {}


def _cost(order: NewOrder | Replace, case: Case) -> dict[str, int] | None:
    """What an order costs; `needed` must be free for it, beyond what is held for it already."""
    ledger = case.core.ledger
    if isinstance(order, NewOrder):
        budget = bool(order.flags & OrderFlag.BUDGET)
        cost = inspection.cost_of(ledger, order.instrument, order.side, budget, order.price_ticks, order.quantity_lots)
        if cost is None:
            return None
        needed = cost["held"]
        for leg in case.extensions:
            if isinstance(leg, ExtLeg):  # of two that exclude each other, the greater hold is for both
                other = inspection.cost_of(ledger, leg.instrument, leg.side, False, leg.price_ticks, leg.quantity_lots)
                needed = max(needed, other["held"]) if other and leg.list_kind == 1 else needed
        return cost | {"side": order.side, "needed": needed}
    before = inspection.order_of(ledger, order.order_id)
    if before is None:
        return None
    filled = int(before["quantity"]) - int(before["leaves"])
    price = max(int(before["price_ticks"]), order.price_ticks)
    leaves = max(int(before["leaves"]), order.quantity_lots - filled)
    alone = inspection.cost_of(ledger, order.instrument, before["side"], False, order.price_ticks, order.quantity_lots)
    widest = inspection.cost_of(ledger, order.instrument, before["side"], False, price, leaves)
    if alone is None or widest is None:
        return None
    more = {"side": before["side"], "needed": widest["held"] - before["held"], "incoming": widest["incoming"]}
    return alone | more


def _balance(case: Case, asset: int, needed: int) -> Figures:
    names = case.names
    free, held = case.core.ledger.balance(case.command.account, asset) or (0, 0)
    return {
        "free": names.amount(asset, free),
        "needed": names.amount(asset, needed),
        "short of": names.amount(asset, max(0, needed - free)),
        "held by open orders": names.amount(asset, held),
    }


def _duplicate(case: Case) -> Figures:
    for text in filter(None, map(own_id, (case.command, *case.extensions))):
        known = inspection.client_id_of(case.core.ledger, case.command.account, text)
        if known is not None and known[0] < case.command.seq:
            return {"client id": shown(text), "used before by record": str(known[0])}
    return {}


def _target(case: Case) -> Figures:
    """Of a cancel or replace: what is known of the client id that it means."""
    command = case.command
    assert isinstance(command, Cancel | Replace | MassCancel | NewOrder)
    text = target_of(command, case.extensions) if isinstance(command, Cancel | Replace) else None
    if text is None:
        return {}
    known = inspection.client_id_of(case.core.ledger, command.account, text)
    found: Figures = {"means": shown(text)}
    if known is None:
        return found | {"known": "no such client id of this account, or it is long forgotten"}
    order = inspection.order_of(case.core.ledger, known[1]) if known[1] else None
    if order is None:
        return found | {"known": f"record {known[0]} brought it; it means no open order any more"}
    return found | {"known": f"order {order['order_id']}, {case.names.symbol(order['instrument'])}, "
                             f"{Side(order['side']).name.lower()}"}  # fmt: skip


def of_matcher(code: Code, command: Command, listing: dict[str, int], names: Names, best: dict[str, str]) -> Figures:
    """What a matcher weighed; a refused command changes no book, so that the book after it is the one before it."""
    instrument = int(getattr(command, "instrument", 0))
    if code == Code.WOULD_TAKE:
        return best
    if code == Code.PRICE_OUTSIDE_BAND:
        price, low = names.price, listing["static_low_ticks"]
        return {"price": price(instrument, getattr(command, "price_ticks", 0)), "lowest": price(instrument, low),
                "highest": price(instrument, listing["static_high_ticks"]),
                "reference": price(instrument, listing["reference_ticks"])}  # fmt: skip
    if code == Code.TOO_MANY_TRAILING:
        return {"trailing stops that wait": str(listing["trailing"])}
    if code in (Code.NOT_IN_THIS_PHASE, Code.MARKET_CLOSED, Code.HALTED, Code.CANCEL_ONLY):
        return {"phase": Phase(listing["phase"]).name}
    return {}
