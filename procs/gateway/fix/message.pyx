"""A FIX message as a view over the caller's bytes: framed by BodyLength, proven by CheckSum, cut into fields.

It copies and allocates nothing, and knows no session: what a field means is for `rules` and `session`.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy

cdef extern from "<string.h>" nogil:
    void *memmem(const void *haystack, size_t haystack_size, const void *needle, size_t needle_size)

cdef extern from *:
    int ctzll "__builtin_ctzll"(unsigned long long) noexcept nogil

cdef enum:
    SOH = 1
    TRAILER_SIZE = 7            # "10=000|"
    MAX_BEGIN_STRING = 16
    MAX_LENGTH_DIGITS = 9
    MAX_TAG_DIGITS = 9
    LENGTH_TAGS = 1024
    NS_PER_SECOND = 1_000_000_000
    MOST_UINT = 4611686018427387904

# Tags whose value is the length of the data field after them, which may hold any byte.
cdef uint8_t[LENGTH_TAGS] IS_LENGTH
for tag in (90, 93, 95, 212, 348, 350, 352, 354, 356, 358, 360, 362, 364, 445, 618, 621):
    IS_LENGTH[tag] = 1


cdef inline bint is_digit(char c) noexcept nogil:
    return c"0" <= c <= c"9"


cdef int64_t parse_uint(const char *text, size_t size) noexcept nogil:
    """Digits only, leading zeros allowed; -1 where it is something else or above 2**62."""
    cdef int64_t value = 0
    cdef size_t i
    if size == 0:
        return -1
    for i in range(size):
        if not is_digit(text[i]) or value >= MOST_UINT // 10:
            return -1
        value = value * 10 + (text[i] - c"0")
    return value


cdef int two(const char *text) noexcept nogil:
    return (text[0] - c"0") * 10 + text[1] - c"0" if is_digit(text[0]) and is_digit(text[1]) else -1


cdef int64_t days_of(int64_t year, int month, int day) noexcept nogil:
    """Days since 1970-01-01 of a date of the Gregorian calendar; -1 where there is no such date."""
    cdef int64_t shifted = year - (month <= 2)
    cdef int64_t era = shifted // 400
    cdef int64_t of_era = shifted - era * 400
    cdef int64_t of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    cdef int last = 31
    if month in (4, 6, 9, 11):
        last = 30
    elif month == 2:
        last = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    if month < 1 or month > 12 or day < 1 or day > last or year < 1970:
        return -1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


cdef int64_t parse_utc(const char *text, size_t size) noexcept nogil:
    """YYYYMMDD-HH:MM:SS with up to 9 decimals, as ns since the epoch; -1 where it is no such time."""
    cdef int64_t days
    cdef int64_t fraction = 0
    cdef size_t i
    cdef int hour, minute, second
    if size < 17 or size == 18 or size > 27 or text[8] != c"-" or text[11] != c":" or text[14] != c":":
        return -1
    if two(text) < 0 or two(text + 2) < 0:
        return -1
    days = days_of(two(text) * 100 + two(text + 2), two(text + 4), two(text + 6))
    hour, minute, second = two(text + 9), two(text + 12), two(text + 15)
    if days < 0 or not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second <= 60):
        return -1
    if size > 17:
        if text[17] != c".":
            return -1
        for i in range(18, 27):
            if i < size and not is_digit(text[i]):
                return -1
            fraction = fraction * 10 + (text[i] - c"0" if i < size else 0)
    return (days * 86400 + hour * 3600 + minute * 60 + second) * NS_PER_SECOND + fraction


cdef inline size_t value_end(const char *data, size_t at, size_t size) noexcept nogil:
    """Where the SOH at or after `at` stands, looked for 8 bytes at a time; the last of the `size` bytes is one."""
    cdef uint64_t word
    while at + 8 <= size:
        memcpy(&word, data + at, 8)
        word ^= 0x0101010101010101ULL
        word = (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL
        if word:
            return at + (ctzll(word) >> 3)
        at += 8
    while data[at] != SOH:
        at += 1
    return at


cdef uint32_t next_start(const char *data, size_t begin, size_t size) noexcept nogil:
    """How many bytes to drop to be at the next `8=FIX` at or after `begin`, or at what may become one at the end."""
    cdef const char *found = <const char *> memmem(data + begin, size - begin, b"8=FIX", 5)
    cdef size_t at
    if found != NULL:
        return <uint32_t> (found - data)
    at = size - 4 if size > begin + 4 else begin
    while at < size and memcmp(data + at, b"8=FIX", size - at) != 0:
        at += 1
    return <uint32_t> at


cdef int garbled(Message out, const char *data, size_t begin, size_t size) noexcept nogil:
    out.skip = next_start(data, begin, size)
    return GARBLED


cdef int frame(Message out, const char *data, size_t size, size_t *body, size_t *end) noexcept nogil:
    """Find the body (from MsgType on) and the declared end of a message; 1, NEED_MORE, GARBLED or TOO_LONG."""
    cdef size_t at = 5
    cdef size_t digits
    cdef size_t length = 0
    if memcmp(data, b"8=FIX", min(size, 5)) != 0:
        return garbled(out, data, 1, size)
    while at < size and data[at] != SOH:
        if at > MAX_BEGIN_STRING:
            return garbled(out, data, 1, size)
        at += 1
    if at + 3 > size:
        return NEED_MORE
    if data[at + 1] != c"9" or data[at + 2] != c"=":
        return garbled(out, data, 1, size)
    at += 3
    digits = at
    while at < size and is_digit(data[at]) and at - digits < MAX_LENGTH_DIGITS:
        length = length * 10 + (data[at] - c"0")
        at += 1
    if at == size:
        return NEED_MORE
    if data[at] != SOH or at == digits:
        return garbled(out, data, 1, size)
    body[0] = at + 1
    end[0] = at + 1 + length
    if end[0] + TRAILER_SIZE > MAX_MESSAGE_SIZE:
        return TOO_LONG
    if size < end[0] + TRAILER_SIZE:
        return NEED_MORE
    return 1


cdef int drop_garbled(Message out, const char *data, size_t body, size_t end, size_t size) noexcept nogil:
    """Drop a message whose BodyLength or CheckSum is wrong: up to the `10=` field at or after its declared end."""
    cdef size_t begin = max(end, body) - 1
    cdef const char *found = <const char *> memmem(data + begin, size - begin, b"\x0110=", 4)
    if found != NULL:
        found = <const char *> memchr(found + 4, SOH, size - (found + 4 - data))
    if found != NULL:
        out.skip = <uint32_t> (found + 1 - data)
        return GARBLED
    return TOO_LONG if size >= MAX_MESSAGE_SIZE else NEED_MORE


cdef inline bint checksum_holds(const char *data, size_t end) noexcept nogil:
    cdef uint8_t total = 0
    cdef const uint8_t *bytes_ = <const uint8_t *> data
    cdef size_t i
    for i in range(end):
        total = <uint8_t> (total + bytes_[i])
    return (
        is_digit(data[end + 3]) and is_digit(data[end + 4]) and is_digit(data[end + 5])
        and (data[end + 3] - c"0") * 100 + (data[end + 4] - c"0") * 10 + (data[end + 5] - c"0") == total
    )


cdef uint32_t pack_type(const char *text, size_t size) noexcept nogil:
    """A message type as one number, first character lowest; 2**32 - 1 for one of more than 4 characters."""
    cdef uint32_t packed = 0
    cdef size_t i
    if size > 4:
        return 0xFFFFFFFFU
    for i in range(size):
        packed |= <uint32_t> <uint8_t> text[i] << (8 * i)
    return packed


cdef inline void note_header(Message out, uint32_t tag, int index, const char *value, uint32_t length) noexcept nogil:
    """Keep what the session looks at in every message; of a tag that is there twice, the first."""
    if tag == 34:
        if out.msg_seq_num == 0:
            out.msg_seq_num = seq_num(value, length)
    elif tag == 43:
        out.poss_dup = length == 1 and value[0] == c"Y"
    elif tag == 49:
        if out.sender_comp_id < 0:
            out.sender_comp_id = index
    elif tag == 52:
        if out.sending_time < 0:
            out.sending_time = index
    elif tag == 56:
        if out.target_comp_id < 0:
            out.target_comp_id = index
    elif tag == 97:
        out.poss_resend = length == 1 and value[0] == c"Y"
    elif tag == 115 or tag == 116 or tag == 128 or tag == 129:
        out.routed = True
    elif tag == 122:
        if out.orig_sending_time < 0:
            out.orig_sending_time = index


cdef inline uint32_t seq_num(const char *value, uint32_t length) noexcept nogil:
    cdef int64_t number = parse_uint(value, length)
    return <uint32_t> number if 0 < number < 0x7FFFFFFF else 0


cdef int cut(Message out, const char *data, size_t at, size_t size) noexcept nogil:
    """Cut the bytes from `at` to `size` into fields; 0 where there are too many."""
    cdef uint32_t tag
    cdef uint32_t count = out.count
    cdef size_t begin
    cdef size_t end
    cdef int64_t data_size = -1
    cdef Field *field
    while at < size:
        if count == MAX_FIELDS:
            return 0
        begin = at
        tag = 0
        while is_digit(data[at]):
            tag = tag * 10 + (data[at] - c"0")
            at += 1
        if data[at] != c"=" or at == begin or at - begin > MAX_TAG_DIGITS or data[begin] == c"0":
            if out.bad_tag_at == MAX_FIELDS:
                out.bad_tag_at = count
            tag = 0
            if data[at] == c"=":
                at += 1
        else:
            at += 1
        end = value_end(data, at, size)
        if data_size >= 0:
            if at + data_size < size - TRAILER_SIZE and data[at + data_size] == SOH:
                end = at + data_size
            data_size = -1
        field = &out.fields[count]
        field.tag = tag
        field.offset = <uint32_t> at
        field.length = <uint32_t> (end - at)
        if tag < LENGTH_TAGS and IS_LENGTH[tag]:
            data_size = parse_uint(data + at, end - at)
        note_header(out, tag, count, data + at, field.length)
        count += 1
        at = end + 1
    out.count = count
    return 1


cdef int parse(Message out, const char *data, size_t size) noexcept nogil:
    """The size of the message at `data`, which `out` then shows; else NEED_MORE, GARBLED or TOO_LONG."""
    cdef size_t body = 0
    cdef size_t end = 0
    cdef size_t total
    cdef int found
    out.skip = 0
    out.count = 0
    if size == 0:
        return NEED_MORE
    found = frame(out, data, size, &body, &end)
    if found <= 0:
        return found
    total = end + TRAILER_SIZE
    if end < body + 5 or data[end - 1] != SOH or memcmp(data + end, b"10=", 3) != 0 or data[total - 1] != SOH:
        return drop_garbled(out, data, body, end, size)
    if memcmp(data + body, b"35=", 3) != 0 or not checksum_holds(data, end):
        out.skip = <uint32_t> total
        return GARBLED
    out.data = data
    out.size = <uint32_t> total
    out.bad_tag_at = MAX_FIELDS
    out.msg_seq_num = 0
    out.poss_dup = out.poss_resend = out.routed = False
    out.sender_comp_id = out.target_comp_id = out.sending_time = out.orig_sending_time = -1
    if not cut(out, data, 0, total):
        return TOO_LONG
    if out.bad_tag_at == MAX_FIELDS:
        out.bad_tag_at = out.count
    out.msg_type = pack_type(data + out.fields[2].offset, out.fields[2].length)
    return <int> total


cdef class Message:
    """One parsed message, reused for the next. Its bytes belong to whoever parsed."""

    cdef int find(self, uint32_t tag) noexcept nogil:
        """The index of the first field with the tag, or -1. Linear in the number of fields."""
        cdef uint32_t i
        for i in range(self.count):
            if self.fields[i].tag == tag:
                return i
        return -1

    cdef const char *value(self, int index) noexcept nogil:
        """Where the value of a field begins."""
        return self.data + self.fields[index].offset

    cdef bint equals(self, int index, const char *text, size_t size) noexcept nogil:
        """Whether there is such a field (index not -1) and its value is this text."""
        return index >= 0 and self.fields[index].length == size and memcmp(self.value(index), text, size) == 0

    cdef int64_t number(self, uint32_t tag) noexcept nogil:
        """An unsigned field's value; -1 where it is missing or none."""
        cdef int index = self.find(tag)
        return parse_uint(self.value(index), self.fields[index].length) if index >= 0 else -1

    cdef bint flag(self, uint32_t tag) noexcept nogil:
        """Whether a Boolean field is there and Y."""
        return self.equals(self.find(tag), b"Y", 1)

    cdef bint is_timely(self, int64_t utc_ns, int64_t window_ns) noexcept nogil:
        """Whether SendingTime is at most a window (0: any) from our clock; a missing or malformed one is not judged."""
        cdef int64_t sent_ns
        if window_ns == 0 or self.sending_time < 0:
            return True
        sent_ns = parse_utc(self.value(self.sending_time), self.fields[self.sending_time].length)
        return sent_ns < 0 or -window_ns <= sent_ns - utc_ns <= window_ns

    def read(self, bytes data) -> int:
        """`parse`, for Python callers; the message keeps `data`."""
        self.held = data
        return parse(self, data, len(data))

    def skipped(self) -> int:
        """How many bytes to drop after GARBLED."""
        return self.skip

    def pairs(self) -> list[tuple[int, bytes]]:
        """All fields as (tag, value), in order; a malformed tag is 0."""
        return [
            (self.fields[i].tag, self.value(i)[:self.fields[i].length])
            for i in range(self.count)
        ]

    def get(self, uint32_t tag) -> bytes | None:
        """The value of the first field with the tag, or None."""
        cdef int index = self.find(tag)
        return self.value(index)[:self.fields[index].length] if index >= 0 else None


def utc_ns(bytes text) -> int:
    """`parse_utc`, for Python callers."""
    return parse_utc(text, len(text))


def measure(Message message, bytes data, uint32_t rounds) -> None:
    """Parse the same bytes over and over, for the benchmark."""
    cdef uint32_t _
    cdef const char *start = data
    cdef size_t size = len(data)
    with nogil:
        for _ in range(rounds):
            parse(message, start, size)
