"""Reads the spool behind the writer and fills batches with its frames.

It never writes to the spool, and never interprets an event.
"""

import os

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc
from posix.unistd cimport close

from lockstep.core.schema.records cimport SLOT_SIZE
from lockstep.procs.batcher.rows cimport Batch
from lockstep.procs.batcher.spool cimport (
    FRAME_RECORDS, FRAME_SIZE, MARK, SEGMENT_HEADER_SIZE, Frame, Spool, frame_is_valid, read_fully, records_are_valid,
)

# A published frame that is damaged: the writer wrote it whole, so the disk returned something else.
DAMAGED = "the spool is damaged at position {}: remove it, and the next start fills it again"


cdef class Reader:
    """A position in the spool. `fill` moves it over whole frames; `seek` sets it back after a failed transaction."""

    cdef readonly Spool spool
    cdef readonly uint64_t position
    cdef uint64_t base
    cdef uint64_t limit
    cdef int fd
    cdef char *slots

    def __cinit__(self, *_args):
        self.fd = -1

    def __init__(self, Spool spool):
        self.spool = spool
        self.slots = <char *> malloc(FRAME_RECORDS * SLOT_SIZE)
        if self.slots == NULL:
            raise MemoryError
        self.position = spool.start

    def __dealloc__(self):
        if self.fd >= 0:
            close(self.fd)
        free(self.slots)

    def seek(self, uint64_t position) -> None:
        """Go on at `position`, which `position` has been before and whose segment is kept."""
        self.position = position
        self.limit = 0

    def fill(self, Batch batch) -> bool:
        """Apply frames until the batch is full or the spool's end is reached; False if there was nothing new.

        Raises ValueError for a damaged spool, and for events that do not follow what the batch has (a gap).
        """
        cdef uint64_t begin = self.position
        while self.position < self.spool.end and batch.events + FRAME_RECORDS <= batch.capacity:
            if self.position >= self.limit:
                self.open_segment()
            with nogil:
                self.fill_from_segment(batch)
        return self.position > begin

    def open_segment(self) -> None:
        """Open the segment at the position, or learn how far the open one has grown."""
        base, path, limit = self.spool.segment_at(self.position)
        if self.fd < 0 or base != self.base:
            if self.fd >= 0:
                close(self.fd)
                self.fd = -1
            self.fd = os.open(path, os.O_RDONLY)
            self.base = base
        if self.position == base:
            self.position += SEGMENT_HEADER_SIZE
        self.limit = limit

    cdef int fill_from_segment(self, Batch batch) except -1 nogil:
        cdef Frame frame
        cdef uint64_t size
        while self.position < self.limit and batch.events + FRAME_RECORDS <= batch.capacity:
            self.check(read_fully(self.fd, <char *> &frame, FRAME_SIZE, <int64_t> (self.position - self.base)))
            self.check(frame_is_valid(&frame))
            size = frame.count * SLOT_SIZE
            if frame.ring == MARK:
                batch.complete_seq = max(batch.complete_seq, frame.complete_seq)
            elif frame.first + frame.count - 1 > batch.last[frame.ring]:
                self.check(read_fully(
                    self.fd, self.slots, size, <int64_t> (self.position - self.base + FRAME_SIZE)))
                self.check(records_are_valid(&frame, self.slots))
                batch.add(frame.ring, frame.first, self.slots, frame.count)
            self.position += FRAME_SIZE + size
        return 0

    cdef int check(self, bint good) except -1 nogil:
        if not good:
            with gil:
                raise ValueError(DAMAGED.format(self.position))
        return 0
