cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport EventRecord
from lockstep.procs.api.tracked_orders cimport ACCOUNTS

# What a listener is called for.
cdef enum:
    NOTICE_NEW = 0
    NOTICE_TRADE = 1
    NOTICE_CANCELLED = 2
    NOTICE_REPLACED = 3
    NOTICE_REJECTED = 4
    NOTICE_TRIGGERED = 5
    NOTICE_RESTATED = 6
    NOTICE_BALANCE = 7


@cython.final
cdef class Listeners:
    cdef dict of                         # by account
    cdef uint8_t watched[ACCOUNTS]       # whether there are any
    cdef int tell(
        self, uint32_t account, int what, uint64_t order_id, int ring, const EventRecord *event, uint64_t fill
    ) except -1
