"""Checks the commands of clients, refuses what cannot succeed, and writes the rest into the ingress ring.

It knows neither HTTP nor JSON, and no request's words: order requests come in, and requests whose outcome comes go out.
"""

from collections import deque

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from lockstep.core.intake.ingress_writer cimport IngressWriter
from lockstep.core.intake.listings cimport Listings
from lockstep.core.intake.order_request cimport FIELD_QUANTITY, OrderRequest, Refusal, fine, put_orig_id
from lockstep.core.intake.order_values cimport count_steps
from lockstep.core.intake.orders cimport ClientOrder, ClientOrders
from lockstep.core.intake.readiness cimport ADDS_NOTHING, ADDS_ORDER, Readiness
from lockstep.core.intake.refused_ids cimport RefusedIds
from lockstep.core.intake.validation cimport Validator
from lockstep.core.schema.records cimport *
from lockstep.procs.api.requests cimport OUTCOME_NS, Request, Requests
from lockstep.procs.api.withdrawals cimport write_cancel, write_request
from lockstep.shm.board cimport Board

from lockstep.procs.api.requests import UnknownOutcome

cdef enum:
    ANYBODY = 0                     # who asked, where an event does not say that


cdef class Commands:
    """Writes the ingress ring. `attach` comes first.

    Each command returns its request, or None, and says why in `refusal`, where nothing was sent. `ticket` is as in
    IngressWriter: 0 for a command that its API key has signed. Commands reach the router together, with the next poll:
    `kick` is called when there is one.
    """

    def __init__(
        self, IngressWriter ingress not None, Listings listings not None, ClientOrders orders not None,
        Requests requests not None
    ):
        self.ingress = ingress
        self.listings = listings
        self.orders = orders
        self.requests = requests
        self.readiness = Readiness(ingress, orders)
        self.unsequenced = deque()
        self.kick = nothing

    cdef int attach(self, Board board) except -1:
        """Use this board: at the start, and again after a restart of the core."""
        self.readiness.board = board
        self.validator = Validator(self.listings, RefusedIds(), board)
        return 0

    cdef Request place(self, OrderRequest *request, uint32_t account, uint32_t key, uint64_t ticket, Refusal *refusal):
        """A new order, or a replace: other terms, and a new client id. It is checked, and its outcome comes."""
        refusal[0] = self.validator.check(request, account)
        return self.send(request, True, account, key, ticket, refusal)

    cdef Request place_list(
        self, OrderRequest *orders, int kind, const char *name, uint32_t account, uint32_t key, uint64_t ticket,
        Refusal *refusal
    ):
        """Two orders of a list (LIST_KIND_…), and the list's name, padded, or NULL. The outcome is that of the first
        one by the venue's rules.
        """
        refusal[0] = self.validator.check_list(orders, kind, account)
        if not self.may_send(True, refusal):
            return None
        self.send_as(key, ticket)
        self.ingress.pair(orders, name, account, self.now_ns)
        return self.sent(account, orders.order.cl_ord_id, CMD_NEW_ORDER)

    cdef Refusal test(self, OrderRequest *order, uint32_t account):
        """What `place` would refuse by itself. Nothing is sent."""
        return self.validator.check(order, account)

    cdef Request cancel(
        self, const OrderRequest *request, uint32_t account, uint32_t key, uint64_t ticket, Refusal *refusal
    ):
        """A cancel, or a mass cancel, under an id of its own; the instrument is found, and a cancel's side is 0 where
        its order is not known here.
        """
        refusal[0] = fine()
        return self.send(request, False, account, key, ticket, refusal)

    cdef Request reduce(
        self, OrderRequest *change, uint64_t order_id, uint32_t account, uint32_t key, uint64_t ticket, Refusal *refusal
    ):
        """A smaller quantity, and a new client id, for an order of the account's that is known here."""
        cdef const ClientOrder *order = self.orders.find(order_id)
        change.listing = self.listings.get(order.instrument)
        change.order.instrument = order.instrument
        put_orig_id(change, order.cl_ord_id, CL_ORD_ID_SIZE)
        if order.ord_type == ORD_TYPE_LIMIT or order.ord_type == ORD_TYPE_STOP_LIMIT:
            change.order.price_ticks = order.price_ticks
        refusal[0] = count_steps(change, FIELD_QUANTITY, &change.order.quantity_lots)
        if refusal.code == CODE_OK and change.order.quantity_lots >= order.quantity_lots:
            refusal.code = NOT_REDUCED if change.order.quantity_lots > order.quantity_lots else NOT_CHANGED
        return self.send(change, True, account, key, ticket, refusal)

    cdef Request send(
        self, const OrderRequest *request, bint adds, uint32_t account, uint32_t key, uint64_t ticket, Refusal *refusal
    ):
        """One that is checked."""
        if not self.may_send(adds, refusal):
            return None
        self.send_as(key, ticket)
        self.ingress.put(request, account, self.now_ns)
        return self.sent(account, request.order.cl_ord_id, request.command)

    def carry(self, list records not None, bytes id not None, bint adds=True, uint64_t ticket=0):
        """A command that is no order, of a person or of the venue itself: what comes before it, and itself, packed.

        `id` is what its events tell it by: a client id or a name, or nothing where they have no room for it. None if
        the venue takes nothing now, or, where the command `adds` to what the log must keep, nothing more.
        """
        cdef Refusal refusal = fine()
        cdef const char *record = NULL
        cdef char padded[CL_ORD_ID_SIZE]
        cdef uint32_t account
        cdef int command
        if not self.may_send(adds, &refusal) or not self.ingress.has_room_for(len(records)):
            return None
        self.ingress.ticket = ticket
        for each in records:
            record = each
            self.ingress.copy(record, self.now_ns)
        memset(padded, 0, CL_ORD_ID_SIZE)
        memcpy(padded, <const char *> id, len(id))
        command = (<const CommandRecord *> record).type
        account = ANYBODY if is_told_of_nobody(command) else (<const CommandRecord *> record).account
        return self.sent(account, padded, command)

    cdef void send_as(self, uint32_t key, uint64_t ticket) noexcept:
        """Say whose the next command is: a person's if `key` is 0."""
        self.ingress.sender = API_SESSION + key
        self.ingress.ticket = ticket

    cdef bint may_send(self, bint adds, Refusal *refusal) noexcept:
        """Whether there is nothing against a command; `adds`: it adds to what the log must keep.

        The api takes none of those while the table of orders is full, whether or not it is an order.
        """
        if refusal.code == CODE_OK:
            if self.is_open and self.readiness.leads():
                refusal.code = self.readiness.refusal(ADDS_ORDER if adds else ADDS_NOTHING)
            else:
                refusal.code = CODE_VENUE_BUSY
        self.refused += refusal.code != CODE_OK
        return refusal.code == CODE_OK

    cdef Request sent(self, uint32_t account, const char *cl_ord_id, int command):
        """Return the request of the command that was just written, which waits for its outcome."""
        cdef Request request = self.requests.begin(account, cl_ord_id, command, self.now_ns)
        self.kick()
        return request

    # Withdrawals. A request that was not sent comes back as the code that says why.

    def request_withdrawal(
        self, uint32_t account, uint32_t key, uint32_t asset, int64_t amount, bytes client_id, bytes destination,
        uint64_t ticket=0
    ) -> Request | int:
        """Ask for an amount, in smallest units, to be paid out. Ids have at most 36 bytes, destinations at most 72."""
        cdef Refusal refusal = fine()
        if not self.may_send(True, &refusal):
            return refusal.code
        self.send_as(key, ticket)
        write_request(self.ingress, account, asset, amount, client_id, destination, self.now_ns)
        return self.sent(account, client_id.ljust(CL_ORD_ID_SIZE, b"\0"), CMD_WITHDRAWAL_REQUEST)

    def cancel_withdrawal(
        self, uint32_t account, uint32_t key, uint64_t withdrawal, bytes client_id, uint64_t ticket=0
    ) -> Request | int:
        """Ask for one of the account's to be given back, under a client id of its own."""
        cdef Refusal refusal = fine()
        if not self.may_send(False, &refusal):
            return refusal.code
        self.send_as(key, ticket)
        write_cancel(self.ingress, account, withdrawal, client_id, self.now_ns)
        return self.sent(account, client_id.ljust(CL_ORD_ID_SIZE, b"\0"), CMD_WITHDRAWAL_DECISION)

    def sequenced(self) -> object:
        """Return a future that is done once the router has put into the log all that was sent until now.

        It gets UnknownOutcome if that takes too long.
        """
        cdef object outcome = self.requests.future()
        self.unsequenced.append((self.ingress.end(), outcome, self.now_ns + OUTCOME_NS))
        self.kick()
        return outcome

    cdef int show_sequenced(self) except -1:
        """End the waits for what the router has taken by now, and those that have waited too long."""
        cdef uint64_t taken = self.ingress.taken()
        while self.unsequenced:
            end, outcome, until_ns = self.unsequenced[0]
            if end > taken and self.now_ns <= until_ns:
                break
            self.unsequenced.popleft()
            if outcome.done():
                continue
            if end > taken:
                outcome.set_exception(UnknownOutcome())
            else:
                outcome.set_result(None)
        return 0


def nothing() -> None:
    """The `kick` of a desk without a server."""


cdef bint is_told_of_nobody(int command) noexcept nogil:
    """Whether a command's own event does not say who asked: it has no client id either."""
    return command == CMD_ASSET or command == CMD_INSTRUMENT or command == CMD_CORRECTION
