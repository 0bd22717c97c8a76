"""Messages of one session on their way out: fields appended to a buffer, framed by BodyLength and CheckSum.

It numbers what it begins and never sends, stores or drops anything by itself.

A message is written behind the last one, its BodyLength with three digits; where it needs another number of them, the
body is moved once::

    start                 body                                      used
    │ 8=FIX.4.4|9=000|    │ 35=8|49=…|56=…|34=…|52=…|fields…       │ 10=000|
                   └ end() writes the length, then the checksum, and lists the message in `messages`: that publishes it
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memmove

from lockstep.core.schema.digits cimport put_digits, put_uint

cdef enum:
    FIRST_CAPACITY = 4096
    FIRST_ROOM = 64
    MESSAGE_ROOM = 512          # reserved by begin(): header, trailer and some fields
    LENGTH_DIGITS = 3
    HARD_LIMITS = 64            # a caller that ignores is_full() is stopped at so many times `limit`
    NEVER_NS = -0x4000000000000000    # a second in which nothing happens

assert MESSAGE_ROOM > PARTIES_SIZE + 128
assert PARTIES_SIZE > 2 * MAX_COMP_ID + 12


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
        self.second_ns = NEVER_NS

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
        self.reserve(MESSAGE_ROOM)
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
        memcpy(at, self.parties, PARTIES_SIZE)  # a size that the compiler knows: no call
        at += self.parties_size
        at = put_uint(at, msg_seq_num)
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
        self.reserve(MESSAGE_ROOM)
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

    cdef int turn_to(self, int64_t utc_ns) noexcept nogil:
        """Have the text of the second in which `utc_ns` lies."""
        cdef int64_t second = utc_ns // NS_PER_SECOND
        put_second(self.second_text, second)
        self.second_ns = second * NS_PER_SECOND
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
