"""Text built in C: a growing buffer, decimals as the public API shows them, and WebSocket frame headers.

It turns numbers into bytes; it never knows what a number means, and makes Python objects only for the Python callers of
its last two functions.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, strlen

from lockstep.core.schema.decimals cimport MIN_DECIMALS, put_decimal

cdef enum:
    FIRST_CAPACITY = 4096
    MAX_DECIMALS = 18
    TEXT_OPCODE = 0x81  # FIN and opcode 1 (RFC 6455, 5.2)


cdef int text_reserve(Text *text, size_t more) except -1 nogil:
    """Make room for `more` bytes after `size`; MemoryError if there is none. It doubles, so that it is rare."""
    cdef size_t capacity = text.capacity
    cdef char *data
    if text.size + more <= capacity:
        return 0
    if capacity < FIRST_CAPACITY:
        capacity = FIRST_CAPACITY
    while capacity < text.size + more:
        capacity *= 2
    data = <char *> realloc(text.data, capacity)
    if data == NULL:
        with gil:
            raise MemoryError(f"no memory for {capacity} bytes of messages")
    text.data = data
    text.capacity = capacity
    return 0


cdef int text_append(Text *text, const char *data, size_t size) except -1 nogil:
    text_reserve(text, size)
    memcpy(text.data + text.size, data, size)
    text.size += size
    return 0


cdef void text_free(Text *text) noexcept nogil:
    free(text.data)
    text.data = NULL
    text.size = text.capacity = 0


cdef char *put(char *out, const char *literal) noexcept nogil:
    """Copy text and return the position after it."""
    cdef size_t size = strlen(literal)
    memcpy(out, literal, size)
    return out + size


cdef char *write_decimal(char *out, int64_t amount, const Scale *scale) noexcept nogil:
    """Write a non-negative number of ticks or lots as a decimal in quotes; `out` has NUMBER_SIZE bytes."""
    return write_units(out, <uint128> <uint64_t> amount * scale.factor, scale.decimals)


cdef char *write_signed(char *out, int64_t amount, const Scale *scale) noexcept nogil:
    """As write_decimal, for a number that may be negative."""
    if amount >= 0:
        return write_decimal(out, amount, scale)
    out[0] = c'"'
    cdef char *end = write_decimal(out + 1, -amount, scale)
    out[1] = c"-"  # in place of the opening quote
    return end


cdef char *write_units(char *out, uint128 units, int decimals) noexcept nogil:
    """Write `units` / 10**`decimals` in quotes; of at most 54 digits, and 36 decimals."""
    out[0] = c'"'
    out = put_decimal(out + 1, units, decimals, 0)
    out[0] = c'"'
    return out + 1


cdef size_t frame_header(char *out, size_t payload) noexcept nogil:
    """Write the header of an unmasked, final text frame of `payload` bytes and return its length (RFC 6455, 5.2)."""
    cdef int i
    out[0] = <char> TEXT_OPCODE
    if payload < 126:
        out[1] = <char> payload
        return 2
    if payload < 65536:
        out[1] = 126
        out[2] = <char> (payload >> 8)
        out[3] = <char> (payload & 255)
        return 4
    out[1] = 127
    for i in range(8):
        out[2 + i] = <char> ((payload >> (56 - 8 * i)) & 255)
    return 10


cdef int set_scale(Scale *scale, uint64_t mantissa, int decimals) except -1:
    """The scale of ticks or lots of mantissa / 10**decimals each: eight decimals, or more if needed."""
    cdef int _
    if not 0 <= decimals <= MAX_DECIMALS or mantissa >= <uint64_t> 1 << 32:
        raise ValueError(f"a tick or lot of {mantissa} / 10**{decimals} can't be shown")
    scale.decimals = max(decimals, MIN_DECIMALS)
    scale.factor = mantissa  # stays below 2**32 * 10**8 < 2**63
    for _ in range(scale.decimals - decimals):
        scale.factor *= 10
    return 0


cdef int set_product(Product *product, uint64_t tick, int price_scale, uint64_t lot, int quantity_scale) except -1:
    """The scale of products of such ticks and lots: eight decimals, or more if they need them."""
    cdef uint128 mantissa = <uint128> tick * lot
    cdef int decimals = price_scale + quantity_scale
    while decimals > MIN_DECIMALS and mantissa % 10 == 0:
        mantissa //= 10
        decimals -= 1
    while decimals < MIN_DECIMALS:
        mantissa *= 10
        decimals += 1
    product.factor = mantissa
    product.decimals = decimals
    return 0


def frame(bytes payload not None) -> bytes:
    """A whole WebSocket text frame, unmasked as servers send it, around UTF-8 text."""
    cdef char header[FRAME_HEADER_SIZE]
    cdef size_t size = frame_header(header, len(payload))
    return header[:size] + payload


def decimal(int64_t amount, uint64_t mantissa, int decimals) -> str:
    """`amount` ticks or lots of mantissa / 10**decimals each, as messages show them, without the quotes."""
    cdef char out[NUMBER_SIZE]
    cdef Scale scale
    set_scale(&scale, mantissa, decimals)
    if amount < 0:
        raise ValueError(f"a price or quantity is not negative: {amount}")
    cdef char *end = write_decimal(out, amount, &scale)
    return out[1:end - out - 1].decode()
