from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memmove

from lockstep.core.schema.digits cimport MAX_UINT_DIGITS, digits_of, put_digits

cdef extern from *:
    ctypedef unsigned long long uint128 "unsigned __int128"

cdef enum:
    MIN_DECIMALS = 8        # of prices and amounts, as the dialect of Binance writes them
    SHORT_ROOM = 48         # of what put_short and put_shortest write, with what they overwrite behind it
    DECIMAL_ROOM = 64       # of what put_decimal writes, likewise

cdef struct Decimal:
    int64_t mantissa        # without its sign
    int decimals            # trailing zeros do not count
    bint negative

cdef struct Grid:
    int scale               # one step is step / 10 ** scale
    int64_t step
    int most_decimals       # a number with more of them than this is not merely off the grid

# What is wrong with a number; the caller knows whether it is a price or a quantity.
cdef enum Fault:
    FAULT_NONE = 0
    FAULT_NOT_A_NUMBER = 1
    FAULT_TOO_LARGE = 2
    FAULT_TOO_MANY_DECIMALS = 3
    FAULT_NOT_POSITIVE = 4
    FAULT_OFF_GRID = 5

cdef Fault parse_decimal(const char *text, size_t size, Decimal *out) noexcept nogil
cdef Fault to_steps(const Decimal *number, const Grid *grid, int64_t *steps) noexcept nogil
cdef int64_t power_of_ten(int exponent) noexcept nogil
cdef char *put_decimal(char *out, uint128 value, int scale, int least) noexcept nogil


# value / 10 ** scale (0 to 18) with all of its decimals: 150 of scale 2 is 1.50. Returns where it ends.
cdef inline char *put_short(char *out, uint64_t value, int scale) noexcept nogil:
    cdef int whole = max(digits_of(value) - scale, 1)
    put_digits(out, value, whole + scale)
    out += whole
    if scale > 0:
        memmove(out + 1, out, MAX_UINT_DIGITS)  # a size that the compiler knows: no call
        out[0] = c"."
        out += 1 + scale
    return out


# The same with no digit too many: 150 of scale 2 is 1.5.
cdef inline char *put_shortest(char *out, uint64_t value, int scale) noexcept nogil:
    while scale > 0 and value % 10 == 0:
        value = value // 10
        scale -= 1
    return put_short(out, value, scale)
