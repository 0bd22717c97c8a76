cimport cython
from libc.stdint cimport uint32_t

cdef enum:
    MAX_QUEUED_MESSAGES = 4096
    MAX_QUEUED = 262144         # bytes; what does not fit is asked for again

cdef struct Queued:
    uint32_t offset             # from `Queue.data`
    uint32_t size               # 0: a Logon, of which only the number still matters
    uint32_t msg_seq_num
    bint served                 # acted upon already (ResendRequest)


# Messages above a gap, in ascending order of MsgSeqNum.
@cython.final
cdef class Queue:
    cdef char *data
    cdef uint32_t used
    cdef Queued *entries
    cdef uint32_t head
    cdef uint32_t count
    cdef int take_memory(self) except -1 nogil
    cdef int push(self, uint32_t msg_seq_num, const char *data, uint32_t size, bint served) except -1 nogil
    cdef const Queued *pop(self, uint32_t next_in) noexcept nogil
    cdef void clear(self) noexcept nogil
