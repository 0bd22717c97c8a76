"""Drives router and matcher in one thread: what a command costs them, without any other process.

The journal is a reader of the log that keeps nothing; everything sequenced is committed at once.
"""

from libc.stdint cimport int64_t, uint64_t

from bench.drive cimport drop
from bench.encode cimport Encoder
from lockstep.core.schema.records cimport CommandRecord
from lockstep.core.venue.agent cimport Agent
from lockstep.shm.board cimport WORD_DURABLE_SEQ, WORD_LOG_END, WORD_MATCHER_DONE, Board
from lockstep.shm.clock cimport monotonic_ns
from lockstep.shm.ring cimport Consumer, Producer

cdef enum:
    BATCH = 128

# Log time moves on as at a million commands a second: it decides when balances and the like are flushed.
cdef int64_t START_NS = 1_800_000_000_000_000_000
cdef int64_t PER_COMMAND_NS = 1000


cdef void write_requests(Producer ingress, Encoder encoder, int64_t commands, int64_t now_ns) noexcept nogil:
    cdef uint64_t room = min(ingress.free(commands), <uint64_t> commands)
    cdef uint64_t at
    cdef char *slot
    for at in range(ingress.next, ingress.next + room):
        slot = ingress.claim(at)
        encoder.request(slot)
        (<CommandRecord *> slot).time_ns = now_ns
    ingress.publish(ingress.next + room - 1)


def run(
    Encoder encoder, Producer ingress, Agent router, Agent matcher, Consumer log, list events, Board board, int64_t last
) -> int:
    """The encoder's commands up to number `last`, until all their events are settled; returns nanoseconds.

    `log` is the journal's end of the log, `events` are the ends of the event rings that are not the router's.
    """
    cdef Consumer router_events, matcher_events
    router_events, matcher_events = events
    cdef int64_t begun = monotonic_ns()
    cdef int64_t now_ns
    with nogil:
        while encoder.next < last or is_busy(ingress, board):
            now_ns = START_NS + encoder.next * PER_COMMAND_NS
            write_requests(ingress, encoder, min(last - encoder.next, <int64_t> BATCH), now_ns)
            router.poll(now_ns)
            matcher.poll(now_ns)
            drop(log)
            board.store(WORD_DURABLE_SEQ, log.next - 1)
            drop(router_events)
            drop(matcher_events)
    return monotonic_ns() - begun


cdef bint is_busy(Producer ingress, Board board) noexcept nogil:
    if ingress.ring.lowest_cursor() < ingress.next - 1:
        return True
    return board.load(WORD_MATCHER_DONE) < board.load(WORD_LOG_END)
