"""Drives a matcher, or another reader of the log, with the workload's commands, and reads clocks.

It is the router and every consumer of events at once; it looks at the events only as far as its callers ask.
"""

from libc.stdint cimport UINT64_MAX, int64_t, uint64_t

from bench.encode cimport Encoder
from bench.tally cimport Tally
from lockstep.core.venue.agent cimport Agent
from lockstep.shm.atomics cimport cpu_relax
from lockstep.shm.clock cimport monotonic_ns
from lockstep.shm.ring cimport Consumer, Producer

cdef extern from "<sched.h>" nogil:
    int sched_yield() noexcept

cdef enum:
    SPINS = 1024
    BATCH = 128             # commands that are written into the log ring at a time: a poll's worth of records
    LAG_NS = 1_000_000      # from the call to the first command's planned time


cdef void wait(uint64_t *spins) noexcept nogil:
    """Spin, and now and then give the core away: the other end may be waiting for it."""
    spins[0] += 1
    if spins[0] % SPINS == 0:
        sched_yield()
    else:
        cpu_relax()


cdef int64_t write_log(Producer log, Encoder encoder, int64_t commands) noexcept nogil:
    """Sequence up to this many of the encoder's commands, as far as the ring has room; returns how many."""
    cdef int64_t count = min(commands, encoder.workload.count - encoder.next)
    cdef uint64_t room = min(log.free(count), <uint64_t> count)
    cdef uint64_t seq
    for seq in range(log.next, log.next + room):
        encoder.sequenced(log.claim(seq), seq)
    log.publish(log.next + room - 1)
    return room


cdef uint64_t drop(Consumer ring) noexcept nogil:
    """Release all slots unseen."""
    cdef uint64_t count = ring.available()
    if count:
        ring.release(ring.next + count - 1)
    return count


cdef class Sink(Agent):
    """A service that does nothing: measuring it shows the cost of the machine and of measuring itself."""

    cdef Consumer log

    def __init__(self, Consumer log):
        self.name = "sink"
        self.log = log

    cdef int64_t poll(self, int64_t now_ns) except -1 nogil:
        return drop(self.log)


def write(Producer log, Encoder encoder, int64_t commands) -> int:
    """Sequence up to this many commands, as far as the log has room; returns how many."""
    return write_log(log, encoder, commands)


def in_one_thread(Encoder encoder, Producer log, Agent service, Consumer events, int64_t last) -> int:
    """The encoder's commands up to number `last`, log ring to event ring, a batch at a time; returns nanoseconds."""
    cdef int64_t begun = monotonic_ns()
    with nogil:
        while encoder.next < last:
            write_log(log, encoder, min(last - encoder.next, <int64_t> BATCH))
            finish(log, service, events, begun)
    return monotonic_ns() - begun


cdef int finish(Producer log, Agent service, Consumer events, int64_t now_ns) except -1 nogil:
    """Poll until all of the log is done."""
    while log.ring.lowest_cursor() < log.next - 1:
        service.poll(now_ns)
        drop(events)
    return 0


def to_a_process(Encoder encoder, Producer log, Consumer events, Tally tally) -> int:
    """Feed a service in another process and take all its events; nanoseconds until the last of them."""
    cdef int64_t begun = monotonic_ns()
    cdef uint64_t spins = 0
    cdef bint finished = False
    with nogil:
        while not finished:
            finished = encoder.next == encoder.workload.count and log.ring.lowest_cursor() == log.next - 1
            if write_log(log, encoder, BATCH) + <int64_t> tally.take(events, UINT64_MAX) == 0:
                wait(&spins)
    return monotonic_ns() - begun


def serve(Agent service, Consumer log, uint64_t last) -> None:
    """Poll until the log is done up to `last`."""
    cdef uint64_t spins = 0
    with nogil:
        while log.next <= last:
            if service.poll(monotonic_ns()) == 0:
                wait(&spins)


def from_planned_times(
    Encoder encoder, Producer log, Agent service, Consumer events, int64_t period_ns, int64_t[::1] out
) -> None:
    """An open loop: command i is due `period_ns` x i after the start, whether or not those before it are done.

    `out` gets, for each command, the nanoseconds from when it was due until its events were published. Commands that
    are due together, because something took longer, are written together and count as done together.
    """
    cdef int64_t start = monotonic_ns() + LAG_NS
    cdef int64_t count = min(encoder.workload.count - encoder.next, <int64_t> out.shape[0])
    cdef int64_t done = 0, first = encoder.next
    cdef int64_t now, due, took
    with nogil:
        while done < count:
            now = monotonic_ns()
            due = min((now - start) // period_ns + 1, count) if now >= start else 0
            if due <= done:
                continue
            write_log(log, encoder, min(due - done, <int64_t> BATCH))
            finish(log, service, events, now)
            now = monotonic_ns()
            took = encoder.next - first
            while done < took:
                out[done] = now - start - done * period_ns
                done += 1
