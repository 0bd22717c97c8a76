# Digits of numbers, written in place; header only, so that they are inlined.

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    static const char lockstep_pairs[201] =
        "00010203040506070809101112131415161718192021222324"
        "25262728293031323334353637383940414243444546474849"
        "50515253545556575859606162636465666768697071727374"
        "75767778798081828384858687888990919293949596979899";
    static const unsigned long long lockstep_powers[20] = {
        1ULL, 10ULL, 100ULL, 1000ULL, 10000ULL, 100000ULL, 1000000ULL, 10000000ULL, 100000000ULL, 1000000000ULL,
        10000000000ULL, 100000000000ULL, 1000000000000ULL, 10000000000000ULL, 100000000000000ULL,
        1000000000000000ULL, 10000000000000000ULL, 100000000000000000ULL, 1000000000000000000ULL,
        10000000000000000000ULL};
    """
    const char *PAIRS "lockstep_pairs"              # "00" to "99"
    const uint64_t *POWERS "lockstep_powers"        # 10 ** 0 to 10 ** 19
    int clzll "__builtin_clzll"(unsigned long long) noexcept nogil

cdef enum:
    MAX_UINT_DIGITS = 20


cdef inline int digits_of(uint64_t value) noexcept nogil:
    """How many decimal digits a number has: its bits times log10(2), put right where that is one too few."""
    cdef int guess = (64 - clzll(value | 1)) * 1233 >> 12
    return guess + (value >= POWERS[guess]) if value else 1


cdef inline void put_digits(char *out, uint64_t value, int digits) noexcept nogil:
    """Write the last `digits` digits of a number, with leading zeros."""
    while digits >= 2:
        digits -= 2
        memcpy(out + digits, PAIRS + 2 * (value % 100), 2)
        value = value // 100
    if digits:
        out[0] = <char> (c"0" + value % 10)


cdef inline char *put_uint(char *out, uint64_t value) noexcept nogil:
    """Write the digits of a number, and return where they end."""
    cdef int digits = digits_of(value)
    put_digits(out, value, digits)
    return out + digits
