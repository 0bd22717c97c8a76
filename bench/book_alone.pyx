"""The matcher's book with nothing around it: commands from memory, events written in place and never published.

It leaves out what the agent and its rings cost (checksums, cursors, other cores), and is for `matcher-w1` only.
"""

from libc.stdint cimport int64_t, uint64_t

from bench.encode cimport Encoder
from lockstep.core.schema.records cimport RECORD_SIZE, CommandRecord
from lockstep.procs.matcher.book cimport Book
from lockstep.shm.clock cimport monotonic_ns

cdef enum:
    BATCH = 1024            # commands: their records stay in the second cache, as a ring's do
    POLL = 256              # records that the agent takes at a time
    MOST_EVENTS = 4096

cdef char records[BATCH][RECORD_SIZE]


def execute(Encoder encoder, Book book) -> int:
    """All of the encoder's commands, those before it done already; returns nanoseconds in the book."""
    cdef uint64_t seq = encoder_start(encoder)
    cdef int64_t total = 0
    cdef int64_t begun
    cdef int count
    with nogil:
        while encoder.next < encoder.workload.count:
            count = 0
            while encoder.next < encoder.workload.count and count < BATCH:
                encoder.sequenced(records[count], seq)
                count += 1
                seq += 1
            begun = monotonic_ns()
            carry_out(book, count)
            total += monotonic_ns() - begun
    return total


cdef uint64_t encoder_start(Encoder encoder) except 0:
    """The log's second sequence: the first one lists the instrument."""
    if encoder.next != 0:
        raise ValueError("the encoder has been used")
    return 2


cdef int carry_out(Book book, int count) except -1 nogil:
    cdef int i
    for i in range(count):
        if i % POLL == 0:
            reopen(book)
        while not book.execute(<const CommandRecord *> records[i]):
            reopen(book)
    return 0


cdef void reopen(Book book) noexcept nogil:
    """Slots for more events: those that were written and not published are claimed again."""
    if book.writer.spilled:
        book.writer.publish()  # a mass cancel's events, in order, before what waits for a slot: the ring has no reader
    else:
        book.writer.number = book.writer.events.next
    book.writer.open(MOST_EVENTS)
