"""The ledger written out slowly, on Decimal and dictionaries: holds, fees and settlement of one order at a time.

An oracle for tests: it follows the log's accepted commands and the matchers' events, sharing no code with the router.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal

from shm.records import Cancelled, Command, Deposit, Event, Instrument, NewOrder, Rejected, Replace, Replaced, Traded


@dataclass
class OpenOrder:
    """An open order's terms, and those of its replaces in flight by the sequence of their records."""

    account: int
    instrument: Instrument
    is_buy: bool
    price: Decimal
    quantity: Decimal
    filled: Decimal = Decimal(0)
    in_flight: dict[int, tuple[Decimal, Decimal]] = field(default_factory=dict)

    @property
    def pays_with(self) -> int:
        return self.instrument.quote_asset if self.is_buy else self.instrument.base_asset

    @property
    def reserve(self) -> Decimal:
        terms = [(self.price, self.quantity), *self.in_flight.values()]
        leaves = max(quantity for _, quantity in terms) - self.filled
        if self.is_buy:
            return max(price for price, _ in terms) * leaves * self.instrument.unit_value
        return leaves * self.instrument.lot_units


class LedgerModel:
    """Everything that accounts own, and their open orders; what is free is what is owned less all reserves."""

    def __init__(self) -> None:
        self.owned: defaultdict[tuple[int, int], Decimal] = defaultdict(Decimal)
        self.orders: dict[int, OpenOrder] = {}
        self.instruments: dict[int, Instrument] = {}

    def balance(self, account: int, asset: int) -> tuple[int, int]:
        """(free, held) in smallest units."""
        mine = [o for o in self.orders.values() if (o.account, o.pays_with) == (account, asset)]
        held = sum((order.reserve for order in mine), Decimal(0))
        return int(self.owned[account, asset] - held), int(held)

    def command(self, record: Command) -> None:
        """An accepted command of the log."""
        if isinstance(record, Deposit):
            self.owned[record.account, record.asset] += record.amount
        elif isinstance(record, Instrument):
            self.instruments[record.instrument] = record
        elif isinstance(record, NewOrder):
            self.orders[record.seq] = OpenOrder(
                record.account, self.instruments[record.instrument], record.side == 1, Decimal(record.price_ticks),
                Decimal(record.quantity_lots),
            )  # fmt: skip
        elif isinstance(record, Replace):
            terms = (Decimal(record.price_ticks), Decimal(record.quantity_lots))
            self.orders[record.order_id].in_flight[record.seq] = terms

    def event(self, event: Event) -> None:
        """A matcher's event."""
        if isinstance(event, Traded):
            self._traded(event)
        elif isinstance(event, Cancelled):
            del self.orders[event.order_id]
        elif isinstance(event, Replaced):
            order = self.orders[event.order_id]
            order.price, order.quantity = order.in_flight.pop(event.cause)
        elif isinstance(event, Rejected) and event.order_id in self.orders:
            self.orders[event.order_id].in_flight.pop(event.cause, None)

    def _traded(self, event: Traded) -> None:
        terms = self.instruments[event.instrument]
        base = Decimal(event.quantity_lots) * terms.lot_units
        quote = Decimal(event.price_ticks) * event.quantity_lots * terms.unit_value
        for order_id, rate in (
            (event.maker_order_id, terms.maker_fee_ppm),
            (event.taker_order_id, terms.taker_fee_ppm),
        ):
            order = self.orders[order_id]
            gets, pays = (base, quote) if order.is_buy else (quote, base)
            received = terms.base_asset if order.is_buy else terms.quote_asset
            fee = (gets * rate / 1_000_000).to_integral_value(ROUND_DOWN)
            self.owned[order.account, received] += gets - fee
            self.owned[0, received] += fee
            self.owned[order.account, order.pays_with] -= pays
            order.filled += event.quantity_lots
            if order.filled == order.quantity:
                del self.orders[order_id]
