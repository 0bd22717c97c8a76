"""Messages of one session on their way out: fields appended to a buffer, framed by BodyLength and CheckSum.

It numbers what it begins and never sends, stores or drops anything by itself.

A message is written behind the last one, its BodyLength with three digits; where it needs another number of them, the
body is moved once::

    start                 body                                      used
    │ 8=FIX.4.4|9=000|    │ 35=8|49=…|56=…|34=…|52=…|fields…       │ 10=000|
                   └ end() writes the length, then the checksum, and lists the message in `messages`: that publishes it
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memmove

cdef extern from "<string.h>" nogil:
    size_t strnlen(const char *text, size_t most)

cdef enum:
    SOH = 1
    FIRST_CAPACITY = 4096
    FIRST_ROOM = 64
    MESSAGE_ROOM = 512          # reserved by begin(): header, trailer and some fields
    FIELD_ROOM = 64             # of one number, timestamp or character with its tag
    LENGTH_DIGITS = 3
    HARD_LIMITS = 8             # a caller that ignores is_full() is stopped at so many times `limit`
    TAGS = 1024
    NS_PER_SECOND = 1_000_000_000

cdef struct TagText:
    char text[7]                # "1128="
    uint8_t size

assert sizeof(TagText) == 8
assert MESSAGE_ROOM > 3 * MAX_COMP_ID + 128

cdef uint64_t[19] POWERS
for number in range(19):
    POWERS[number] = 10 ** number

cdef TagText[TAGS] TAG_TEXT
cdef char[200] PAIRS            # "00" to "99"
for number in range(100):
    PAIRS[2 * number] = ord(str(number // 10))
    PAIRS[2 * number + 1] = ord(str(number % 10))
for number in range(TAGS):
    tag_text = f"{number}=".encode()
    TAG_TEXT[number].size = len(tag_text)
    for place in range(len(tag_text)):
        TAG_TEXT[number].text[place] = tag_text[place]


cdef inline size_t put_uint(char *out, uint64_t value) noexcept nogil:
    """Write the digits of a number and return how many there are."""
    cdef char text[20]
    cdef int at = 20
    while value >= 100:
        at -= 2
        memcpy(text + at, PAIRS + 2 * (value % 100), 2)
        value = value // 100
    if value >= 10:
        at -= 2
        memcpy(text + at, PAIRS + 2 * value, 2)
    else:
        at -= 1
        text[at] = <char> (c"0" + value)
    memcpy(out, text + at, 20 - at)
    return 20 - at


cdef inline void put_digits(char *out, uint64_t value, int digits) noexcept nogil:
    """Write the last `digits` digits of a number, with leading zeros."""
    while digits >= 2:
        digits -= 2
        memcpy(out + digits, PAIRS + 2 * (value % 100), 2)
        value = value // 100
    if digits:
        out[0] = <char> (c"0" + value % 10)


cdef inline size_t put_tag(char *out, uint32_t tag) noexcept nogil:
    """Write "tag=" and return its size; up to 8 bytes at `out` are overwritten."""
    cdef size_t size
    if tag < TAGS:
        memcpy(out, &TAG_TEXT[tag], 8)
        return TAG_TEXT[tag].size
    size = put_uint(out, tag)
    out[size] = c"="
    return size + 1


cdef void put_second(char *out, int64_t second) noexcept nogil:
    """Write YYYYMMDD-HH:MM:SS. of seconds since the epoch (18 bytes)."""
    cdef int64_t days = second // 86400
    cdef int64_t of_day = second % 86400
    cdef int64_t shifted = days + 719468
    cdef int64_t era = shifted // 146097
    cdef int64_t of_era = shifted - era * 146097
    cdef int64_t year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    cdef int64_t of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    cdef int64_t month_index = (5 * of_year + 2) // 153
    cdef int64_t month = month_index + (3 if month_index < 10 else -9)
    put_digits(out, year_of_era + era * 400 + (month <= 2), 4)
    put_digits(out + 4, month, 2)
    put_digits(out + 6, of_year - (153 * month_index + 2) // 5 + 1, 2)
    out[8] = c"-"
    put_digits(out + 9, of_day // 3600, 2)
    out[11] = c":"
    put_digits(out + 12, of_day // 60 % 60, 2)
    out[14] = c":"
    put_digits(out + 15, of_day % 60, 2)
    out[17] = c"."


cdef inline int reserve(Outbox outbox, size_t more) except -1 nogil:
    return outbox.grow(outbox.used + more) if outbox.used + more > outbox.capacity else 0


cdef class Outbox:
    """An empty outbox that calls itself full from `limit` bytes on. Its first message has number 1."""

    def __cinit__(self, size_t limit=1 << 20):
        self.limit = limit
        self.capacity = FIRST_CAPACITY
        self.room = FIRST_ROOM
        self.data = <char *> malloc(self.capacity)
        self.messages = <Outgoing *> malloc(self.room * sizeof(Outgoing))
        if self.data == NULL or self.messages == NULL:
            raise MemoryError("no memory for outgoing messages")
        self.next_out = 1
        self.second = -1

    def __dealloc__(self):
        free(self.data)
        free(self.messages)

    cdef int address(
        self, int version, const char *sender, size_t sender_size, const char *target, size_t target_size
    ) except -1 nogil:
        """Set BeginString, SenderCompID and TargetCompID of all that follows."""
        cdef char *at = self.parties
        if not (1 <= sender_size <= MAX_COMP_ID and 1 <= target_size <= MAX_COMP_ID and version in (42, 44)):
            with gil:
                raise ValueError(f"FIX version {version}, CompIDs of {sender_size} and {target_size} bytes")
        self.version = version
        memcpy(self.head, b"8=FIX.4.4\x019=", 12)
        self.head[8] = <char> (c"0" + version % 10)
        self.head_size = 12
        memcpy(at, b"\x0149=", 4)
        memcpy(at + 4, sender, sender_size)
        at += 4 + sender_size
        memcpy(at, b"\x0156=", 4)
        memcpy(at + 4, target, target_size)
        at += 4 + target_size
        memcpy(at, b"\x0134=", 4)
        self.parties_size = <uint32_t> (at + 4 - self.parties)
        return 0

    cdef int grow(self, size_t wanted) except -1 nogil:
        """Have room for so many bytes. BufferError beyond all bounds: the caller did not heed is_full()."""
        cdef char *grown
        if wanted > HARD_LIMITS * self.limit:
            with gil:
                raise BufferError(f"{self.used} bytes wait to be sent, {self.limit} were to be the most")
        grown = <char *> realloc(self.data, max(wanted, 2 * self.capacity))
        if grown == NULL:
            with gil:
                raise MemoryError("no memory for outgoing messages")
        self.data = grown
        self.capacity = max(wanted, 2 * self.capacity)
        return 0

    cdef Outgoing *list_message(self) except NULL nogil:
        cdef void *grown
        if self.count == self.room:
            grown = realloc(self.messages, 2 * self.room * sizeof(Outgoing))
            if grown == NULL:
                with gil:
                    raise MemoryError("no memory for outgoing messages")
            self.messages = <Outgoing *> grown
            self.room *= 2
        self.count += 1
        return &self.messages[self.count - 1]

    cdef int begin(self, uint32_t msg_type, OutgoingKind kind, int64_t utc_ns) except -1 nogil:
        self.begin_at(msg_type, kind, self.next_out, utc_ns)
        self.next_out += 1
        return 0

    cdef int begin_at(
        self, uint32_t msg_type, OutgoingKind kind, uint32_t msg_seq_num, int64_t utc_ns
    ) except -1 nogil:
        cdef char *at
        reserve(self, MESSAGE_ROOM)
        self.start = self.used
        self.kind = kind
        at = self.data + self.start
        memcpy(at, self.head, 16)
        self.body = self.start + self.head_size + LENGTH_DIGITS + 1
        at = self.data + self.body
        memcpy(at, b"35=", 3)
        at += 3
        while msg_type:
            at[0] = <char> (msg_type & 0xFF)
            msg_type >>= 8
            at += 1
        memcpy(at, self.parties, self.parties_size)
        at += self.parties_size
        at += put_uint(at, msg_seq_num)
        at[0] = SOH
        self.used = at + 1 - self.data
        # Its place in the list is taken by end(): a message that is not ended is not there.
        self.numbered = msg_seq_num
        return self.add_utc(52, utc_ns, MILLIS)

    cdef const Outgoing *end(self) except NULL nogil:
        cdef size_t length = self.used - self.body
        cdef size_t digits = LENGTH_DIGITS
        cdef size_t i
        cdef uint8_t total = 0
        cdef const uint8_t *bytes_
        cdef char *at
        cdef Outgoing *listed
        reserve(self, MESSAGE_ROOM)
        if length < 100 or length > 999:
            digits = 2 if length < 100 else 4 if length < 10_000 else 5
            at = self.data + self.body
            memmove(at + digits - LENGTH_DIGITS, at, length)
            self.body += digits - LENGTH_DIGITS
            self.used += digits - LENGTH_DIGITS
        at = self.data + self.start + self.head_size
        put_digits(at, length, <int> digits)
        at[digits] = SOH
        bytes_ = <const uint8_t *> self.data + self.start
        for i in range(self.used - self.start):
            total = <uint8_t> (total + bytes_[i])
        at = self.data + self.used
        memcpy(at, b"10=", 3)
        put_digits(at + 3, total, 3)
        at[6] = SOH
        self.used += 7
        listed = self.list_message()
        listed.offset = self.start
        listed.size = <uint32_t> (self.used - self.start)
        listed.msg_seq_num = self.numbered
        listed.kind = self.kind
        return listed

    cdef int add_bytes(self, uint32_t tag, const char *value, size_t size) except -1 nogil:
        """Append a field; the value is not to hold a SOH and not to be empty."""
        cdef char *at
        reserve(self, size + FIELD_ROOM)
        at = self.data + self.used
        at += put_tag(at, tag)
        memcpy(at, value, size)
        at[size] = SOH
        self.used = at + size + 1 - self.data
        return 0

    cdef int add_padded(self, uint32_t tag, const char *value, size_t most) except -1 nogil:
        """Append a field of a record: its value ends at the first zero byte or after `most` bytes."""
        return self.add_bytes(tag, value, strnlen(value, most))

    cdef int add_char(self, uint32_t tag, char value) except -1 nogil:
        cdef char *at
        reserve(self, FIELD_ROOM)
        at = self.data + self.used
        at += put_tag(at, tag)
        at[0] = value
        at[1] = SOH
        self.used = at + 2 - self.data
        return 0

    cdef int add_int(self, uint32_t tag, int64_t value) except -1 nogil:
        cdef char *at
        reserve(self, FIELD_ROOM)
        at = self.data + self.used
        at += put_tag(at, tag)
        if value < 0:
            at[0] = c"-"
            at += 1
        at += put_uint(at, <uint64_t> -value if value < 0 else <uint64_t> value)
        at[0] = SOH
        self.used = at + 1 - self.data
        return 0

    cdef int add_decimal(self, uint32_t tag, int64_t mantissa, int scale) except -1 nogil:
        """Append mantissa / 10 ** scale (0 to 18), exactly and with no digit too many: 150 of scale 2 is 1.5."""
        cdef char *at
        cdef uint64_t value = <uint64_t> -mantissa if mantissa < 0 else <uint64_t> mantissa
        cdef uint64_t unit = 1
        reserve(self, FIELD_ROOM)
        at = self.data + self.used
        at += put_tag(at, tag)
        if mantissa < 0:
            at[0] = c"-"
            at += 1
        while scale > 0 and value % 10 == 0:
            value = value // 10
            scale -= 1
        if scale > 0:
            unit = POWERS[scale]
        at += put_uint(at, value // unit)
        if scale > 0:
            at[0] = c"."
            put_digits(at + 1, value % unit, scale)
            at += 1 + scale
        at[0] = SOH
        self.used = at + 1 - self.data
        return 0

    cdef int add_utc(self, uint32_t tag, int64_t utc_ns, int digits) except -1 nogil:
        """Append a UTCTimestamp with `digits` digits of the second's fraction, cut off."""
        cdef int64_t second = utc_ns // NS_PER_SECOND
        cdef char *at
        reserve(self, FIELD_ROOM)
        if second != self.second:
            put_second(self.second_text, second)
            self.second = second
        at = self.data + self.used
        at += put_tag(at, tag)
        memcpy(at, self.second_text, 18)
        put_digits(at + 18, (utc_ns - second * NS_PER_SECOND) // <int64_t> POWERS[9 - digits], digits)
        at[18 + digits] = SOH
        self.used = at + 19 + digits - self.data
        return 0

    cdef int add_raw(self, const char *fields, size_t size) except -1 nogil:
        reserve(self, size + FIELD_ROOM)
        memcpy(self.data + self.used, fields, size)
        self.used += size
        return 0

    cdef int reset_numbers(self) except -1 nogil:
        cdef Outgoing *listed = self.list_message()
        listed.offset = self.used
        listed.size = 0
        listed.msg_seq_num = 0
        listed.kind = OUT_RESET
        self.next_out = 1
        return 0

    cdef bint is_full(self) noexcept nogil:
        return self.used >= self.limit

    cdef void clear(self) noexcept nogil:
        self.used = self.count = self.stored = 0

    cdef void drop(self, size_t size) noexcept nogil:
        """Forget the first `size` bytes and the list of messages: all are stored, the rest waits for the socket."""
        memmove(self.data, self.data + size, self.used - size)
        self.used -= size
        self.count = self.stored = 0

    def set_address(self, int version, bytes sender, bytes target) -> None:
        """`address`, for Python callers."""
        self.address(version, sender, len(sender), target, len(target))

    def listed(self) -> list[tuple[int, int, bytes]]:
        """Finished messages since the last `take`, as (kind, MsgSeqNum, bytes)."""
        return [
            (
                self.messages[i].kind,
                self.messages[i].msg_seq_num,
                (self.data + self.messages[i].offset)[:self.messages[i].size],
            )
            for i in range(self.count)
        ]

    def take(self) -> bytes:
        """All bytes that wait, which are then forgotten."""
        taken = self.data[:self.used]
        self.clear()
        return taken

    def write(self, str msg_type, list fields, int64_t utc_ns) -> None:
        """Append an application message. A value is bytes, an int, a (mantissa, scale), or ("utc", ns, digits)."""
        self.begin(packed(msg_type), OUT_APPLICATION, utc_ns)
        for tag, value in fields:
            if isinstance(value, bytes):
                self.add_bytes(tag, value, len(value))
            elif isinstance(value, int):
                self.add_int(tag, value)
            elif len(value) == 2:
                self.add_decimal(tag, value[0], value[1])
            else:
                self.add_utc(tag, value[1], value[2])
        self.end()


def packed(str msg_type) -> int:
    """A message type as the number that begin() takes."""
    return int.from_bytes(msg_type.encode("ascii"), "little")


def measure(Outbox outbox, uint32_t rounds) -> int:
    """Encode an ExecutionReport over and over, for the benchmark; returns its size in bytes."""
    cdef uint32_t i
    cdef size_t size = 0
    with nogil:
        for i in range(rounds):
            outbox.clear()
            outbox.begin(c"8", OUT_APPLICATION, 1795261920123456789)
            outbox.add_int(37, 1234567 + i)
            outbox.add_bytes(11, b"order-000001", 12)
            outbox.add_int(17, 7654321 + i)
            outbox.add_char(150, c"0")
            outbox.add_char(39, c"0")
            outbox.add_bytes(55, b"BTCUSDT", 7)
            outbox.add_char(54, c"1")
            outbox.add_decimal(38, 15000, 4)
            outbox.add_decimal(44, 6512345, 2)
            outbox.add_decimal(151, 15000, 4)
            outbox.add_int(14, 0)
            outbox.add_int(6, 0)
            outbox.add_utc(60, 1795261920123456789, MILLIS)
            size = outbox.end().size
    return size
