cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from lockstep.core.schema.decimals cimport put_shortest
from lockstep.core.schema.digits cimport POWERS, put_digits, put_uint

cdef extern from "<string.h>" nogil:
    size_t strnlen(const char *text, size_t most)

cdef enum:
    SOH = 1
    MAX_COMP_ID = 36
    PARTIES_SIZE = 128
    FIELD_ROOM = 64             # of one number, timestamp, character or field of a record, with its tag
    NS_PER_SECOND = 1_000_000_000
    MAX_TEXT = 256              # longer Text values of ours are cut
    MILLIS = 3                  # digits of a timestamp's fraction

# Write "tag=", and return where it ends. A tag that the compiler knows costs one store.
cdef inline char *put_tag(char *out, uint32_t tag) noexcept nogil:
    if tag < 10:
        out[0] = <char> (c"0" + tag)
        out[1] = c"="
        return out + 2
    if tag < 100:
        out[0] = <char> (c"0" + tag // 10)
        out[1] = <char> (c"0" + tag % 10)
        out[2] = c"="
        return out + 3
    if tag < 1000:
        out[0] = <char> (c"0" + tag // 100)
        out[1] = <char> (c"0" + tag // 10 % 10)
        out[2] = <char> (c"0" + tag % 10)
        out[3] = c"="
        return out + 4
    out = put_uint(out, tag)
    out[0] = c"="
    return out + 1


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
    cdef char parties[PARTIES_SIZE]      # "49=LOCKSTEP|56=TRADER1|34="
    cdef uint32_t parties_size
    cdef size_t start
    cdef size_t body
    cdef uint32_t numbered
    cdef OutgoingKind kind
    cdef int64_t second_ns      # when the second of second_text began
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
    cdef int reset_numbers(self) except -1 nogil    # next_out = 1, and an OUT_RESET entry
    cdef bint is_full(self) noexcept nogil          # at or above `limit` bytes: stop producing, or drop the reader
    cdef void clear(self) noexcept nogil            # forget all bytes and messages; numbers go on
    cdef void drop(self, size_t size) noexcept nogil    # as clear(), but keeps the bytes that a socket did not take
    cdef Outgoing *list_message(self) except NULL nogil
    cdef int grow(self, size_t wanted) except -1 nogil
    cdef int turn_to(self, int64_t utc_ns) noexcept nogil

    cdef inline int reserve(self, size_t more) except -1 nogil:
        return self.grow(self.used + more) if self.used + more > self.capacity else 0

    # Fields behind those before: "tag=value|". The bytes of a value are not to hold a SOH and not to be none.
    cdef inline int add_bytes(self, uint32_t tag, const char *value, size_t size) except -1 nogil:
        cdef char *at
        self.reserve(size + FIELD_ROOM)
        at = put_tag(self.data + self.used, tag)
        memcpy(at, value, size)
        at[size] = SOH
        self.used = at + size + 1 - self.data
        return 0

    # A field of a record, of `most` bytes (at most 40): its value ends at the first zero byte or behind the last.
    cdef inline int add_padded(self, uint32_t tag, const char *value, size_t most) except -1 nogil:
        cdef size_t size = strnlen(value, most)
        cdef char *at
        self.reserve(FIELD_ROOM)
        at = put_tag(self.data + self.used, tag)
        memcpy(at, value, most)
        at[size] = SOH
        self.used = at + size + 1 - self.data
        return 0

    cdef inline int add_char(self, uint32_t tag, char value) except -1 nogil:
        cdef char *at
        self.reserve(FIELD_ROOM)
        at = put_tag(self.data + self.used, tag)
        at[0] = value
        at[1] = SOH
        self.used = at + 2 - self.data
        return 0

    cdef inline int add_int(self, uint32_t tag, int64_t value) except -1 nogil:
        cdef char *at
        self.reserve(FIELD_ROOM)
        at = put_tag(self.data + self.used, tag)
        if value < 0:
            at[0] = c"-"
            at += 1
        at = put_uint(at, <uint64_t> -value if value < 0 else <uint64_t> value)
        at[0] = SOH
        self.used = at + 1 - self.data
        return 0

    # mantissa / 10 ** scale (0 to 18), exactly and with no digit too many: 150 of scale 2 is 1.5.
    cdef inline int add_decimal(self, uint32_t tag, int64_t mantissa, int scale) except -1 nogil:
        cdef char *at
        self.reserve(FIELD_ROOM)
        at = put_tag(self.data + self.used, tag)
        if mantissa < 0:
            at[0] = c"-"
            at += 1
        at = put_shortest(at, <uint64_t> -mantissa if mantissa < 0 else <uint64_t> mantissa, scale)
        at[0] = SOH
        self.used = at + 1 - self.data
        return 0

    # A UTCTimestamp with `digits` digits of the second's fraction (MILLIS, or any up to 9), cut off.
    cdef inline int add_utc(self, uint32_t tag, int64_t utc_ns, int digits) except -1 nogil:
        cdef char *at
        self.reserve(FIELD_ROOM)
        if not 0 <= utc_ns - self.second_ns < NS_PER_SECOND:
            self.turn_to(utc_ns)
        at = put_tag(self.data + self.used, tag)
        memcpy(at, self.second_text, 18)
        put_digits(at + 18, <uint64_t> (utc_ns - self.second_ns) // POWERS[9 - digits], digits)
        at[18 + digits] = SOH
        self.used = at + 19 + digits - self.data
        return 0
