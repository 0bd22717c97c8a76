# cython: wraparound=True
"""Appends to the last segment of a gateway's message store, and begins the next one.

It knows no entry: a batch of them is written with one call, and synced aside now and then.
"""

import os
from functools import partial

from libc.errno cimport ENOSPC
from libc.stdint cimport uint64_t
from posix.unistd cimport close

from lockstep.procs.gateway.batch cimport write_batch
from lockstep.procs.gateway.store_reader cimport SEGMENT_HEADER_SIZE

from lockstep.core.files import disk as disks
from lockstep.core.files import space
from lockstep.procs.gateway import background, segments

cdef enum:
    SYNC_SIZE = 4 * 1024 * 1024  # of a segment, which is then synced aside, so that its end has little left to wait for

assert SEGMENT_HEADER_SIZE == segments.HEADER_SIZE


cdef class SegmentWriter:
    """The writer of the segments in `folder`, which begin at `bases`: it adds to that list.

    `spare_bytes` behind its end are owned, for a full disk; `is_short`: fewer are.
    """

    def __cinit__(self, *_args):
        self.fd = -1

    def __init__(self, object folder, list bases, uint64_t segment_bytes, uint64_t spare_bytes):
        self.folder = folder
        self.bases = bases
        self.disk = disks.FolderDisk(folder)
        self.syncer = background.Background()
        self.segment_bytes = segment_bytes
        self.spare_bytes = spare_bytes

    def __dealloc__(self):
        if self.fd >= 0:
            close(self.fd)

    cdef uint64_t end(self) noexcept nogil:
        """The position behind all that is written."""
        return self.base + self.written

    cdef bytes go_on(self, uint64_t written):
        """Append behind so many bytes of the last segment, which has no more that are whole; return its boot."""
        self.base = self.bases[-1]
        self.written = written
        self.fd, boot = segments.go_on(self.folder, self.base, written)
        return boot

    cdef int begin(self, uint64_t base) except -1:
        """Append to a new segment at `base` from here on. OSError: there is none."""
        fd = segments.begin(self.folder, base, self.spare_bytes)
        if self.fd >= 0:
            close(self.fd)
        self.fd = fd
        self.base = base
        self.written = SEGMENT_HEADER_SIZE
        self.bases.append(base)
        return 0

    cdef bint begin_next(self) except -1:
        """Go on in the next segment; in this one where the disk has no room for another: False."""
        self.syncer.finish()
        os.fdatasync(self.fd)  # only of the last segment may a loss of the host take something
        try:
            self.begin(self.end())
        except OSError as error:
            if not space.is_full(error):
                raise
            self.is_short = True
            return False
        return True

    def tend(self) -> None:
        """Own what is to be behind the end, as far as the disk has it. OSError if it is not for lack of space."""
        self.is_short = self.spare_bytes > 0 and not segments.owns(self.fd, self.written + self.spare_bytes)

    cdef bint is_over(self) noexcept nogil:
        """Whether the segment is as large as it should become, and there is space for another."""
        return self.written >= self.segment_bytes and not self.is_short

    cdef bint write(self, char *entries, size_t size) except -1 nogil:
        """Append entries; False on a full disk, which has none of them then. OSError ends the process."""
        cdef int code = write_batch(self.disk, self.fd, entries, size, self.written)
        if code < 0 and code != -ENOSPC:
            with gil:
                raise self.disk.error(code, "the message store cannot be written")
        self.writes += 1
        if code < 0:
            self.is_short = True
            return False
        self.written += size
        if self.written // SYNC_SIZE != (self.written - size) // SYNC_SIZE:
            with gil:
                self.sync_aside()
                self.tend()
        return True

    cdef int sync_aside(self) except -1:
        """Have a thread sync what is written. OSError, of the time before, is final."""
        if self.syncer.is_done():
            self.syncer.finish()
            self.syncer.begin(partial(os.fdatasync, self.fd))
        return 0

    cdef int sync(self) except -1:
        """Have the disk keep all that is written. OSError."""
        self.syncer.finish()  # first: a sync that failed is not told of again to one that comes later
        segments.sync(self.folder, self.bases)
        return 0
