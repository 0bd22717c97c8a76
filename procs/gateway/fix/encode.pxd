cimport cython
from libc.stdint cimport int64_t, uint32_t

cdef enum:
    MAX_COMP_ID = 36
    MAX_TEXT = 256              # longer Text values of ours are cut
    MILLIS = 3                  # digits of a timestamp's fraction
    MICROS = 6

cdef enum OutgoingKind:
    OUT_ADMIN = 1               # ours, of the session: to be stored; a resend fills its gap
    OUT_APPLICATION = 2         # ours, of the application: to be stored; a resend repeats it
    OUT_REPEAT = 3              # a repeated message or a gap fill: not to be stored
    OUT_RESET = 4               # no bytes: both numbers of the session begin at 1 again, from here on

# One finished message in the outbox. The pointer to it is valid until the next begin(), its bytes until clear().
cdef struct Outgoing:
    size_t offset               # from `Outbox.data`
    uint32_t size
    uint32_t msg_seq_num
    OutgoingKind kind


# Messages of one session on their way out, and the number of the next one. Usable without a connection, so that reports
# for a session that is away take their numbers and bytes: reset it, store what it finishes, clear it.
@cython.final
cdef class Outbox:
    cdef char *data
    cdef size_t used            # bytes of finished messages (and of the one being written)
    cdef size_t capacity
    cdef size_t limit
    cdef Outgoing *messages     # those since the last clear(), oldest first
    cdef size_t count
    cdef size_t room
    cdef size_t stored          # messages before this are in the store: the caller's own mark
    cdef public uint32_t next_out
    cdef readonly int version   # 42 or 44
    cdef char head[16]          # "8=FIX.4.4|9="
    cdef uint32_t head_size
    cdef char parties[128]      # "49=LOCKSTEP|56=TRADER1|34="
    cdef uint32_t parties_size
    cdef size_t start
    cdef size_t body
    cdef uint32_t numbered
    cdef OutgoingKind kind
    cdef int64_t second
    cdef char second_text[24]   # "20261121-11:52:00."
    # Who speaks to whom, in which version; ids of 1 to MAX_COMP_ID bytes.
    cdef int address(
        self, int version, const char *sender, size_t sender_size, const char *target, size_t target_size
    ) except -1 nogil
    # Begin a message with our next number (begin) or with a given one (begin_at); utc_ns becomes its SendingTime.
    cdef int begin(self, uint32_t msg_type, OutgoingKind kind, int64_t utc_ns) except -1 nogil
    cdef int begin_at(
        self, uint32_t msg_type, OutgoingKind kind, uint32_t msg_seq_num, int64_t utc_ns
    ) except -1 nogil
    # Finish it: BodyLength and CheckSum. The result is in `messages` too.
    cdef const Outgoing *end(self) except NULL nogil
    cdef int add_bytes(self, uint32_t tag, const char *value, size_t size) except -1 nogil
    cdef int add_padded(self, uint32_t tag, const char *value, size_t most) except -1 nogil    # ends at a zero byte
    cdef int add_char(self, uint32_t tag, char value) except -1 nogil
    cdef int add_int(self, uint32_t tag, int64_t value) except -1 nogil
    cdef int add_decimal(self, uint32_t tag, int64_t mantissa, int scale) except -1 nogil      # mantissa / 10 ** scale
    cdef int add_utc(self, uint32_t tag, int64_t utc_ns, int digits) except -1 nogil           # digits: MILLIS, MICROS
    cdef int add_raw(self, const char *fields, size_t size) except -1 nogil                    # whole "tag=value|" text
    cdef int reset_numbers(self) except -1 nogil    # next_out = 1, and an OUT_RESET entry
    cdef bint is_full(self) noexcept nogil          # at or above `limit` bytes: stop producing, or drop the reader
    cdef void clear(self) noexcept nogil            # forget all bytes and messages; numbers go on
    cdef void drop(self, size_t size) noexcept nogil    # as clear(), but keeps the bytes that a socket did not take
    cdef Outgoing *list_message(self) except NULL nogil
    cdef int grow(self, size_t wanted) except -1 nogil
