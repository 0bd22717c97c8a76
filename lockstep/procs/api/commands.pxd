cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.intake.ingress_writer cimport IngressWriter
from lockstep.core.intake.listings cimport Listings
from lockstep.core.intake.order_request cimport OrderRequest, Refusal
from lockstep.core.intake.orders cimport ClientOrders
from lockstep.core.intake.readiness cimport Readiness
from lockstep.core.intake.validation cimport Validator
from lockstep.procs.api.requests cimport Request, Requests
from lockstep.shm.board cimport Board

cdef enum:
    NOT_REDUCED = -1         # no reject code of the venue's: a replace may also enlarge an order
    NOT_CHANGED = -2         # not sent: the order has that quantity already


@cython.final
cdef class Commands:
    cdef IngressWriter ingress
    cdef Listings listings
    cdef ClientOrders orders
    cdef Requests requests
    cdef Validator validator
    cdef Readiness readiness
    cdef object unsequenced              # ends in the ingress ring, whose futures wait until the router has taken them
    cdef public object kick              # called when a client begins to wait
    cdef public bint is_open             # whether anything is taken
    cdef int64_t now_ns                  # of the poll before
    cdef uint64_t refused                # by what is here
    cdef int attach(self, Board board) except -1
    cdef int show_sequenced(self) except -1
    cdef Request place(self, OrderRequest *request, uint32_t account, uint32_t key, uint64_t ticket, Refusal *refusal)
    cdef Request place_list(
        self, OrderRequest *orders, int kind, const char *name, uint32_t account, uint32_t key, uint64_t ticket,
        Refusal *refusal
    )
    cdef Refusal test(self, OrderRequest *order, uint32_t account)
    cdef Request cancel(
        self, const OrderRequest *request, uint32_t account, uint32_t key, uint64_t ticket, Refusal *refusal
    )
    cdef Request reduce(
        self, OrderRequest *change, uint64_t order_id, uint32_t account, uint32_t key, uint64_t ticket, Refusal *refusal
    )
    cdef Request send(
        self, const OrderRequest *request, bint adds, uint32_t account, uint32_t key, uint64_t ticket, Refusal *refusal
    )
    cdef void send_as(self, uint32_t key, uint64_t ticket) noexcept
    cdef bint may_send(self, bint adds, Refusal *refusal) noexcept
    cdef Request sent(self, uint32_t account, const char *cl_ord_id, int command)

cdef bint is_told_of_nobody(int command) noexcept nogil
