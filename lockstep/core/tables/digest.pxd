# How digests of state are worded: equal state gives equal digests in every process.
from libc.stdint cimport uint64_t


cdef inline uint64_t scramble(uint64_t value, uint64_t seed) noexcept nogil:
    """A mix of 64 bits: SplitMix64's finalizer (Steele, Lea, Flood 2014)."""
    cdef uint64_t x = value ^ seed
    x = (x ^ (x >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t> 0x94D049BB133111EB
    return x ^ (x >> 31)
