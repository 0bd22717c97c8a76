cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef enum Kind:
    KIND_IN_ADMIN = 1        # a session message of the client
    KIND_IN_LOGGED = 2       # an application message that went to the ingress ring
    KIND_IN_ANSWERED = 3     # an application message that this gateway answered by itself
    KIND_OUT_ADMIN = 4       # a session message of ours: a resend fills its gap
    KIND_OUT_APP = 5         # an application message of ours: a resend repeats it
    KIND_RESET = 6           # both numbers of the session begin at 1 again

cdef enum:
    FLAG_REFUSED_ID = 1      # of KIND_IN_ANSWERED: its ClOrdID may not be used again
    FLAG_RESERVED = 2        # of KIND_IN_ADMIN, of no message: the log was asked for numbers below `number`
    FLAG_FOLLOWED = 4        # of KIND_OUT_ADMIN: a report that another node's gateway tells, not sent under this number
    FLAG_BORDER = 8          # of one that is followed: no report; its 8 bytes are the sequence of a reservation
    FLAG_AGAIN = 16          # of KIND_OUT_APP: such a report, under a number of this gateway's own

cdef enum:
    EVENT_RINGS = 9          # the router's, then one a matcher
    MAX_BODY = 65536
    SEGMENT_HEADER_SIZE = 64

cdef struct StoreEntry:
    uint32_t crc
    uint32_t length
    uint8_t kind
    uint8_t side
    uint8_t ring
    uint8_t flags
    uint32_t session
    uint32_t msg_seq_num
    uint32_t back            # how far before it the entry is that it follows, in units of 8 bytes; 0: it follows none
    uint64_t number


@cython.final
cdef class Scan:
    cdef object folder
    cdef list bases
    cdef uint64_t position
    cdef uint64_t entry_at
    cdef uint64_t end
    cdef int segment
    cdef uint64_t base
    cdef uint64_t size
    cdef int fd
    cdef char *buffer
    cdef uint64_t held_from
    cdef size_t held
    cdef readonly bint torn
    cdef const StoreEntry *next(self) except? NULL
    cdef const char *hold(self, size_t size) except? NULL
    cdef int open_segment(self) except -1

cdef size_t padded(size_t size) noexcept nogil
cdef void fill(StoreEntry *entry, const char *data) noexcept nogil
cdef uint32_t back_to(uint64_t before, uint64_t position) noexcept nogil
cdef bint is_sane(const StoreEntry *entry) noexcept nogil
cdef uint32_t crc_of(const StoreEntry *entry) noexcept nogil
