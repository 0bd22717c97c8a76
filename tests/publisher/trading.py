"""A venue whose time a test sets, and which keeps what it traded for the twin."""

from __future__ import annotations

from dataclasses import dataclass, field

from lockstep.core.schema.records import Corrected, Event, Side, Traded
from tests.models.market_data import Trade
from tests.publisher.exchange import BUY, SELL, START_NS, Exchange


@dataclass
class Trading(Exchange):
    """`trades` are as they stand, corrections included; `now_ns` is the log's time, later with each command."""

    now_ns: int = START_NS
    trades: list[Trade] = field(default_factory=list)
    made: list[Trade] = field(default_factory=list)  # also those that were undone

    def trade(self, side: int, price: int, *fills: int) -> None:
        """One taker's order over as many others at that price."""
        for lots in fills:
            self.new(SELL if side == BUY else BUY, price, lots)
        self.new(side, price, sum(fills))

    def sweep(self, side: int, levels: dict[int, list[int]]) -> None:
        """One taker's order over several prices, the best first."""
        for price, fills in levels.items():
            for lots in fills:
                self.new(SELL if side == BUY else BUY, price, lots)
        self.new(side, list(levels)[-1], sum(map(sum, levels.values())))

    def correct(self, trade: Trade, new_price: int) -> None:
        """Give a trade another price; 0 undoes it."""
        self.tell_only(trade, new_price)
        if new_price:
            trade.price = new_price
        else:
            self.trades.remove(trade)

    def tell_only(self, trade: Trade, new_price: int = 0) -> None:
        """The router's event of a correction."""
        self.now_ns += 1
        self.tell(
            Corrected, instrument=1, time_ns=self.now_ns, trade_id=trade.id, price_ticks=trade.price,
            quantity_lots=trade.lots, new_price_ticks=new_price, buyer=1, seller=2, buyer_fee=0, seller_fee=0,
            matcher=1,
        )  # fmt: skip

    def _time_ns(self) -> int:
        self.now_ns += 1
        return self.now_ns

    def _emit(self, events: list[Event]) -> int:
        for event in events:
            if isinstance(event, Traded):
                taker_buys = event.taker_side == Side.BUY
                group = event.cause, event.taker_order_id
                made = Trade(event.number, event.time_ns, group, event.price_ticks, event.quantity_lots, taker_buys)
                self.trades.append(made)
                self.made.append(made)
        return super()._emit(events)
