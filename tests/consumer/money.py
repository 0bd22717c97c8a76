"""An independent consumer of a whole venue's events: every balance, and what of it open orders hold.

It reads balances as the router tells them, works them out again from trades, corrections and confirmed movements, and
holds from the orders of `tests.consumer.orders`; it shares nothing with the ledger but the rules.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lockstep.core.schema.records import (
    Accepted,
    Balance,
    CommandType,
    Confirmed,
    Corrected,
    Event,
    ExtTermsEvent,
    InstrumentDefined,
    ListKind,
    Side,
    Traded,
    Triggered,
    TriggerReason,
    WithdrawalChanged,
    WithdrawalState,
)
from tests.consumer.orders import Order, Orders

FEES = 0
Key = tuple[int, int]  # account, asset


@dataclass
class Money:
    """Feed it all rings; `told` is what Balance events say, `totals` what the movements come to."""

    told: dict[Key, tuple[int, int]] = field(default_factory=dict)
    totals: Counter[Key] = field(default_factory=Counter)
    instruments: dict[int, InstrumentDefined] = field(default_factory=dict)
    orders: dict[int, Orders] = field(default_factory=dict)
    trades: dict[tuple[int, int], Traded] = field(default_factory=dict)  # that stand, by matcher and trade id
    withdrawals: dict[int, WithdrawalChanged] = field(default_factory=dict)  # that wait, by number
    _parked: set[int] = field(default_factory=set)
    _list: ExtTermsEvent | None = None

    def deposit(self, account: int, asset: int, amount: int) -> None:
        """A deposit has no event but its Balance: who wants to know movements reads them in the log."""
        self.totals[account, asset] += amount

    def apply(self, ring: int, event: Event) -> None:
        if ring:
            self._follow_lists(event)
            self.orders.setdefault(ring, Orders()).apply(event)
        match event:
            case InstrumentDefined():
                self.instruments[event.instrument] = event
            case Balance():
                self.told[event.account, event.asset] = (event.free, event.held)
            case Traded():
                self.trades[ring, event.number] = event
                self._settle(event, event.price_ticks, 1)
            case Corrected():
                self._correct(event)
            case WithdrawalChanged():
                self._withdraw(event)
            case Confirmed(command=CommandType.WITHDRAWAL):
                self.totals[event.account, event.asset] -= event.amount
            case Confirmed(command=CommandType.ADJUSTMENT) if event.proposal != event.cause:  # an approval
                self.totals[event.target, event.asset] += event.amount

    def _withdraw(self, event: WithdrawalChanged) -> None:
        """What waits is held; what ends so is no longer, and what is paid has left."""
        known = self.withdrawals.pop(event.withdrawal, None)
        assert (known is None) == (event.state == WithdrawalState.REQUESTED), f"withdrawal {event.withdrawal} is new"
        if event.state <= WithdrawalState.APPROVED:
            self.withdrawals[event.withdrawal] = event
        elif event.state == WithdrawalState.PAID:
            assert known is not None
            assert known.state == WithdrawalState.APPROVED, f"withdrawal {event.withdrawal} was not approved"
            self.totals[event.account, event.asset] -= event.amount

    def settle(self) -> None:
        for orders in self.orders.values():
            orders.settle()
            orders.check()

    def held(self) -> Counter[Key]:
        """What withdrawals wait with, and what open orders cost at most: of two that exclude each other the greater, of
        one that is parked nothing."""
        found: Counter[Key] = Counter()
        for each in self.withdrawals.values():
            found[each.account, each.asset] += each.amount
        for orders in self.orders.values():
            for order in orders.orders.values():
                if not order.is_open or order.order_id in self._parked:
                    continue
                contingent = self._excluded(orders, order)
                cost = max(self._cost(order), self._cost(contingent)) if contingent else self._cost(order)
                if contingent is None or order.order_id < contingent.order_id:
                    found[order.account, self._asset(order)] += cost
        return found

    def _excluded(self, orders: Orders, order: Order) -> Order | None:
        """The other order of an OCO list, while both are open."""
        if order.terms is None or order.terms.list_kind != ListKind.OCO:
            return None
        contingent = orders.orders[order.terms.mate_order_id]
        return contingent if contingent.is_open else None

    def _asset(self, order: Order) -> int:
        terms = self.instruments[order.instrument]
        return terms.quote_asset if order.side == Side.BUY else terms.base_asset

    def _cost(self, order: Order) -> int:
        terms = self.instruments[order.instrument]
        if order.side == Side.SELL:
            return order.leaves * terms.lot_units
        return order.leaves * order.price * terms.unit_value

    def _follow_lists(self, event: Event) -> None:
        """An OTO list's second order, whose id is the smaller, is parked until it is activated or ends."""
        match event:
            case ExtTermsEvent():
                self._list = event
            case Accepted():
                is_oto = self._list is not None and self._list.list_kind == ListKind.OTO
                if self._list is not None and is_oto and event.order_id < self._list.mate_order_id:
                    self._parked.add(event.order_id)
                self._list = None
            case Triggered(reason=TriggerReason.LIST):
                self._parked.discard(event.order_id)

    def _settle(self, trade: Traded, price: int, sign: int) -> None:
        """Move what a trade moves, or take it back. A fee is in what its payer receives; account 0 gets it."""
        terms = self.instruments[trade.instrument]
        taker, maker = (trade.taker_account, trade.taker_fee), (trade.maker_account, trade.maker_fee)
        (buyer, buyer_fee), (seller, seller_fee) = (taker, maker) if trade.taker_side == Side.BUY else (maker, taker)
        base = sign * trade.quantity_lots * terms.lot_units
        quote = sign * trade.quantity_lots * price * terms.unit_value
        for account, asset, amount in (
            (buyer, terms.base_asset, base - sign * buyer_fee),
            (seller, terms.base_asset, -base),
            (FEES, terms.base_asset, sign * buyer_fee),
            (buyer, terms.quote_asset, -quote),
            (seller, terms.quote_asset, quote - sign * seller_fee),
            (FEES, terms.quote_asset, sign * seller_fee),
        ):
            self.totals[account, asset] += amount

    def _correct(self, event: Corrected) -> None:
        """A trade that is undone gives all back; one with another price keeps its fees."""
        trade = self.trades.pop((event.matcher, event.trade_id))
        assert (trade.price_ticks, trade.quantity_lots) == (event.price_ticks, event.quantity_lots)
        self._settle(trade, trade.price_ticks, -1)
        if event.new_price_ticks:
            self._settle(trade, event.new_price_ticks, 1)
