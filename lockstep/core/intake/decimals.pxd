from libc.stdint cimport int64_t

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
