# Log time: the wall clock's, except that it never goes back.

from libc.stdint cimport int64_t, uint64_t

cdef struct LogClock:
    uint64_t behind_ns     # how far the wall clock lagged the log when this router began to lead,
    int64_t led_at_ns      # which was then, by the wall clock


cdef inline uint64_t ahead_at(const LogClock *clock, int64_t now_ns) noexcept nogil:
    """How far log time is ahead of the wall clock: it runs at half speed until that has caught up (LOG-4)."""
    cdef uint64_t gone = <uint64_t> (now_ns - clock.led_at_ns) >> 1
    return clock.behind_ns - gone if gone < clock.behind_ns else 0


cdef inline uint64_t time_after(const LogClock *clock, uint64_t last_ns, int64_t now_ns) noexcept nogil:
    """The log time of a record that follows one of `last_ns`: never before or at that (LOG-4)."""
    return max(last_ns + 1, <uint64_t> now_ns + ahead_at(clock, now_ns))
