from libc.stdint cimport uint32_t, uint64_t

from lockstep.procs.matcher.orders cimport Orders
from lockstep.shm.ring cimport Consumer

cdef enum:
    NOTES = 64              # no fewer than anybody looks ahead

# What is known of a command before its turn; NIL if there is nothing to know.
cdef struct Note:
    uint32_t tag            # of the order that it enters or means
    uint32_t item           # that order, where it rests already
    uint32_t level_tag      # of the level that the order comes to
    uint32_t level

# How far the log has been looked at: in steps, each of which finds what the one before prefetched.
cdef struct Ahead:
    uint64_t index
    uint64_t item
    uint64_t around
    uint64_t level
    uint64_t tail
    Note notes[NOTES]       # of the commands before `index`

cdef void look_ahead(Ahead *ahead, Orders orders, Consumer log, uint64_t seq, uint64_t end) noexcept nogil
