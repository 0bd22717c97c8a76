from libc.stdint cimport uint32_t, uint64_t

from procs.router.ledger cimport Ledger
from procs.router.sequencer cimport IdTags
from shm.ring cimport Consumer

cdef enum:
    TAGS = 32            # more than anybody looks ahead

# How far one ingress ring has been looked at: in three steps, each of which finds what the one before asked for.
cdef struct Ahead:
    uint64_t far
    uint64_t middle
    uint64_t near
    IdTags tags[TAGS]  # of the client ids in the records before `far`

cdef void look_ahead(Ahead *ahead, Ledger ledger, Consumer ring, uint64_t end, uint64_t log_seq) noexcept nogil
