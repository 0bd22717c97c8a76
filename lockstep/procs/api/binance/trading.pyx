"""What clients do with orders: place, test, cancel, replace, amend; each method answers the route of its name.

Forms and answers are the dialect's, `Commands` sends what is asked for, and an answer waits until all of its events are
released (LOG-13). Nothing here knows HTTP or WebSockets.
"""

cimport cython

from lockstep.core.intake.order_request cimport FIELD_STOP_PRICE, OrderRequest, Refusal, begin, has, put_id, put_orig_id
from lockstep.core.intake.orders cimport STATUS_NEW, STATUS_PARTIALLY_FILLED
from lockstep.core.schema.records cimport CL_ORD_ID_SIZE, CMD_CANCEL, CMD_MASS_CANCEL, CODE_WOULD_TAKE
from lockstep.procs.api.binance.caller cimport Call
from lockstep.procs.api.binance.order_forms cimport (
    RESTRICTION_ONLY_NEW,
    RESTRICTION_ONLY_PARTIALLY_FILLED,
    AmendForm,
    CancelForm,
    ListForm,
    OrderForm,
    Target,
    read_amend,
    read_cancel,
    read_cancel_replace,
    read_list_target,
    read_oco,
    read_old_oco,
    read_order,
    read_oto,
)
from lockstep.procs.api.commands cimport NOT_CHANGED, NOT_REDUCED, Commands
from lockstep.procs.api.read.shown cimport Shown
from lockstep.procs.api.read.views cimport OrderView
from lockstep.procs.api.requests cimport Request

from msgspec import Raw

from lockstep.procs.api.binance.account_answers import order_test_answer
from lockstep.procs.api.binance.answers import (
    amend_answer,
    cancel_answer,
    cancel_answers,
    cancel_replace_answer,
    list_answer,
    order_answer,
)
from lockstep.procs.api.binance.errors import ApiError, Number, cancel_replace, refusal, rejected, symbol_unknown
from lockstep.procs.api.binance.order_forms import RELATION
from lockstep.procs.api.parts import MOST_ROWS, joined, parts
from lockstep.procs.api.read.views import is_open, list_client_id
from lockstep.procs.api.requests import UnknownOutcome

from lockstep.core.schema.enums import ListKind
from lockstep.core.schema.records import Code, CommandType


cdef class Trading:
    """The handlers. `take_orders(account, count)` counts new orders against the account's limits. ApiError."""

    cdef Commands commands
    cdef Shown shown
    cdef object take_orders

    def __init__(self, Commands commands not None, Shown shown not None, object take_orders):
        self.commands = commands
        self.shown = shown
        self.take_orders = take_orders

    def begin_order_place(self, Call call) -> Placing:
        """Send a new order."""
        form = read_order(call.sent, new_id(call, b"newClientOrderId"))
        self.take_orders(call.account, 1)
        return Placing(self, self.send_order(form, call), form, call)

    async def order_place(self, Call call):
        """A new order."""
        placing = self.begin_order_place(call)
        await placing.request.outcome
        return placing.answer()

    async def order_test(self, Call call):
        """A new order, checked and not sent."""
        cdef OrderForm form = read_order(call.sent, call.generated(0))
        self.check_order(form, call)
        view = self.shown.symbol(self.instrument(call.sent.get(b"symbol"))) if form.wants_rates else None
        return order_test_answer(view)

    def begin_order_cancel(self, Call call) -> Cancelling:
        """Send a cancel."""
        form = read_cancel(call.sent, new_id(call, b"newClientOrderId"))
        return Cancelling(self, self.send_cancel(form, call), form, call)

    async def order_cancel(self, Call call):
        """An open order is cancelled."""
        cancelling = self.begin_order_cancel(call)
        await cancelling.request.outcome
        return cancelling.answer()

    async def open_orders_cancel(self, Call call):
        """All open orders of a symbol are cancelled; one refusal where there is none."""
        instrument = self.instrument(call.sent.require(b"symbol"))
        own_id = call.generated(0)
        if not self.shown.open_ids(call.account, instrument):
            raise refusal(Code.UNKNOWN_ORDER, CommandType.CANCEL)
        request = self.send_mass_cancel(instrument, own_id, call)
        await request.outcome
        self.check(request, CommandType.MASS_CANCEL)
        answers = []
        async for part in parts(request.orders, MOST_ROWS):
            views = [self.shown.order_of(order_id) for order_id in part]
            for view in views:
                view.original_client_order_id, view.client_order_id = view.client_order_id, own_id
            answers.append(cancel_answers(views, call.unit))
        return joined(answers)

    async def cancel_replace(self, Call call):
        """An order is cancelled and another one placed; they are two commands, and the first may succeed alone."""
        form = read_cancel_replace(call.sent, call.generated(0), call.generated(1))
        cancel_error = cancelled = order_error = placed = None
        self.check_order(form.order, call)
        if not form.cancel_when_too_many:
            self.take_orders(call.account, 1)
        try:
            request = self.send_cancel(form.cancel, call)
            await request.outcome
            cancelled = cancel_answer(self.cancelled(request, form.cancel), call.unit)
        except ApiError as error:
            cancel_error = error
        if cancel_error is None or not form.stop_on_failure:
            try:
                if form.cancel_when_too_many:
                    self.take_orders(call.account, 1)
                request = self.send_order(form.order, call)
                await request.outcome
                placed = self.placed(request, form.order, call)
            except ApiError as error:
                order_error = error
        if cancel_error is None and order_error is None:
            return cancel_replace_answer(cancelled, placed)
        raise cancel_replace(cancel_error, order_error, raw(cancelled), raw(placed))

    async def amend(self, Call call):
        """An open order gets a smaller quantity and keeps its place."""
        form = read_amend(call.sent, call.generated(0))
        known = self.named(form.target, call.account)
        if known is None:
            raise refusal(Code.UNKNOWN_ORDER, CommandType.REPLACE)
        request = self.send_amend(form, known, call)
        await request.outcome
        self.check(request, CommandType.REPLACE)
        view = self.shown.order_of(request.order_id)
        view.original_client_order_id = known.client_order_id
        return amend_answer(view, request.seq, call.unit)

    async def oco_place(self, Call call):
        """Two orders, of which one cancels the other."""
        return await self.place_list(read_oco(call.sent, [call.generated(i) for i in range(3)]), call, False)

    async def old_oco_place(self, Call call):
        """The same, as older clients ask for it."""
        return await self.place_list(read_old_oco(call.sent, [call.generated(i) for i in range(3)]), call, False)

    async def oto_place(self, Call call):
        """Two orders, of which one waits until the other is filled."""
        return await self.place_list(read_oto(call.sent, [call.generated(i) for i in range(3)]), call, True)

    async def place_list(self, ListForm form, Call call, bint triggers):
        """A list of two orders."""
        self.take_orders(call.account, 2)
        request = self.send_list(form, call)
        await request.outcome
        if request.code == CODE_WOULD_TAKE and not triggers:  # either price may be past the market
            raise rejected(RELATION)
        self.check(request, CommandType.NEW_ORDER)
        orders = [self.shown.find(call.account, 0, client_id) for client_id in form.client_order_ids]
        return list_answer(
            orders, triggers, not any(map(is_open, orders)), list_client_id(orders[0]), form.detail, False, call.unit
        )

    async def list_cancel(self, Call call):
        """Both orders of a list are cancelled: the one that is cancelled takes the other with it."""
        target = read_list_target(call.sent)
        name = target.client_order_id
        views = []
        async for part in parts(self.shown.open_ids(call.account, self.instrument(target.symbol)), MOST_ROWS):
            views += [
                view for view in self.shown.still_open(part)
                if view.list_id != -1 and target.order_id in (0, view.list_id)
            ]
        if name is not None:
            named = [view.list_id for view in views if view.list_name == name]
            number = max(named or [view.list_id for view in views if view.client_order_id == name], default=0)
            views = [view for view in views if view.list_id == number]
        if not views:
            raise refusal(Code.UNKNOWN_ORDER, CommandType.CANCEL)
        form = self.cancel_of(views[0], call.generated(0))
        request = self.send_cancel(form, call)
        await request.outcome
        self.check(request, CommandType.CANCEL)
        orders = sorted([self.shown.order_of(view.order_id) for view in views], key=lambda view: -view.order_id)
        triggers = views[0].list_kind == ListKind.OTO
        return list_answer(orders, triggers, True, list_client_id(orders[0]), 2, True, call.unit)

    # From forms to commands.

    cdef Request send_order(self, OrderForm form, Call call):
        cdef Refusal refused
        cdef Request request = self.commands.place(&form.request, call.account, call.key, call.ticket(), &refused)
        if request is None:
            raise form.error_of(&refused)
        return request

    cdef int check_order(self, OrderForm form, Call call) except -1:
        cdef Refusal refused = self.commands.test(&form.request, call.account)
        if refused.code:
            raise form.error_of(&refused)
        return 0

    cdef Request send_list(self, ListForm form, Call call):
        cdef Refusal refused
        cdef bint is_named = call.sent.get(b"listClientOrderId") is not None
        cdef bytes name = form.list_client_order_id.ljust(CL_ORD_ID_SIZE, b"\0")
        cdef const char *padded = name
        cdef Request request = self.commands.place_list(
            form.requests, form.kind, padded if is_named else NULL, call.account, call.key, call.ticket(), &refused
        )
        if request is None:
            raise form.error_of(&refused)
        return request

    cdef Request send_cancel(self, CancelForm form, Call call):
        """What is not known here by its client id is asked for all the same: the router knows."""
        cdef OrderRequest cancel
        cdef Refusal refused
        cdef Request request
        cdef bytes orig_id = form.target.client_order_id
        cdef OrderView known = self.named(form.target, call.account)
        begin(&cancel, CMD_CANCEL)
        if known is not None:
            check_restriction(form, known)
            form.order_id = known.order_id
            if known.waits_for_list:  # a list ends as a whole, with its first order
                known = self.shown.order_of(known.mate_id)
            cancel.order.side = known.side
            orig_id = known.client_order_id
        elif form.target.order_id or orig_id is None:
            raise refusal(Code.UNKNOWN_ORDER, CommandType.CANCEL)
        put_id(&cancel, form.client_order_id, len(form.client_order_id))
        put_orig_id(&cancel, orig_id, len(orig_id))
        cancel.order.instrument = self.instrument(form.target.symbol)
        request = self.commands.cancel(&cancel, call.account, call.key, call.ticket(), &refused)
        if request is None:
            raise refusal(refused.code, CommandType.CANCEL)
        return request

    cdef Request send_mass_cancel(self, instrument, bytes client_id, Call call):
        cdef OrderRequest cancel
        cdef Refusal refused
        cdef Request request
        begin(&cancel, CMD_MASS_CANCEL)
        cancel.order.instrument = instrument
        put_id(&cancel, client_id, len(client_id))
        request = self.commands.cancel(&cancel, call.account, call.key, call.ticket(), &refused)
        if request is None:
            raise refusal(refused.code, CommandType.MASS_CANCEL)
        return request

    cdef Request send_amend(self, AmendForm form, OrderView known, Call call):
        cdef Refusal refused
        cdef Request request = self.commands.reduce(
            &form.request, known.order_id, call.account, call.key, call.ticket(), &refused
        )
        if request is None and refused.code == NOT_REDUCED:
            raise ApiError(400, Number.AMEND_REJECTED, "Order amend (quantity increase) is not supported.")
        if request is None and refused.code == NOT_CHANGED:
            raise ApiError(400, Number.AMEND_REJECTED, "The requested action would change no state; rejecting.")
        if request is None:
            raise form.error_of(&refused)
        return request

    # From outcomes to answers.

    cdef int check(self, Request request, int command) except -1:
        """ApiError where the command was refused, UnknownOutcome where nothing told of it in time."""
        if request.is_unknown:
            raise UnknownOutcome()
        if request.code:
            raise refusal(request.code, command)
        return 0

    cdef bytes placed(self, Request request, OrderForm form, Call call):
        if request.code == CODE_WOULD_TAKE and has(&form.request, FIELD_STOP_PRICE):
            raise rejected("Stop price would trigger immediately.")
        self.check(request, CommandType.NEW_ORDER)
        fills = [self.shown.numbered_fill(number) for number in request.fills]
        return order_answer(self.shown.order_of(request.order_id), form.detail, fills, call.unit)

    cdef OrderView cancelled(self, Request request, CancelForm form):
        cdef OrderView view
        self.check(request, CommandType.CANCEL)
        view = self.shown.order_of(form.order_id or request.order_id)
        view.original_client_order_id, view.client_order_id = view.client_order_id, form.client_order_id
        return view

    cdef OrderView named(self, Target target, account):
        """The order that a request names, or None where it is not known here. ApiError if the names disagree."""
        cdef OrderView view = self.shown.find(account, target.order_id, target.client_order_id)
        if view is None or view.symbol.symbol != target.symbol:
            return None
        if target.order_id and target.client_order_id is not None and target.client_order_id != view.client_order_id:
            return None
        return view

    def instrument(self, bytes symbol) -> int:
        """The instrument of a symbol. ApiError."""
        found = self.shown.instrument(symbol)
        if not found:
            raise symbol_unknown()
        return found

    cdef CancelForm cancel_of(self, OrderView view, bytes own_id):
        """A cancel of an order that is known."""
        cdef CancelForm form = CancelForm.__new__(CancelForm)
        form.target = Target.__new__(Target)
        form.target.symbol = view.symbol.symbol
        form.target.order_id = view.order_id
        form.client_order_id = own_id
        return form


@cython.final
cdef class Placing:
    """A new order on its way: when `request` is over, `answer` is what its client is told."""

    cdef Trading trading
    cdef readonly Request request
    cdef OrderForm form
    cdef Call call

    def __init__(self, Trading trading, Request request, OrderForm form, Call call):
        self.trading, self.request, self.form, self.call = trading, request, form, call

    def answer(self) -> bytes:
        """ApiError, UnknownOutcome."""
        return self.trading.placed(self.request, self.form, self.call)


@cython.final
cdef class Cancelling:
    """A cancel on its way, likewise."""

    cdef Trading trading
    cdef readonly Request request
    cdef CancelForm form
    cdef Call call

    def __init__(self, Trading trading, Request request, CancelForm form, Call call):
        self.trading, self.request, self.form, self.call = trading, request, form, call

    def answer(self) -> bytes:
        """ApiError, UnknownOutcome."""
        return cancel_answer(self.trading.cancelled(self.request, self.form), self.call.unit)


cdef bytes new_id(Call call, bytes name):
    """A client id for an order or a cancel whose client names none by this parameter; else None."""
    return call.generated(0) if call.sent.get(name) is None else None


cdef int check_restriction(CancelForm form, OrderView known) except -1:
    if form.restriction == RESTRICTION_ONLY_NEW and known.status != STATUS_NEW:
        raise ApiError(400, Number.CANCEL_REJECTED, "Order was not canceled due to cancel restrictions.")
    if form.restriction == RESTRICTION_ONLY_PARTIALLY_FILLED and known.status != STATUS_PARTIALLY_FILLED:
        raise ApiError(400, Number.CANCEL_REJECTED, "Order was not canceled due to cancel restrictions.")
    return 0


def raw(bytes answer) -> object:
    """An answer as a part of another one."""
    return None if answer is None else Raw(answer)
