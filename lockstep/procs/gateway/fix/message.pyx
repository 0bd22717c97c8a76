"""A FIX message as a view over the caller's bytes: framed by BodyLength, proven by CheckSum (FIX-8), cut into fields.

It copies and allocates nothing, and knows no session: what a field means is for `rules` and `session`.
"""

from libc.stdint cimport int16_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from lockstep.core.intake.utc cimport parse_utc

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
    PLACED_TAGS = 1024
    MOST_UINT = 4611686018427387904
    FIRST_PRINTABLE = 0x20
    PRINTABLE = 95              # characters of ASCII, from the space on

cdef uint8_t[PLACED_TAGS] PLACE     # AT_… of a tag
for tag, place in (
    (34, AT_MSG_SEQ_NUM), (43, AT_POSS_DUP), (49, AT_SENDER_COMP_ID), (52, AT_SENDING_TIME), (56, AT_TARGET_COMP_ID),
    (97, AT_POSS_RESEND), (115, AT_ROUTING), (116, AT_ROUTING), (128, AT_ROUTING), (129, AT_ROUTING),
    (122, AT_ORIG_SENDING_TIME), (96, AT_SECRET), (554, AT_SECRET), (925, AT_SECRET),
):
    PLACE[tag] = place
# Tags whose value is the length of the data field after them, which may hold any byte.
for tag in (90, 93, 95, 212, 348, 350, 352, 354, 356, 358, 360, 362, 364, 445, 618, 621):
    PLACE[tag] = AT_LENGTH

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


cdef inline bint checksum_holds(const char *data, size_t end, bint *is_plain) noexcept nogil:
    cdef uint8_t total = 0
    cdef uint8_t odd = 0
    cdef const uint8_t *bytes_ = <const uint8_t *> data
    cdef size_t i
    for i in range(end):
        total = <uint8_t> (total + bytes_[i])
        odd |= (<uint8_t> (bytes_[i] - FIRST_PRINTABLE) >= PRINTABLE) & (bytes_[i] != SOH)
    is_plain[0] = odd == 0
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


cdef void note_header(Message out) noexcept nogil:
    """Take out what the session looks at in every message."""
    cdef int64_t number = parse_uint(out.value(out.at[AT_MSG_SEQ_NUM]), out.fields[out.at[AT_MSG_SEQ_NUM]].length)
    out.msg_seq_num = <uint32_t> number if out.at[AT_MSG_SEQ_NUM] and 0 < number < 0x7FFFFFFF else 0
    out.poss_dup = out.at[AT_POSS_DUP] and out.equals(out.at[AT_POSS_DUP], b"Y", 1)
    out.poss_resend = out.at[AT_POSS_RESEND] and out.equals(out.at[AT_POSS_RESEND], b"Y", 1)
    out.routed = out.at[AT_ROUTING] != 0


cdef size_t cut_tag(Message out, const char *data, size_t at, uint32_t count, uint32_t *tag) noexcept nogil:
    """Read the tag of field `count`, 0 if it is malformed; where its value begins."""
    cdef size_t begin = at
    tag[0] = 0
    while is_digit(data[at]):
        tag[0] = tag[0] * 10 + (data[at] - c"0")
        at += 1
    if data[at] != c"=" or at == begin or at - begin > MAX_TAG_DIGITS or data[begin] == c"0":
        if out.bad_tag_at == MAX_FIELDS:
            out.bad_tag_at = count
        tag[0] = 0
    return at + (data[at] == c"=")


cdef int cut(Message out, const char *data, size_t at, size_t size) noexcept nogil:
    """Cut the bytes from `at` to `size` into fields; 0 if there are too many."""
    cdef uint32_t tag
    cdef uint32_t count = out.count
    cdef size_t end
    cdef uint8_t place
    cdef int64_t data_size = -1
    cdef uint32_t data_tag = 0
    cdef Field *field
    while at < size:
        if count == MAX_FIELDS:
            return 0
        if c"1" <= data[at] <= c"9" and is_digit(data[at + 1]) and data[at + 2] == c"=":  # as most tags are
            tag = (data[at] - c"0") * 10 + (data[at + 1] - c"0")
            at += 3
        else:
            at = cut_tag(out, data, at, count, &tag)
        end = value_end(data, at, size)
        if data_size >= 0:  # only the data field itself may hold an SOH: no id or symbol ever does
            if tag == data_tag and at + data_size < size - TRAILER_SIZE and data[at + data_size] == SOH:
                end = at + data_size
            data_size = -1
        field = &out.fields[count]
        field.tag = tag
        field.offset = <uint32_t> at
        field.length = <uint32_t> (end - at)
        place = PLACE[tag] if tag < PLACED_TAGS else AT_LARGE
        if place == AT_LENGTH:
            data_size = parse_uint(data + at, end - at)
            data_tag = 89 if tag == 93 else tag + 1  # Signature (89) alone does not come behind its length by number
        elif out.at[place] == 0:
            out.at[place] = <int16_t> count
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
    if memcmp(data + body, b"35=", 3) != 0 or not checksum_holds(data, end, &out.is_plain):
        out.skip = <uint32_t> total
        return GARBLED
    out.data = data
    out.size = <uint32_t> total
    out.bad_tag_at = MAX_FIELDS
    memset(out.at, 0, sizeof(out.at))
    if not cut(out, data, 0, total):
        return TOO_LONG
    if out.bad_tag_at == MAX_FIELDS:
        out.bad_tag_at = out.count
    note_header(out)
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

    cdef bint equals(self, int index, const char *text, size_t size) noexcept nogil:
        """Whether there is such a field (index not -1) and its value is this text."""
        return index >= 0 and self.fields[index].length == size and memcmp(self.value(index), text, size) == 0

    cdef int64_t number(self, uint32_t tag) noexcept nogil:
        """An unsigned field's value; -1 if it is missing or none."""
        cdef int index = self.find(tag)
        return parse_uint(self.value(index), self.fields[index].length) if index >= 0 else -1

    cdef bint flag(self, uint32_t tag) noexcept nogil:
        """Whether a Boolean field is there and Y."""
        return self.equals(self.find(tag), b"Y", 1)

    cdef bint is_timely(self, int64_t utc_ns, int64_t window_ns) noexcept nogil:
        """Whether SendingTime is at most a window (0: any) from our clock; a missing or malformed one is not judged."""
        cdef int64_t sent_ns
        cdef int sent = self.at[AT_SENDING_TIME]
        if window_ns == 0 or sent == 0:
            return True
        sent_ns = parse_utc(self.value(sent), self.fields[sent].length)
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


def measure(Message message, bytes data, uint32_t rounds) -> None:
    """Parse the same bytes over and over, for the benchmark."""
    cdef uint32_t _
    cdef const char *start = data
    cdef size_t size = len(data)
    with nogil:
        for _ in range(rounds):
            parse(message, start, size)
