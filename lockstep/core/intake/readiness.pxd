cimport cython
from libc.stdint cimport int64_t, uint64_t

from lockstep.core.intake.ingress_writer cimport IngressWriter
from lockstep.core.intake.orders cimport ClientOrders
from lockstep.shm.board cimport Board

cdef enum:
    BUSY_AFTER_NS = 1_000_000_000   # without a commit, or with a full ring: what comes in is refused

# What a command adds to what the venue must keep.
cdef enum Adds:
    ADDS_NOTHING = 0                 # a cancel, or what is known already
    ADDS_RECORD = 1                  # to the log
    ADDS_ORDER = 2                   # to the table of orders too


@cython.final
cdef class Readiness:
    cdef Board board
    cdef IngressWriter ingress
    cdef ClientOrders orders
    cdef bint lacks_space
    cdef bint is_held_up
    cdef uint64_t commit             # as it was when it moved last, at `committed_ns`
    cdef int64_t committed_ns
    cdef bint leads(self) noexcept nogil
    cdef bint is_level(self, uint64_t handled, bint is_behind) noexcept nogil
    cdef void look(self, int64_t now_ns, bint lacks_space) noexcept nogil
    cdef int refusal(self, Adds adds) noexcept nogil
