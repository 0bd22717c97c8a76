"""Plays a venue's gateway at full speed: commands encoded beforehand into its ingress ring, events out by the rules.

It sees only what a gateway may see, the committed events; it opens no socket and holds no order.
"""

from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from libc.time cimport time

from bench.encode cimport Encoder
from bench.tally cimport Tally
from bench.workload cimport Workload
from lockstep.core.schema.records cimport RECORD_SIZE, CommandRecord
from lockstep.shm.board cimport WORD_LOG_END, WORD_MATCHER_DONE, Board
from lockstep.shm.clock cimport monotonic_ns
from lockstep.shm.ring cimport Consumer, Producer

cdef extern from "<unistd.h>" nogil:
    int usleep(unsigned int us) noexcept

cdef enum:
    BATCH = 256
    REST_US = 20            # with nothing to send or take: the journaler needs the core, as it does a gateway's
    MAX_READERS = 64
    NS_PER_S = 1_000_000_000


cdef class Load:
    """A workload's commands as the records of an ingress ring, one after the other in memory."""

    def __cinit__(self, Workload workload not None):
        cdef Encoder encoder = Encoder(workload)
        self.records = <char *> malloc((workload.count + 1) * RECORD_SIZE)
        if self.records == NULL:
            raise MemoryError("no memory for the workload's records")
        with nogil:
            while encoder.next < workload.count:
                encoder.request(self.records + self.count * RECORD_SIZE)
                self.count += 1

    def __dealloc__(self):
        free(self.records)


cdef uint64_t send(Load load, uint64_t at, Producer ingress) noexcept nogil:
    """Publish up to a batch of records from `at` on; returns the next."""
    cdef uint64_t count = min(load.count - at, ingress.free(BATCH), <uint64_t> BATCH)
    cdef uint64_t now_ns = <uint64_t> time(NULL) * NS_PER_S
    cdef uint64_t i
    cdef char *slot
    for i in range(count):
        slot = ingress.claim(ingress.next + i)
        memcpy(slot, load.records + (at + i) * RECORD_SIZE, RECORD_SIZE)
        (<CommandRecord *> slot).time_ns = now_ns
    ingress.publish(ingress.next + count - 1)
    return at + count


cdef class Readers:
    """The consumers of event rings: of each ring one that reads, and those that only keep up with it."""

    cdef list held
    cdef PyObject *reading[MAX_READERS]
    cdef PyObject *followers[MAX_READERS]
    cdef int rings
    cdef int leader[MAX_READERS]
    cdef int following

    def __init__(self, list rings):
        self.held = rings
        for consumers in rings:
            self.reading[self.rings] = <PyObject *> <Consumer?> consumers[0]
            for consumer in consumers[1:]:
                self.followers[self.following] = <PyObject *> <Consumer?> consumer
                self.leader[self.following] = self.rings
                self.following += 1
            self.rings += 1

    cdef uint64_t take(self, Tally tally, uint64_t last_cause) noexcept nogil:
        cdef uint64_t taken = 0
        cdef int i
        for i in range(self.rings):
            taken += tally.take(<Consumer> self.reading[i], last_cause)
        if taken:
            for i in range(self.following):
                (<Consumer> self.followers[i]).release((<Consumer> self.reading[self.leader[i]]).next - 1)
        return taken


cdef bint is_done(Board board, Producer ingress) noexcept nogil:
    """Whether every command is sequenced, matched and committed, so that all its events may be taken."""
    cdef uint64_t end
    if ingress.ring.lowest_cursor() < ingress.next - 1:
        return False
    end = board.load(WORD_LOG_END)
    return board.load(WORD_MATCHER_DONE) >= end and board.release_seq() >= end


def run(Load load, Producer ingress, list readers, Board board, Tally tally, uint64_t begin=0, uint64_t end=0) -> int:
    """Send all, and take all events; nanoseconds from the first command sent to the last event taken.

    It begins with record `begin`, and ends with the first batch that reaches record `end` (0: the last); the next
    begins with `load.sent`. `readers` lists each event ring's consumers, the router's ring first, and of each ring
    first the one that reads.
    """
    cdef Readers taking = Readers(readers)
    cdef int64_t begun = monotonic_ns()
    cdef uint64_t at = begin, before
    cdef bint finished = False
    end = min(end or load.count, load.count)
    with nogil:
        while not finished:
            before = at
            if at < end:
                at = send(load, at, ingress)
            else:
                finished = is_done(board, ingress)
            if taking.take(tally, board.release_seq()) + at - before == 0:
                usleep(REST_US)
    load.sent = at
    return monotonic_ns() - begun
