"""The load of the FIX benchmark: resting limit orders, pipelined for throughput or one at a time for round trips.

It is a client over a real socket; it knows nothing of the venue's insides.
"""

from libc.stdint cimport int64_t, uint64_t

from lockstep.cli.flow.initiator cimport Initiator, Report
from lockstep.shm.clock cimport monotonic_ns

cdef enum:
    PRICES = 1000           # price levels that resting orders are spread over
    TIMEOUT_MS = 30_000


cdef int take(Initiator session, int timeout_ms, int64_t *accepted) except -1 nogil:
    """Count New reports; anything else is a failure of the benchmark."""
    cdef Report report
    session.receive(timeout_ms)
    while session.next_report(&report):
        if report.msg_type == c"8" and report.exec_type == c"0":
            accepted[0] += 1
        elif report.msg_type not in (c"0", c"1"):
            with gil:
                raise RuntimeError(f"the venue answered {report.start[:report.size]!r}")
    return 0


cdef inline void append(Initiator session, uint64_t ref, int64_t base_price, int64_t quantity) noexcept nogil:
    session.new_order(ref, True, False, base_price + <int64_t> (ref * 7919 % PRICES), quantity)


def rest(
    Initiator session, uint64_t first_ref, int64_t count, int64_t base_price, int64_t quantity, int64_t ahead
) -> int:
    """Send `count` buy orders that rest, at most `ahead` unanswered; returns ns from first send to last report."""
    cdef int64_t accepted = 0
    cdef int64_t sent = 0
    cdef int64_t started = monotonic_ns()
    cdef int64_t before
    cdef int64_t progress_ns = started
    with nogil:
        while accepted < count:
            while sent < count and sent - accepted < ahead and not session.is_full():
                append(session, first_ref + sent, base_price, quantity)
                sent += 1
            session.flush()
            before = accepted
            take(session, 1 if sent == count or sent - accepted >= ahead else 0, &accepted)
            if accepted != before:
                progress_ns = monotonic_ns()
            elif monotonic_ns() - progress_ns > <int64_t> TIMEOUT_MS * 1_000_000:
                with gil:
                    raise TimeoutError(f"{accepted} of {sent} orders were answered, then no more")
    return monotonic_ns() - started


def ping(Initiator session, uint64_t first_ref, int64_t base_price, int64_t quantity, int64_t[::1] out) -> None:
    """Send one order at a time; `out` gets each round trip in ns."""
    cdef int64_t i, started, accepted
    with nogil:
        for i in range(out.shape[0]):
            append(session, first_ref + i, base_price, quantity)
            accepted = 0
            started = monotonic_ns()
            session.flush()
            while accepted == 0:
                take(session, 1000, &accepted)
            out[i] = monotonic_ns() - started


def offer(Initiator session, uint64_t ref, int64_t price, int64_t quantity) -> None:
    """Rest one sell order."""
    cdef int64_t accepted = 0
    session.new_order(ref, False, False, price, quantity)
    session.flush()
    with nogil:
        while accepted == 0:
            take(session, 1000, &accepted)


def buy_paced(Initiator session, uint64_t first_ref, int64_t count, int64_t price, int64_t apart_ns) -> None:
    """Buy one lot at each planned time, whatever the answers take; they are read and dropped."""
    cdef Report report
    cdef int64_t due_ns = monotonic_ns()
    cdef int64_t i, left_ns
    with nogil:
        for i in range(count):
            due_ns += apart_ns
            while True:
                left_ns = due_ns - monotonic_ns()
                if left_ns <= 0:
                    break
                session.receive(<int> (left_ns // 1_000_000) + 1)
                while session.next_report(&report):
                    pass
            session.new_order(first_ref + i, True, True, price, 1)
            session.flush()
