"""Rows in PostgreSQL's binary COPY format, written into one growing buffer.

It knows types, not tables, and makes no Python object but the view that is handed to COPY at the end.
"""

from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport int16_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from lockstep.core.schema.alphabet cimport put_shown

# The format (PostgreSQL manual, COPY, "Binary Format"); every integer is big-endian:
#
#   "PGCOPY\n\377\r\n\0" | flags 4 | extension 4 | row | row | … | -1 (2)
#   row:     number of fields 2, then for each field: length 4 (-1: null), the value
#   numeric: digits 2 | weight 2 | sign 2 | decimals shown 2 | digits of base 10,000, the first worth 10,000**weight
#   timestamptz: microseconds since 2000-01-01 00:00 UTC, 8

cdef enum:
    COPY_HEADER_SIZE = 19
    ROW_BOUND = 1024          # no row of ours is longer: `row` makes room for the whole of it
    FIRST_CAPACITY = 65536
    NUMERIC_DIGITS = 12       # base 10,000: 48 decimals, more than an int128 has
    NUMERIC_POSITIVE = 0x0000
    NUMERIC_NEGATIVE = 0x4000

cdef int64_t ONE_WORD = 2**63 - 1
cdef int64_t POSTGRES_EPOCH_US = 946_684_800_000_000
cdef bytes SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
cdef const char *signature = SIGNATURE

assert len(SIGNATURE) == COPY_HEADER_SIZE

cdef extern from "<string.h>" nogil:
    size_t strnlen(const char *text, size_t limit)

cdef extern from *:
    uint16_t __builtin_bswap16(uint16_t) noexcept nogil
    uint32_t __builtin_bswap32(uint32_t) noexcept nogil
    uint64_t __builtin_bswap64(uint64_t) noexcept nogil


cdef inline void put_16(char *at, int64_t value) noexcept nogil:
    cdef uint16_t swapped = __builtin_bswap16(<uint16_t> value)
    memcpy(at, &swapped, 2)


cdef inline void put_32(char *at, int64_t value) noexcept nogil:
    cdef uint32_t swapped = __builtin_bswap32(<uint32_t> value)
    memcpy(at, &swapped, 4)


cdef inline void put_64(char *at, int64_t value) noexcept nogil:
    cdef uint64_t swapped = __builtin_bswap64(<uint64_t> value)
    memcpy(at, &swapped, 8)


cdef class Buffer:
    """Bytes for one COPY. `row` makes room for a row; the fields that follow it can't fail."""

    def __dealloc__(self):
        free(self.data)

    cdef void begin(self) noexcept nogil:
        """Forget the rows; the header is written with the first of the next."""
        self.size = 0

    def finished(self) -> memoryview:
        """The bytes with their end, none without rows; valid until the next `begin` or `row`.

        The end is not kept: more rows may follow, and be finished again.
        """
        if self.size == 0:
            return memoryview(b"")
        put_16(self.data + self.size, -1)
        return PyMemoryView_FromMemory(self.data, <Py_ssize_t> self.size + 2, PyBUF_READ)

    cdef int row(self, int16_t fields) except -1 nogil:
        cdef char *grown
        if self.size + ROW_BOUND > self.capacity:
            grown = <char *> realloc(self.data, max(2 * self.capacity, <size_t> FIRST_CAPACITY))
            if grown == NULL:
                with gil:
                    raise MemoryError
            self.data = grown
            self.capacity = max(2 * self.capacity, <size_t> FIRST_CAPACITY)
        if self.size == 0:
            memcpy(self.data, signature, COPY_HEADER_SIZE)
            self.size = COPY_HEADER_SIZE
        put_16(self.data + self.size, fields)
        self.size += 2
        return 0

    cdef void null(self) noexcept nogil:
        put_32(self.data + self.size, -1)
        self.size += 4

    cdef void integer(self, int64_t value) noexcept nogil:
        put_32(self.data + self.size, 8)
        put_64(self.data + self.size + 4, value)
        self.size += 12

    cdef void integer_32(self, int64_t value) noexcept nogil:
        put_32(self.data + self.size, 4)
        put_32(self.data + self.size + 4, value)
        self.size += 8

    cdef void integer_16(self, int64_t value) noexcept nogil:
        put_32(self.data + self.size, 2)
        put_16(self.data + self.size + 4, value)
        self.size += 6

    cdef void boolean(self, bint value) noexcept nogil:
        put_32(self.data + self.size, 1)
        self.data[self.size + 4] = 1 if value else 0
        self.size += 5

    cdef void text(self, const char *value, size_t limit) noexcept nogil:
        """A string of our own that ends with a zero, or at `limit`."""
        cdef size_t length = strnlen(value, limit)
        put_32(self.data + self.size, <int64_t> length)
        memcpy(self.data + self.size + 4, value, length)
        self.size += 4 + length

    cdef void id(self, const char *value, size_t limit) noexcept nogil:
        """A field padded with zeros to `limit`, as ASCII whatever its bytes: PostgreSQL refuses some of them."""
        cdef size_t length = put_shown(self.data + self.size + 4, value, limit)
        put_32(self.data + self.size, <int64_t> length)
        self.size += 4 + length

    cdef void time(self, uint64_t time_ns) noexcept nogil:
        """Nanoseconds since 1970, rounded down to a microsecond."""
        self.integer(<int64_t> (time_ns // 1000) - POSTGRES_EPOCH_US)

    cdef void decimal(self, int128 units, int scale) noexcept nogil:
        """units / 10**scale, exactly, as numeric."""
        cdef int16_t[NUMERIC_DIGITS] digits
        cdef unsigned long long low = 0
        cdef int128 rest = -units if units < 0 else units
        cdef int count = 0, trailing = 0, i
        cdef int fraction_groups = (scale + 3) // 4
        cdef int padding = 4 * fraction_groups - scale
        cdef char *at = self.data + self.size
        # Shift so that the decimal point falls between two digits of base 10,000.
        while padding > 0:
            rest = rest * 10
            padding -= 1
        while rest > 0 and count < NUMERIC_DIGITS:
            if rest <= ONE_WORD:
                low = <unsigned long long> rest
                while low > 0:
                    digits[count] = <int16_t> (low % 10_000)
                    low //= 10_000
                    count += 1
                break
            digits[count] = <int16_t> (rest % 10_000)
            rest = rest // 10_000
            count += 1
        while trailing < count and digits[trailing] == 0:
            trailing += 1
        put_32(at, 8 + 2 * (count - trailing))
        put_16(at + 4, count - trailing)
        put_16(at + 6, count - 1 - fraction_groups if count else 0)
        put_16(at + 8, NUMERIC_NEGATIVE if units < 0 else NUMERIC_POSITIVE)
        put_16(at + 10, scale)
        for i in range(count - trailing):
            put_16(at + 12 + 2 * i, digits[count - 1 - i])
        self.size += 12 + 2 * <size_t> (count - trailing)
