from libc.stdint cimport uint32_t, uint64_t

from procs.router.pool cimport Pool, Table

cdef enum:
    CLOSED_IDS = 65536   # per account (rule 6)
    ID_OPEN = 1
    ID_CLOSING = 2
    ID_CLOSED = 3

cdef struct ClientId:
    uint32_t next      # in the table's chain
    uint32_t link      # the order's id before this one; of a closed id, the account's id closed next
    uint32_t order     # item of the open order it means; NIL once closed
    uint32_t account
    uint64_t seq       # of the record that brought it
    char text[36]
    uint32_t state

cdef struct ClosedIds:
    uint32_t oldest
    uint32_t newest
    uint32_t count

cdef struct Closing:
    uint64_t seq
    uint32_t item

cdef class ClientIds:
    cdef Pool pool
    cdef Table table
    cdef ClosedIds *closed
    cdef Closing *closing
    cdef uint64_t closing_count
    cdef uint64_t closing_capacity
    cdef readonly uint32_t limit
    cdef uint32_t find(self, uint32_t account, const char *text) noexcept nogil
    cdef uint32_t add_open(self, uint32_t account, const char *text, uint64_t seq, uint32_t order) except 0 nogil
    cdef int add_closed(self, uint32_t account, const char *text, uint64_t seq) except -1 nogil
    cdef int retire(self, uint32_t item) except -1 nogil
    cdef void settle(self) noexcept nogil
    cdef uint32_t add(self, uint32_t account, const char *text, uint64_t seq, uint32_t order) except 0 nogil
    cdef void close(self, uint32_t item) noexcept nogil
    cdef uint64_t digest_of(self, uint32_t item) noexcept nogil
    cdef ClientId *at(self, uint32_t item) noexcept nogil
    cdef uint64_t state_hash(self) noexcept nogil
