from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint64_t

from lockstep.core.schema.decimals cimport uint128

cdef enum:
    NUMBER_SIZE = 72         # the longest decimal or integer that is written, with room to spare
    FRAME_HEADER_SIZE = 10   # the longest header of an unmasked WebSocket frame

cdef struct Text:
    char *data
    size_t size
    size_t capacity

cdef struct Scale:
    uint64_t factor   # printed units in one tick or lot
    int decimals      # digits behind the point

# Of products of ticks and lots, and of sums of them.
cdef struct Product:
    uint128 factor    # printed units in one tick x lot
    int decimals

cdef int text_reserve(Text *text, size_t more) except -1 nogil
cdef int text_append(Text *text, const char *data, size_t size) except -1 nogil
cdef void text_free(Text *text) noexcept nogil
cdef char *put(char *out, const char *literal) noexcept nogil
cdef char *write_decimal(char *out, int64_t amount, const Scale *scale) noexcept nogil
cdef char *write_signed(char *out, int64_t amount, const Scale *scale) noexcept nogil
cdef char *write_units(char *out, uint128 units, int decimals) noexcept nogil
cdef size_t frame_header(char *out, size_t payload) noexcept nogil
cdef int set_scale(Scale *scale, uint64_t mantissa, int decimals) except -1
cdef int set_product(Product *product, uint64_t tick, int price_scale, uint64_t lot, int quantity_scale) except -1
