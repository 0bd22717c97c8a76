"""The rows that a replay's events should have left in the database, worked out again, one event at a time.

It uses Decimal and dictionaries, shares only the record schema with the loader, and never reads what that wrote.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import merge
from typing import Any

import psycopg
from psycopg import sql

from lockstep.core.schema.alphabet import shown
from lockstep.core.schema.records import (
    Accepted,
    AccountDefined,
    AssetDefined,
    Balance,
    Cancelled,
    CancelReason,
    Code,
    Command,
    CommandType,
    Confirmed,
    Corrected,
    Event,
    ExtCredentialEvent,
    ExtDestination,
    ExtListNameEvent,
    ExtTermsEvent,
    InstrumentDefined,
    ListKind,
    OrderFlag,
    OrderState,
    OrderType,
    Phase,
    PhaseChanged,
    PhaseReason,
    Prevented,
    Replaced,
    Restated,
    RestateReason,
    SelfTrade,
    Side,
    TimeInForce,
    Traded,
    TradeFlag,
    Triggered,
)
from lockstep.procs.batcher.expected_requests import REQUESTS, ListedRows, action_of, moment, request_of
from lockstep.procs.batcher.expected_tables import CANDLES, POSITIONS, TABLES, columns_of, create

# FIX calls these expired; every other end of an order is a cancel.
EXPIRED = (CancelReason.EXPIRED, CancelReason.AUCTION_ENDED)
ENDED = ("FILLED", "CANCELED", "EXPIRED")
# Rows held back before they are sent to the server, where they wait in a temporary table to be compared.
BUFFERED_ROWS = 10_000


@dataclass
class _ExpectedOrder:
    row: dict[str, Any]
    lots: int
    leaves_lots: int
    has_budget: bool
    filled_lots: int = 0
    prevented_lots: int = 0


@dataclass
class Expected(ListedRows):
    """The rows that events leave behind. Final ones go to the server at once; the rest stays until `finish`.

    The log's `commands` of COMMANDS, in order, say what operators asked for: their events only have the number.
    `requests` has those up to `requests_seq`.
    """

    connection: psycopg.Connection
    commands: Iterator[Command]
    requests_seq: int
    users: dict[int, dict[str, Any]] = field(default_factory=dict)
    balances: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    open_orders: dict[int, _ExpectedOrder] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in TABLES})
    credential: ExtCredentialEvent | None = None
    terms: dict[int, ExtTermsEvent] = field(default_factory=dict)  # by ring, for its next event
    list_names: dict[int, ExtListNameEvent] = field(default_factory=dict)  # of lists whose first order is next

    def __post_init__(self) -> None:
        create(self.connection)

    def replay(self, rings: dict[int, Iterable[Event]]) -> dict[int, int]:
        """Apply the events of all rings in the order of their causes, the router's (0) first; returns the last numbers.

        So an order that its instrument took from one matcher to another is followed.
        """
        last = dict.fromkeys(rings, 0)
        for _, ring, number, event in merge(*(_keyed(ring, events) for ring, events in rings.items())):
            last[ring] = number
            self.apply(ring, event)
        return last

    def apply(self, ring: int, event: Event) -> None:
        match event:
            case ExtTermsEvent():
                self.terms[ring] = event
            case ExtListNameEvent():
                self.list_names[ring] = event
            case Accepted():
                self.accept(event, self.terms.pop(ring, None), self.list_names.pop(ring, None))
            case Traded():
                self.trade(ring, event)
            case Cancelled():
                self.cancel(event)
            case Replaced():
                self.replace(ring, event, self.terms.pop(ring, None))
            case Triggered():
                self.trigger(event)
            case Restated():
                self.restate(event)
            case Balance():
                self.balance(event)
            case PhaseChanged():
                self.phase(ring, event)
            case Prevented():
                self.prevented(ring, event)
            case Confirmed():
                self.confirm(event)
            case Corrected():
                self.correct(event)
            case _:
                self.define(event)

    def finish(self) -> None:
        for command in self.commands:
            self.request(command)
        for name, rows in (
            ("orders", [order.row for order in self.open_orders.values()]),
            ("users", self.users.values()),
            ("assets", self.assets.values()),
            ("instruments", self.instruments.values()),
            ("balances", self.balances.values()),
        ):
            for row in rows:
                self.add(name, row)
        for name in TABLES:
            self.send(name)
        self.derive()

    def derive(self) -> None:
        """Add the rows that follow from those of trades and corrections."""
        self.connection.execute(CANDLES)
        self.connection.execute(POSITIONS)

    def add(self, name: str, row: dict[str, Any]) -> None:
        self.rows[name].append(row)
        if len(self.rows[name]) >= BUFFERED_ROWS:
            self.send(name)

    def send(self, name: str) -> None:
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(f"expected_{name}"), columns_of(name))
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in self.rows[name]:
                copy.write_row([row[column] for column in TABLES[name][1]])
        self.rows[name].clear()

    def accept(self, event: Accepted, terms: ExtTermsEvent | None, name: ExtListNameEvent | None) -> None:
        has_budget = bool(event.flags & OrderFlag.BUDGET)
        order = _ExpectedOrder({}, event.quantity_lots, event.quantity_lots, has_budget)
        self.open_orders[event.order_id] = order
        quote = self.instruments[event.instrument]["quote_asset"]
        order.row = {
            "order_id": event.order_id,
            "user_id": event.account,
            "symbol": self.instruments[event.instrument]["symbol"],
            "cl_ord_id": shown(event.cl_ord_id),
            "side": Side(event.side).name,
            "type": OrderType(event.ord_type).name,
            "time_in_force": TimeInForce(event.time_in_force).name,
            "price": self.price(event.instrument, event.price_ticks),
            "state": "WAITING" if event.state == OrderState.WAITING else "NEW",
            "stop_price": None,
            "trail": None,
            "display": None,
            "expires": None,
            "minimum": self.quantity(event.instrument, terms.minimum_lots) if terms and terms.minimum_lots else None,
            "budget": self.money(quote, event.quantity_lots) if has_budget else None,
            "post_only": bool(event.flags & OrderFlag.POST_ONLY),
            "slide": bool(event.flags & OrderFlag.SLIDE),
            "self_trade": SelfTrade(event.stp or SelfTrade.NONE).name,
            "list_kind": ListKind(terms.list_kind).name if terms and terms.mate_order_id else None,
            "mate_order_id": terms.mate_order_id if terms and terms.mate_order_id else None,
            "list_name": shown(name.name) if name else None,
            "end_reason": None,
            "first_cl_ord_id": None,
            "created": moment(event.time_ns),
        }
        self.take_terms(order, event.instrument, terms)
        self.show(order, event)

    def take_terms(self, order: _ExpectedOrder, instrument: int, terms: ExtTermsEvent | None) -> None:
        """Replace the terms that an event has; one that it no longer has stays in the row."""
        if terms is None:
            return
        for name, value in (
            ("stop_price", self.price(instrument, terms.stop_price_ticks)),
            ("trail", self.price(instrument, terms.trail_ticks)),
            ("display", self.quantity(instrument, terms.display_lots)),
            ("expires", moment(terms.expire_ns) if terms.expire_ns else None),
        ):
            if value:
                order.row[name] = value

    def trade(self, ring: int, event: Traded) -> None:
        terms = self.instruments[event.instrument]
        base, quote = terms["base_asset"], terms["quote_asset"]
        taker_gets, maker_gets = (base, quote) if event.taker_side == Side.BUY else (quote, base)
        self.add(
            "trades",
            {
                "matcher": ring,
                "trade_id": event.number,
                "symbol": terms["symbol"],
                "price": self.price(event.instrument, event.price_ticks),
                "quantity": self.quantity(event.instrument, event.quantity_lots),
                "maker_order_id": event.maker_order_id,
                "maker_user_id": event.maker_account,
                "taker_order_id": event.taker_order_id,
                "taker_user_id": event.taker_account,
                "taker_side": Side(event.taker_side).name,
                "maker_fee": self.money(maker_gets, event.maker_fee),
                "taker_fee": self.money(taker_gets, event.taker_fee),
                "auction": bool(event.flags & TradeFlag.AUCTION),
                "time": moment(event.time_ns),
                "seq": event.cause,
            },
        )
        for order_id, leaves in (
            (event.maker_order_id, event.maker_leaves_lots),
            (event.taker_order_id, event.taker_leaves_lots),
        ):
            order = self.open_orders[order_id]
            order.filled_lots += event.quantity_lots
            order.leaves_lots = leaves
            order.row["state"] = "PARTIALLY_FILLED" if leaves else "FILLED"
            self.show(order, event)
            if not leaves:
                self.add("orders", self.open_orders.pop(order_id).row)

    def cancel(self, event: Cancelled) -> None:
        order = self.open_orders.pop(event.order_id)
        order.leaves_lots = 0
        if event.reason == CancelReason.SELF_TRADE:
            order.prevented_lots += event.leaves_lots
        order.row["state"] = "EXPIRED" if event.reason in EXPIRED else "CANCELED"
        order.row["end_reason"] = CancelReason(event.reason).name
        self.show(order, event)
        self.add("orders", order.row)

    def replace(self, ring: int, event: Replaced, terms: ExtTermsEvent | None) -> None:
        self.add(
            "replacements",
            {
                "matcher": ring,
                "number": event.number,
                "order_id": event.order_id,
                "symbol": self.instruments[event.instrument]["symbol"],
                "cl_ord_id": shown(event.cl_ord_id),
                "old_price": self.price(event.instrument, event.old_price_ticks),
                "price": self.price(event.instrument, event.price_ticks),
                "old_remaining": self.quantity(event.instrument, event.old_leaves_lots),
                "remaining": self.quantity(event.instrument, event.leaves_lots),
                "kept_priority": bool(event.kept_priority),
                "time": moment(event.time_ns),
                "seq": event.cause,
            },
        )
        order = self.open_orders[event.order_id]
        order.row["first_cl_ord_id"] = order.row["first_cl_ord_id"] or order.row["cl_ord_id"]
        order.row["cl_ord_id"] = shown(event.cl_ord_id)
        self.take_terms(order, event.instrument, terms)
        self.alter(order, event)

    def restate(self, event: Restated) -> None:
        order = self.open_orders[event.order_id]
        if event.reason == RestateReason.SELF_TRADE:
            order.prevented_lots += event.old_leaves_lots - event.leaves_lots
        self.alter(order, event)

    def alter(self, order: _ExpectedOrder, event: Replaced | Restated) -> None:
        order.lots += event.leaves_lots - event.old_leaves_lots
        order.leaves_lots = event.leaves_lots
        order.row["price"] = self.price(event.instrument, event.price_ticks)
        self.show(order, event)

    def trigger(self, event: Triggered) -> None:
        order = self.open_orders[event.order_id]
        order.row["price"] = self.price(event.instrument, event.price_ticks)
        if event.stop_price_ticks:
            order.row["stop_price"] = self.price(event.instrument, event.stop_price_ticks)
        if event.state != OrderState.WAITING:
            order.row["state"] = "TRIGGERED"
        self.show(order, event)

    def show(self, order: _ExpectedOrder, event: Event) -> None:
        """Bring the row up to date with the order. What a budget buys is unknown beforehand: nothing of it remains."""
        lots, leaves = (order.filled_lots, 0) if order.has_budget else (order.lots, order.leaves_lots)
        order.row.update(
            quantity=self.quantity(event.instrument, lots),
            filled=self.quantity(event.instrument, order.filled_lots),
            remaining=self.quantity(event.instrument, leaves),
            prevented=self.quantity(event.instrument, 0 if order.has_budget else order.prevented_lots),
            is_open=order.row["state"] not in ENDED,
            updated=moment(event.time_ns),
            seq=event.cause,
        )

    def balance(self, event: Balance) -> None:
        self.balances[event.account, event.asset] = {
            "user_id": event.account,
            "asset": self.assets[event.asset]["asset"],
            "free": self.money(event.asset, event.free),
            "held": self.money(event.asset, event.held),
            "total": self.money(event.asset, event.free + event.held),
            "seq": event.cause,
        }

    def phase(self, ring: int, event: PhaseChanged) -> None:
        traded, reference = event.auction_lots > 0, event.reference_price_ticks
        self.add(
            "phases",
            {
                "matcher": ring,
                "number": event.number,
                "symbol": self.instruments[event.instrument]["symbol"],
                "phase": Phase(event.phase).name,
                "old_phase": Phase(event.old_phase).name,
                "reason": PhaseReason(event.reason).name,
                "ends": moment(event.ends_ns) if event.ends_ns else None,
                "auction_price": self.price(event.instrument, event.auction_price_ticks) if traded else None,
                "auction_quantity": self.quantity(event.instrument, event.auction_lots) if traded else None,
                "reference_price": self.price(event.instrument, reference) if reference > 0 else None,
                "time": moment(event.time_ns),
                "seq": event.cause,
            },
        )

    def prevented(self, ring: int, event: Prevented) -> None:
        self.add(
            "prevented_matches",
            {
                "matcher": ring,
                "prevented_match_id": event.number,
                "symbol": self.instruments[event.instrument]["symbol"],
                "price": self.price(event.instrument, event.price_ticks),
                "quantity": self.quantity(event.instrument, event.quantity_lots),
                "maker_order_id": event.maker_order_id,
                "maker_user_id": event.maker_account,
                "maker_prevented": self.quantity(event.instrument, event.maker_lots),
                "taker_order_id": event.taker_order_id,
                "taker_user_id": event.taker_account,
                "taker_prevented": self.quantity(event.instrument, event.taker_lots),
                "taker_side": Side(event.taker_side).name,
                "self_trade": SelfTrade(event.mode).name,
                "trade_group": event.trade_group or None,
                "time": moment(event.time_ns),
                "seq": event.cause,
            },
        )

    def confirm(self, event: Confirmed) -> None:
        if event.command == CommandType.CANCEL_AFTER:  # which leaves no row
            return
        self.add("actions", {"number": event.number} | action_of(self.command_at(event.cause), self))

    def command_at(self, seq: int) -> Command:
        """The command with that sequence; skips those before it."""
        for command in self.commands:
            self.request(command)
            if command.seq >= seq:
                if command.seq == seq:
                    return command
                break
        raise ValueError(f"the replay confirms record {seq}, which the log does not have as a command of an operator")

    def request(self, command: Command) -> None:
        """What `requests` has of a command."""
        if isinstance(command, ExtDestination):
            self.destination = command.destination
        was_refused = getattr(command, "verdict", Code.OK) not in (Code.OK, Code.SECOND_NEEDED)
        if command.seq <= self.requests_seq and command.type in REQUESTS and not was_refused:
            self.add("requests", request_of(command, self))

    def correct(self, event: Corrected) -> None:
        terms, new = self.instruments[event.instrument], event.new_price_ticks
        self.add(
            "corrections",
            {
                "matcher": event.matcher,
                "trade_id": event.trade_id,
                "symbol": terms["symbol"],
                "price": self.price(event.instrument, event.price_ticks),
                "quantity": self.quantity(event.instrument, event.quantity_lots),
                "new_price": self.price(event.instrument, new) if new > 0 else None,
                "buyer_id": event.buyer,
                "seller_id": event.seller,
                "buyer_fee": self.money(terms["base_asset"], event.buyer_fee),
                "seller_fee": self.money(terms["quote_asset"], event.seller_fee),
                "time": moment(event.time_ns),
                "seq": event.cause,
            },
        )

    def define(self, event: Event) -> None:
        match event:
            case AssetDefined():
                row = {"id": event.asset, "asset": shown(event.name), "scale": event.scale, "seq": event.cause}
                self.assets[event.asset] = row
            case InstrumentDefined():
                names = TABLES["instruments"][1][2:-1]
                row = {"id": event.instrument, "symbol": shown(event.symbol), "seq": event.cause}
                self.instruments[event.instrument] = row | {name: getattr(event, name) for name in names}
            case ExtCredentialEvent():
                self.credential = event
            case AccountDefined():
                self.define_user(event)

    def define_user(self, event: AccountDefined) -> None:
        name = shown(event.name)
        created = self.users[event.account]["created"] if event.account in self.users else moment(event.time_ns)
        self.users[event.account] = {
            "id": event.account,
            "username": name,
            "password_hash": _phc(self.credential) if self.credential else "",
            "sender_comp_id": name,
            "created": created,
            "seq": event.cause,
        }
        self.credential = None


def _keyed(ring: int, events: Iterable[Event]) -> Iterator[tuple[int, int, int, Event]]:
    return ((event.cause, ring, event.number, event) for event in events)


def _phc(credential: ExtCredentialEvent) -> str:
    salt = b64encode(credential.salt).rstrip(b"=").decode()
    digest = b64encode(credential.hash).rstrip(b"=").decode()
    cost = f"m={credential.memory_kib},t={credential.time_cost},p={credential.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"
