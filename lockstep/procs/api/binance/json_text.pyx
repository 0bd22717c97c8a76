"""JSON built in C: strings, whole numbers and decimals as Binance writes them, in a buffer that grows.

It turns values into bytes and knows no message.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from lockstep.core.schema.decimals cimport MIN_DECIMALS, put_decimal, uint128
from lockstep.core.schema.digits cimport put_uint

cdef enum:
    FIRST_CAPACITY = 2048
    NUMBER_SIZE = 64                 # 39 digits, a sign, a point, zeros before and behind it, quotes

cdef const char *HEX = b"0123456789abcdef"


cdef class JsonText:
    """Bytes that are appended to, and then taken. MemoryError where there is no room for more."""

    def __dealloc__(self):
        free(self.data)

    cdef int reserve(self, size_t more) except -1:
        cdef size_t capacity = self.capacity if self.capacity else FIRST_CAPACITY
        cdef char *data
        if self.size + more <= self.capacity:
            return 0
        while capacity < self.size + more:
            capacity *= 2
        data = <char *> realloc(self.data, capacity)
        if data == NULL:
            raise MemoryError(f"no memory for {capacity} bytes of an answer")
        self.data = data
        self.capacity = capacity
        return 0

    cdef int raw(self, const char *text, size_t size) except -1:
        """Bytes as they are."""
        self.reserve(size)
        memcpy(self.data + self.size, text, size)
        self.size += size
        return 0

    cdef int put(self, bytes text) except -1:
        """Bytes as they are."""
        return self.raw(text, len(text))

    cdef int separate(self) except -1:
        """A comma between the elements of an array: none behind its `[`."""
        return 0 if self.data[self.size - 1] == c"[" else self.raw(b",", 1)

    cdef int string(self, bytes text) except -1:
        """A string, with its quotes; it is UTF-8, or has bytes that are shown as Latin-1's."""
        cdef const uint8_t *at = text
        cdef size_t size = len(text)
        cdef size_t i
        cdef uint8_t c
        self.reserve(6 * size + 2)
        self.add(c'"')
        for i in range(size):
            c = at[i]
            if c == c'"' or c == c"\\":
                self.add(c"\\")
                self.add(c)
            elif 0x20 <= c < 0x7F:
                self.add(c)
            else:
                memcpy(self.data + self.size, b"\\u00", 4)
                self.size += 4
                self.add(HEX[c >> 4])
                self.add(HEX[c & 15])
        self.add(c'"')
        return 0

    cdef inline void add(self, char c) noexcept:
        """One byte, for which there is room."""
        self.data[self.size] = c
        self.size += 1

    cdef int integer(self, int64_t value) except -1:
        self.reserve(NUMBER_SIZE)
        if value < 0:
            self.add(c"-")
        self.size = put_uint(self.data + self.size, <uint64_t> -value if value < 0 else <uint64_t> value) - self.data
        return 0

    cdef int decimal(self, int128 value, int scale) except -1:
        """`value / 10 ** scale` as a string with all of its decimals, at least 8."""
        self.reserve(NUMBER_SIZE)
        self.add(c'"')
        if value < 0:
            self.add(c"-")
        self.size = put_decimal(
            self.data + self.size, <uint128> -value if value < 0 else <uint128> value, scale, MIN_DECIMALS
        ) - self.data
        self.add(c'"')
        return 0

    cdef int boolean(self, bint value) except -1:
        return self.raw(b"true", 4) if value else self.raw(b"false", 5)

    cdef bytes take(self):
        """What was written; it begins again."""
        cdef bytes text = self.data[:self.size]
        self.size = 0
        return text
