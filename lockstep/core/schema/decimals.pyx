"""Decimal numbers, read and written exactly: text to whole steps of a grid (ticks, lots, units), and back.

What clients send has digits, one point and a leading minus, as FIX's float does. Nothing rounds, and there is no binary
fraction. Texts of the configuration and of operators have any size: the functions at the end, for Python, take them.
"""

from fractions import Fraction

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    ctypedef long long int128 "__int128"

cdef enum:
    MOST_DECIMALS = 18
    WIDE = 54                # digits of the longest number that is written
    INT64_MAX = 9223372036854775807

cdef uint64_t TEN_TO_THE_18 = 1_000_000_000_000_000_000
cdef int64_t[MOST_DECIMALS + 1] POWERS
for exponent in range(MOST_DECIMALS + 1):
    POWERS[exponent] = 10 ** exponent


cdef int64_t power_of_ten(int exponent) noexcept nogil:
    """10 ** exponent, for 0 to 18."""
    return POWERS[exponent]


cdef inline bint parse_short(const char *text, size_t size, Decimal *out) noexcept nogil:
    """Read a number of at most 18 characters and no sign, as nearly all are: nothing in it can overflow."""
    cdef int64_t value = 0
    cdef size_t i
    cdef size_t digits = 0
    cdef size_t whole = size
    for i in range(size):
        if c"0" <= text[i] <= c"9":
            value = value * 10 + (text[i] - c"0")
            digits += 1
        elif text[i] == c"." and whole == size:
            whole = i
        else:
            return False
    out.decimals = <int> (digits - whole) if whole < size else 0
    while out.decimals and value % 10 == 0:
        value = value // 10
        out.decimals -= 1
    out.mantissa = value
    out.negative = False
    return digits > 0


cdef Fault parse_decimal(const char *text, size_t size, Decimal *out) noexcept nogil:
    """Read a number; FAULT_NOT_A_NUMBER before any other fault. It has at most 18 decimals and fits 63 bits."""
    cdef size_t at = 0
    cdef size_t digits = 0
    cdef int zeros = 0                # of the fraction, that count only if a digit other than 0 follows
    cdef bint in_fraction = False
    cdef Fault fault = FAULT_NONE
    cdef char c
    if size <= MOST_DECIMALS and parse_short(text, size, out):
        return FAULT_NONE
    out.mantissa = out.decimals = 0
    out.negative = size > 0 and text[0] == c"-"
    if out.negative:
        at = 1
    while at < size:
        c = text[at]
        at += 1
        if c == c"." and not in_fraction:
            in_fraction = True
        elif c < c"0" or c > c"9":
            return FAULT_NOT_A_NUMBER
        else:
            digits += 1
            if in_fraction and c == c"0":
                zeros += zeros < 2 * MOST_DECIMALS
            elif fault == FAULT_NONE:
                fault = add_digit(out, c - c"0", zeros, in_fraction)
                zeros = 0
    return fault if digits else FAULT_NOT_A_NUMBER


cdef Fault add_digit(Decimal *out, int digit, int zeros, bint in_fraction) noexcept nogil:
    """Append a digit and, in the fraction, the zeros that stood before it."""
    cdef int128 value = out.mantissa
    cdef Fault beyond = FAULT_TOO_MANY_DECIMALS if in_fraction else FAULT_TOO_LARGE
    if in_fraction:
        out.decimals += zeros + 1
        if out.decimals > MOST_DECIMALS:
            return beyond
        value *= POWERS[zeros]
    value = value * 10 + digit
    if value > INT64_MAX:
        return beyond
    out.mantissa = <int64_t> value
    return FAULT_NONE


cdef Fault to_steps(const Decimal *number, const Grid *grid, int64_t *steps) noexcept nogil:
    """How many whole steps of the grid a number is; it must be positive."""
    cdef int128 value = number.mantissa
    cdef int64_t small
    if number.negative or number.mantissa == 0:
        return FAULT_NOT_POSITIVE
    if number.decimals > grid.most_decimals:
        return FAULT_TOO_MANY_DECIMALS
    if number.decimals > grid.scale:
        return FAULT_OFF_GRID
    value *= POWERS[grid.scale - number.decimals]
    if value <= INT64_MAX:  # as nearly always: 64 bits divide without a call
        small = <int64_t> value
        if small % grid.step:
            return FAULT_OFF_GRID
        steps[0] = small // grid.step
        return FAULT_NONE
    if value % grid.step:
        return FAULT_OFF_GRID
    value = value / grid.step
    if value > INT64_MAX:
        return FAULT_TOO_LARGE
    steps[0] = <int64_t> value
    return FAULT_NONE


cdef char *put_decimal(char *out, uint128 value, int scale, int least) noexcept nogil:
    """Write value / 10 ** scale with all of its decimals, and at least `least` of them; return where it ends. The value
    has at most 54 digits, the scale is 0 to 36."""
    cdef char digits[WIDE]
    cdef int first = WIDE - scale - 1
    cdef int i = 0
    cdef int _
    if value >> 64 == 0 and scale <= MOST_DECIMALS:
        out = put_short(out, <uint64_t> value, scale)
    else:
        put_digits(digits + 36, <uint64_t> (value % TEN_TO_THE_18), 18)
        value //= TEN_TO_THE_18
        put_digits(digits + 18, <uint64_t> (value % TEN_TO_THE_18), 18)
        put_digits(digits, <uint64_t> (value // TEN_TO_THE_18), 18)
        while i < first and digits[i] == c"0":
            i += 1
        memcpy(out, digits + i, first - i + 1)
        out += first - i + 1
        if scale:
            out[0] = c"."
            memcpy(out + 1, digits + first + 1, scale)
            out += scale + 1
    if scale == 0 and least:
        out[0] = c"."
        out += 1
    for _ in range(scale, least):
        out[0] = c"0"
        out += 1
    return out


class InexactError(ValueError):
    """The amount is not a whole number of the unit."""


def in_units(str amount not None, scale) -> int:
    """`amount`, digits with or without a sign and a point, in units of 10**-scale. InexactError if it has more decimals
    than that.
    """
    cdef str whole, decimals
    whole, _, decimals = amount.partition(".")
    decimals = decimals.rstrip("0")
    if len(decimals) > scale:
        raise InexactError(f"{amount} has more than {scale} decimals")
    return int(whole + decimals) * 10 ** (scale - len(decimals))


def in_steps(str amount not None, str step not None) -> int:
    """How many times `step` goes into `amount`. InexactError if it doesn't go in evenly."""
    steps = Fraction(amount) / Fraction(step)
    if steps.denominator != 1:
        raise InexactError(f"{amount} is not a multiple of {step}")
    return steps.numerator


def unit_value(str tick not None, str lot not None, quote_scale) -> int:
    """What one tick times one lot is worth in the quote asset's smallest units; InexactError if it is not whole."""
    value = Fraction(tick) * Fraction(lot) * 10**quote_scale
    if value.denominator != 1:
        raise InexactError(
            f"tick {tick} x lot {lot} is no multiple of the quote asset's smallest unit, 1e-{quote_scale}"
        )
    return value.numerator


LEAST_DECIMALS = <int> MIN_DECIMALS


def decimal(units, int scale, int least=MIN_DECIMALS) -> str:
    """`units / 10 ** scale` with all of its decimals, and at least `least` of them."""
    sign = "-" if units < 0 else ""
    digits = f"{abs(units):0{scale + 1}d}"
    whole, decimals = digits[:len(digits) - scale], digits[len(digits) - scale:].ljust(least, "0")
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"
