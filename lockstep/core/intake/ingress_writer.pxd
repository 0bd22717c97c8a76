cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.intake.order_request cimport OrderRequest
from lockstep.core.schema.records cimport ReplaceRecord
from lockstep.shm.ring cimport Producer

cdef enum:
    MOST_SLOTS = 5           # that one message takes: two orders of a list, each with its terms, and its name


@cython.final
cdef class IngressWriter:
    cdef Producer ingress
    cdef uint32_t sender                 # what the next commands have as their session; 0: the account's own
    cdef uint64_t ticket                 # what the router judges the next commands' rights by; 0: it does not
    cdef uint64_t claimed
    cdef readonly uint64_t commands
    cdef bint has_room(self) noexcept nogil
    cdef bint has_room_for(self, uint64_t records) noexcept nogil
    cdef bint is_taken(self) noexcept nogil
    cdef uint64_t end(self) noexcept nogil
    cdef uint64_t taken(self) noexcept nogil
    cdef char *claim(self, int command, uint32_t account, int64_t utc_ns) noexcept nogil
    cdef void put(self, const OrderRequest *request, uint32_t account, int64_t utc_ns) noexcept nogil
    cdef void order(self, const OrderRequest *request, uint32_t account, int64_t utc_ns) noexcept nogil
    cdef void pair(
        self, const OrderRequest *requests, const char *name, uint32_t account, int64_t utc_ns
    ) noexcept nogil
    cdef void cancel(self, const OrderRequest *request, uint32_t account, int64_t utc_ns) noexcept nogil
    cdef void replace(self, const OrderRequest *request, uint32_t account, int64_t utc_ns) noexcept nogil
    cdef void mass_cancel(self, const OrderRequest *request, uint32_t account, int64_t utc_ns) noexcept nogil
    cdef void body(
        self, int command, const OrderRequest *request, int flags, uint32_t account, int64_t utc_ns
    ) noexcept nogil
    cdef void further(self, const OrderRequest *request, uint32_t account, int64_t utc_ns) noexcept nogil
    cdef ReplaceRecord *named(
        self, int command, int flags, const OrderRequest *request, uint32_t account, int64_t utc_ns
    ) noexcept nogil
    cdef void session(
        self, uint32_t account, uint32_t next_in, bint up, bint reset, uint64_t rights, int64_t utc_ns
    ) noexcept nogil
    cdef void reservation(
        self, uint32_t account, uint32_t generation, uint32_t first, uint32_t end, uint32_t version, int64_t utc_ns
    ) noexcept nogil
    cdef void copy(self, const char *record, int64_t utc_ns) noexcept nogil
    cdef void publish(self) noexcept nogil
