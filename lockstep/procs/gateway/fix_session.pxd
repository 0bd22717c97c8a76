cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.procs.gateway.fix.connection cimport Connection
from lockstep.procs.gateway.fix.encode cimport Outbox, Outgoing
from lockstep.procs.gateway.store cimport Store
from lockstep.procs.gateway.store_reader cimport Kind

cdef enum:
    WINDOW_NS = 1_000_000_000


@cython.final
cdef class FixSession:
    cdef readonly uint32_t number
    cdef readonly bytes name
    cdef Store store
    cdef Outbox away
    cdef Connection live        # None: no client is there, or a resend runs: messages are only stored
    cdef readonly object client    # its connection; None: there is none
    cdef bint record_due     # the log does not know yet that the session logged on or was reset
    cdef bint was_reset
    cdef bint dirty
    cdef bint is_untold      # there may be followed reports to be told again first: see `followed`
    cdef uint32_t next_in    # where the last connection left off; 0: there was none since the start
    cdef int64_t resend_credit   # entries that may be looked at for its resends, as of credited_ns
    cdef int64_t credited_ns     # 0: all that a session may have
    cdef int64_t heard_ns    # until when its rate is used up by what it has sent; see `within`
    cdef int64_t ordered_ns  # likewise, of orders
    cdef set answered        # numbers of messages that were answered before the start, and may come again
    cdef Outbox begin(self, uint32_t msg_type, int64_t now_ns)
    cdef int end_report(self, int ring, uint64_t number, int side) except -1
    cdef int collect(self, Outbox outbox) except -1
    cdef int address(self, bytes comp_id, int version) except -1


cdef inline bint within(int64_t *until_ns, int64_t now_ns, int64_t share_ns) noexcept nogil:
    """Count something that may take `share_ns` on average. False, and not counted, if a second is used up ahead."""
    if until_ns[0] - now_ns > WINDOW_NS:
        return False
    until_ns[0] = max(until_ns[0], now_ns) + share_ns
    return True
