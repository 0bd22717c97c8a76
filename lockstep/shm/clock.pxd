# The monotonic clock without the GIL; `boottime_ns` counts while the machine is suspended, too.
from libc.stdint cimport int64_t

cdef extern from "<time.h>" nogil:
    cdef struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec *t) noexcept
    int CLOCK_MONOTONIC
    int CLOCK_BOOTTIME

cdef inline int64_t monotonic_ns() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return t.tv_sec * 1_000_000_000 + t.tv_nsec

cdef inline int64_t boottime_ns() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_BOOTTIME, &t)
    return t.tv_sec * 1_000_000_000 + t.tv_nsec
