# cython: wraparound=True
"""Single entries of the message store, by their positions: what a session's chain leads to.

It reads a page at a time, since a busy session's messages lie close together. It follows no chain itself, and sees
only what was written out.
"""

import bisect
import os

from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from posix.unistd cimport close, pread

from lockstep.procs.gateway.store_reader cimport MAX_BODY, SEGMENT_HEADER_SIZE, StoreEntry, crc_of, is_sane

from lockstep.procs.gateway.store_reader import StoreCorrupt, path_of

cdef enum:
    PAGE = 4096
    BUFFER_SIZE = MAX_BODY + 2 * PAGE

assert sizeof(StoreEntry) < PAGE


cdef class Lookup:
    """The entries in `folder`, whose segments begin at `bases`: a list that grows and shrinks with the store."""

    def __cinit__(self, *_args):
        self.fd = -1

    def __init__(self, object folder, list bases):
        self.folder = folder
        self.bases = bases
        self.buffer = <char *> malloc(BUFFER_SIZE)
        if self.buffer == NULL:
            raise MemoryError("no memory to look up messages")

    def __dealloc__(self):
        if self.fd >= 0:
            close(self.fd)
        free(self.buffer)

    cdef bint has(self, uint64_t position):
        """Whether the store still has what was at `position` (0: there was nothing)."""
        return position >= <uint64_t> self.bases[0] + SEGMENT_HEADER_SIZE

    cdef const StoreEntry *header(self, uint64_t position, uint32_t session) except NULL:
        """The header of an entry of the session, for a walk backwards; valid until the next call. StoreCorrupt."""
        cdef uint64_t end = position + sizeof(StoreEntry)
        cdef const StoreEntry *entry
        self.seek(position)
        cdef uint64_t first = max(self.base, end - min(end, <uint64_t> PAGE))
        entry = <const StoreEntry *> self.hold(position, first, sizeof(StoreEntry))
        if entry.session != session or entry.length > MAX_BODY or not is_sane(entry):
            raise self.damage(position)
        return entry

    cdef const StoreEntry *entry(self, uint64_t position) except NULL:
        """An entry with its message behind it, valid until the next call. StoreCorrupt."""
        cdef const StoreEntry *entry
        self.seek(position)
        entry = <const StoreEntry *> self.hold(position, position, sizeof(StoreEntry))
        if entry.length <= MAX_BODY:
            entry = <const StoreEntry *> self.hold(position, position, sizeof(StoreEntry) + entry.length)
            if entry.crc == crc_of(entry) and is_sane(entry):
                return entry
        raise self.damage(position)

    def damage(self, uint64_t position) -> Exception:
        return StoreCorrupt(f"{path_of(self.folder, self.base)} is damaged at offset {position - self.base}")

    cdef const char *hold(self, uint64_t position, uint64_t first, size_t size) except NULL:
        """The `size` bytes at `position`; where they are not held, a page or more is, from `first` on."""
        if position < self.held_from or position + size > self.held_from + self.held:
            self.fill(first, position + size - first)
        return self.buffer + (position - self.held_from)

    cdef int fill(self, uint64_t first, size_t size) except -1:
        """Hold at least `size` bytes from `first` on."""
        cdef size_t wanted = max(size, <size_t> PAGE)
        cdef int64_t got
        self.held_from = first
        self.held = 0
        while self.held < size:
            got = pread(self.fd, self.buffer + self.held, wanted - self.held, first - self.base + self.held)
            if got < 0 and errno != EINTR:
                raise OSError(errno, "the message store cannot be read", str(path_of(self.folder, self.base)))
            if got == 0:
                raise self.damage(first + self.held)
            self.held += max(got, 0)
            self.reads += 1
        self.bytes_read += self.held
        return 0

    cdef void forget(self) noexcept:
        """Drop what is held, so that later writes are seen."""
        self.held = 0

    cdef int seek(self, uint64_t position) except -1:
        """Open the segment in which `position` lies."""
        if self.fd >= 0 and self.base <= position:
            if position < self.until or (self.until == 0 and <uint64_t> self.bases[-1] == self.base):
                return 0
        following = bisect.bisect_right(self.bases, position)
        if self.fd >= 0:
            close(self.fd)
            self.fd = -1
        self.base = self.bases[following - 1]
        self.until = self.bases[following] if following < len(self.bases) else 0
        self.held = 0
        self.fd = os.open(path_of(self.folder, self.base), os.O_RDONLY | os.O_CLOEXEC)
        return 0
