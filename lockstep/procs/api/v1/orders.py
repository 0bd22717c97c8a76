"""`/v1/orders` and what belongs to it: people's orders in the venue's own terms, and the switches that stop them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from litestar import Controller, delete, get, post, put
from litestar.params import Parameter
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from lockstep.config.schema import SelfTradeName
from lockstep.core.intake.codes import text_of
from lockstep.core.schema.records import Code, MassCancel, Role, Side
from lockstep.procs.api.history.pages import MOST_ROWS
from lockstep.procs.api.login.registry import new_id
from lockstep.procs.api.moments import LAST_MS, LAST_NS, LATEST_MS
from lockstep.procs.api.parts import MOST_OBJECTS, parts
from lockstep.procs.api.read.pages import EVER_NS, Page
from lockstep.procs.api.read.views import OrderView
from lockstep.procs.api.requests import Request
from lockstep.procs.api.v1.auth import Body
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.order_entry import OrderRefusedError
from lockstep.procs.api.v1.problems import invalid, not_found, refused
from lockstep.procs.api.v1.shown import FillShown, OrderShown, fill_shown, order_shown

MS = 1_000_000
SYMBOL = re.compile(r"[A-Z0-9]{1,16}")

Decimal = Annotated[str, Meta(max_length=64, description="an exact decimal number, as a text")]
ClientId = Annotated[str, Meta(min_length=1, max_length=36, pattern=r"^[\x21-\x7e]+\Z", description="yours, used once")]
Symbol = Annotated[str, Meta(max_length=16)]
Limit = Annotated[int, Parameter(ge=1, le=MOST_ROWS)]
OrderId = Annotated[int, Parameter(ge=1, le=2**63 - 1)]
# Bounds of what may be left out stand around the None: Litestar does not look at those inside.
SomeId = Annotated[int | None, Parameter(ge=1, le=2**63 - 1)]
SomeTime = Annotated[int | None, Parameter(ge=0, le=LATEST_MS, description="milliseconds since 1970")]
Time = Annotated[int, Meta(ge=0, le=LAST_MS, description="milliseconds since 1970")]

ValidUntil = Annotated[
    int,
    Meta(ge=0, le=LATEST_MS, description="milliseconds since 1970: the venue refuses it later (VALID_UNTIL_PASSED)"),
]

Fields = dict[str, Any]  # of an order, by the names of `NewOrder`

STOPS = ("stop_price", "trail")
STOPS_OF = {"stop": ("stop_price",), "stop_limit": ("stop_price",), "trailing_stop": ("trail",)}


class NewOrder(Body, frozen=True, kw_only=True):
    """An order. What it does, docs/rules.md says; what a type must have and may have is checked by the venue."""

    symbol: Symbol
    side: Literal["buy", "sell"]
    type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"]
    client_order_id: ClientId | None = None
    time_in_force: Literal["day", "gtc", "ioc", "fok", "gtd", "at_the_open", "at_the_close"] | None = None
    quantity: Decimal | None = None
    budget: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    display: Decimal | None = None
    minimum: Decimal | None = None
    expires: Time | None = None
    post_only: bool = False
    slide: bool = False
    self_trade: SelfTradeName | None = None
    valid_until: ValidUntil | None = None


class NewList(Body, frozen=True, kw_only=True):
    """Two orders: `oco`, of which one cancels the other; or `oto`, of which the first's fill begins the second."""

    kind: Literal["oco", "oto"]
    orders: Annotated[list[NewOrder], Meta(min_length=2, max_length=2)]


class Change(Body, frozen=True, kw_only=True):
    """Other terms for an order; what is left out stays as it is."""

    client_order_id: ClientId | None = None
    quantity: Decimal | UnsetType = UNSET
    price: Decimal | UnsetType = UNSET
    stop_price: Decimal | UnsetType = UNSET
    trail: Decimal | UnsetType = UNSET
    display: Decimal | UnsetType = UNSET
    valid_until: ValidUntil | None = None


class Placed(Struct, frozen=True):
    """The order as it stood when all that its command did was released, and the fills that it took."""

    order: OrderShown
    fills: list[FillShown]
    seq: int


class Listed(Struct, frozen=True):
    """Both orders of a list, the first one first."""

    orders: list[OrderShown]
    seq: int


class Cancelled(Struct, frozen=True):
    """Which orders were cancelled."""

    orders: list[OrderShown]
    seq: int


class Blocked(Struct, frozen=True):
    """The account's kill switch is on, and its open orders are cancelled."""

    cancelled: int
    seq: int


class OrdersController(Controller):
    """Placing, changing, cancelling and looking at one's own orders."""

    path = "/v1"
    tags = ["orders"]  # noqa: RUF012 - Litestar's name

    @post("/orders", status_code=201)
    async def place(self, data: NewOrder, caller: Caller, services: Services) -> Placed:
        """Place an order. Under a client order id it is placed once, however often this is sent."""
        _may_trade(caller)
        _count(services, caller, 1)
        request = await _done(services.entry.place, caller, _fields(data))
        view = services.shown.order_of(request.order_id)
        assert view is not None
        fills = [fill_shown(services.shown.numbered_fill(number)) for number in request.fills]
        return Placed(_shown(services, view), fills, request.seq)

    @post("/order-lists", status_code=201)
    async def place_list(self, data: NewList, caller: Caller, services: Services) -> Listed:
        """Place two orders that belong together."""
        _may_trade(caller)
        _count(services, caller, 2)
        first, second = (_fields(order) for order in data.orders)
        request = await _done(services.entry.place_list, caller, data.kind, first, second)
        ids = [str(leg["client_order_id"]).encode() for leg in (first, second)]
        views = [services.shown.find(caller.account, 0, each) for each in ids]
        return Listed([_shown(services, view) for view in views if view is not None], request.seq)

    @put("/orders/{order_id:int}")
    async def change(self, order_id: OrderId, data: Change, caller: Caller, services: Services) -> Placed:
        """Give an open order other terms. It keeps its place where only its quantity is less."""
        _may_trade(caller)
        view = _own(services, caller, order_id)
        request = await _done(services.entry.replace, caller, _changed(services, view, data))
        view = _own(services, caller, order_id)
        return Placed(_shown(services, view), [], request.seq)

    @delete("/orders/{order_id:int}", status_code=200)
    async def cancel(self, order_id: OrderId, caller: Caller, services: Services) -> Cancelled:
        """Cancel an open order."""
        view = _own(services, caller, order_id)
        instrument = services.shown.instrument(view.symbol.symbol)
        request = await _done(
            services.entry.cancel, caller, instrument, view.side, new_id().encode(), view.client_order_id
        )
        return Cancelled([_shown(services, _own(services, caller, each)) for each in request.orders], request.seq)

    @delete("/orders", status_code=200)
    async def cancel_all(
        self, caller: Caller, services: Services, symbol: str | None = None,
        side: Literal["buy", "sell"] | None = None,
    ) -> Cancelled:  # fmt: skip
        """Cancel all open orders; of a symbol, or of a side, where these are given."""
        id = new_id().encode()
        command = MassCancel(
            account=caller.account, cl_ord_id=id, instrument=services.instrument(symbol), target=caller.account,
            side=Side[side.upper()] if side is not None else 0,
        )  # fmt: skip
        request = await services.registry.carry([command], id, caller.ticket, adds=False)
        return Cancelled([_shown(services, _own(services, caller, each)) for each in request.orders], request.seq)

    @post("/kill-switch", status_code=200)
    async def stop(self, caller: Caller, services: Services) -> Blocked:
        """Take no more orders of this account and cancel those that are open. An operator lets it trade again."""
        seq = await services.registry.block(caller.account, caller.ticket)
        id = new_id().encode()
        command = MassCancel(account=caller.account, cl_ord_id=id, instrument=0, target=caller.account)
        request = await services.registry.carry([command], id, caller.ticket, adds=False)
        return Blocked(len(request.orders), seq)

    @get("/orders/open")
    async def open(self, caller: Caller, services: Services, symbol: str | None = None) -> list[OrderShown]:
        """The open orders, the oldest first; of a symbol, or all."""
        instrument = services.instrument(symbol)
        return [
            _shown(services, view)
            async for part in parts(services.shown.open_ids(caller.account, instrument), MOST_OBJECTS)
            for view in services.shown.still_open(part)
        ]

    @get("/orders/{order_id:int}")
    async def order(self, order_id: OrderId, caller: Caller, services: Services) -> OrderShown:
        """An order of this account, however old."""
        view = await services.archive.order(caller.account, order_id, None)
        if view is None:
            raise not_found("The account has no such order.", "order_id")
        return _shown(services, view)

    @get("/orders/by-client-id/{client_order_id:str}")
    async def by_client_id(self, client_order_id: ClientId, caller: Caller, services: Services) -> OrderShown:
        """What became of an order that was sent under a client order id: ask here where an answer was lost."""
        view = await services.archive.order(caller.account, 0, client_order_id.encode())
        if view is None:
            raise not_found("The account has no order of this client order id.", "client_order_id")
        return _shown(services, view)

    @get("/orders")
    async def orders(
        self, caller: Caller, services: Services, symbol: str, first: SomeId = None,
        since: SomeTime = None, until: SomeTime = None, limit: Limit = 100,
    ) -> list[OrderShown]:  # fmt: skip
        """The account's orders in a symbol, by id: from `first` on, or in a span of time, or the last ones."""
        instrument = services.instrument(symbol)
        view = services.shown.symbol(instrument)
        page = _page(first, since, until, limit)
        return [
            _shown(services, each) for each in await services.archive.orders(caller.account, view, instrument, page)
        ]

    @get("/fills")
    async def fills(
        self, caller: Caller, services: Services, symbol: str, order_id: SomeId = None,
        first: SomeId = None, since: SomeTime = None, until: SomeTime = None, limit: Limit = 100,
    ) -> list[FillShown]:  # fmt: skip
        """The account's sides of trades in a symbol: from a trade's id on, or in a span of time, or the last ones."""
        instrument = services.instrument(symbol)
        view, page = services.shown.symbol(instrument), _page(first, since, until, limit)
        found = await services.archive.fills(caller.account, view, instrument, order_id or 0, page)
        return [fill_shown(each) for each in found]


def _may_trade(caller: Caller) -> None:
    caller.is_one_of(Role.TRADER, Role.OPERATOR, Role.ADMIN)


def _count(services: Services, caller: Caller, orders: int) -> None:
    services.limits.orders.take(caller.account, orders, services.monotonic())


def _own(services: Services, caller: Caller, order_id: int) -> OrderView:
    """An order of the account's that memory has. ProblemError."""
    view = services.shown.find(caller.account, order_id, None)
    if view is None:
        raise not_found("The account has no such open order.", "order_id")
    return view


def _shown(services: Services, view: OrderView) -> OrderShown:
    return order_shown(view, services.desk.orders.further(view.order_id))


def _page(first: int | None, since: int | None, until: int | None, limit: int) -> Page:
    if first is not None:
        return Page(first, 0, EVER_NS, limit)
    begin_ns = min((since or 0) * MS, LAST_NS)
    return Page(0, begin_ns, EVER_NS if until is None else min((until + 1) * MS - 1, LAST_NS), limit)


async def _done(send: Callable[..., Request], caller: Caller, *terms: Any) -> Request:
    """What came of a command that `send` gives for the caller. ProblemError where it is refused."""
    try:
        request = send(caller.account, caller.ticket, *terms)
    except OrderRefusedError as error:
        raise refused(Code(error.code), error.field or None, text_of(error.code)) from None
    await request.outcome
    if request.code:
        raise refused(Code(request.code))
    return request


def _fields(order: NewOrder) -> Fields:
    """An order's fields, with what it has that says nothing: all that may rest stay until they are cancelled."""
    if order.type == "trailing_stop" and order.trail is None:
        raise refused(Code.TRAIL_MISSING, "trail")
    fields = structs.asdict(order)
    fields["client_order_id"] = order.client_order_id or new_id()
    fields["time_in_force"] = order.time_in_force or ("ioc" if order.type == "market" else "gtc")
    return fields


def _changed(services: Services, view: OrderView, change: Change) -> Fields:
    """The fields of an order, with what is to change."""
    now = _shown(services, view)
    if change == Change(valid_until=change.valid_until):
        raise invalid("", "This changes nothing: send a quantity, a price, a stop price, a trail or a display.")
    fields: Fields = {
        "client_order_id": change.client_order_id or new_id(),
        "orig_client_order_id": now.client_order_id,
        "symbol": now.symbol,
        "side": now.side,
        "type": now.type,
        "time_in_force": now.time_in_force,
        "expires": now.expires,
        "valid_until": change.valid_until,
    }
    for name in ("quantity", "price", "stop_price", "trail", "display"):
        sent = getattr(change, name)
        if sent is not UNSET:
            fields[name] = sent
        elif name not in STOPS or name in STOPS_OF.get(now.type, ()):  # a trailing stop's price moves by itself
            fields[name] = getattr(now, name)
    return fields
