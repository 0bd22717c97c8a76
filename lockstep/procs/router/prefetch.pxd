from libc.stdint cimport uint32_t, uint64_t

from lockstep.procs.router.ledger cimport Ledger
from lockstep.procs.router.sequencer cimport Glimpse
from lockstep.shm.ring cimport Consumer

cdef enum:
    GLIMPSES = 32        # more than anybody looks ahead

# How far one ingress ring has been looked at: in steps, each of which finds what the one before prefetched.
cdef struct Ahead:
    uint64_t farthest
    uint64_t far
    uint64_t middle
    uint64_t near
    uint64_t nearest
    Glimpse glimpses[GLIMPSES]  # of the records before `farthest`

cdef void look_ahead(Ahead *ahead, Ledger ledger, Consumer ring, uint64_t end, uint64_t log_seq) noexcept nogil
