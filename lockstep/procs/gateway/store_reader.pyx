# cython: wraparound=True
"""What the gateway's message store is made of, and how it is read: its entries in order, whole or not at all.

It appends nothing, holds no state of a session, and sees what was written only.

Layout: segments named by the position of their first byte, `<position, 20 digits>.fix`; all sessions share one sequence
of entries, so what a crash leaves is a prefix of it::

    0       ┌────────────────────────────────────────────────────────────────────────────────────────┐
            │ "LSFIXST1" 8 │ position of this byte 8 │ boot id of the host 36 │ zero 12              │
    64      ├────────────────────────────────────────────────────────────────────────────────────────┤
            │ crc32c of all that follows 4 │ length 4 │ kind 1 │ side 1 │ ring 1 │ flags 1 │ session 4 │
            │ MsgSeqNum 4 │ back 4 │ event number 8 │ the message, length bytes │ zero to a multiple of 8 │
            │ … entries. One write() of a batch publishes them; a torn last one is cut at the next start. │
            └────────────────────────────────────────────────────────────────────────────────────────┘

`back` says where the session's entry before this one lies, so many times 8 bytes before it: of messages of ours the
last one of ours, of application messages of the client the last such one; 0 for the first of a session or behind a
reset, and where it is further than 32 GB. So a session's messages are found without reading those of others.
"""

import os

from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from posix.unistd cimport close, pread

from lockstep.core.files.crc32c cimport crc32c
from lockstep.shm.board cimport MAX_SESSIONS

from lockstep.core.diagnostics.refusal import FinalError

cdef enum:
    SCAN_BUFFER = 4 * MAX_BODY

PATTERN = "[0-9]" * 20 + ".fix"  # of the segments' names, as `path_of` makes them
MAGIC = b"LSFIXST1"  # its digit is the format's version
OUT_APP = KIND_OUT_APP

assert sizeof(StoreEntry) == 32
assert SCAN_BUFFER >= sizeof(StoreEntry) + MAX_BODY
assert len(MAGIC) == 8


class StoreCorrupt(FinalError, RuntimeError):
    """The store is damaged before its end: it names file and offset, and the gateway does not start."""


def path_of(object folder, uint64_t base):
    """The file of the segment whose first byte has this position."""
    return folder / f"{base:020d}.fix"


cdef size_t padded(size_t size) noexcept nogil:
    return (size + 7) & ~<size_t> 7


cdef uint32_t crc_of(const StoreEntry *entry) noexcept nogil:
    return crc32c(0, <const char *> entry + 4, sizeof(StoreEntry) - 4 + entry.length)


cdef void fill(StoreEntry *entry, const char *data) noexcept nogil:
    """Copy an entry's message behind it."""
    cdef char *body = <char *> entry + sizeof(StoreEntry)
    if entry.length:
        memset(body + padded(entry.length) - 8, 0, 8)
        memcpy(body, data, entry.length)


cdef uint32_t back_to(uint64_t before, uint64_t position) noexcept nogil:
    """`StoreEntry.back` of an entry at `position` that follows the one at `before`, or none if that is 0."""
    cdef uint64_t units = (position - before) // 8
    return <uint32_t> units if before and units <= 0xFFFFFFFFU else 0


cdef bint is_sane(const StoreEntry *entry) noexcept nogil:
    return entry.session < MAX_SESSIONS and entry.ring < EVENT_RINGS and KIND_IN_ADMIN <= entry.kind <= KIND_RESET


cdef class Scan:
    """Reads the entries from `position` up to `end` in order. It sees only what has been flushed."""

    def __cinit__(self, *_args):
        self.fd = self.segment = -1

    def __init__(self, object folder, list bases, uint64_t position, uint64_t end):
        self.folder = folder
        self.bases = bases
        self.position = position
        self.end = end
        self.buffer = <char *> malloc(SCAN_BUFFER)
        if self.buffer == NULL:
            raise MemoryError("no memory to read the message store")

    def __dealloc__(self):
        if self.fd >= 0:
            close(self.fd)
        free(self.buffer)

    cdef const StoreEntry *next(self) except? NULL:
        """The next entry, its bytes behind it, valid until the next call; NULL at the end or at a torn last entry."""
        cdef const StoreEntry *entry
        while self.position < self.end and (self.fd < 0 or self.position >= self.base + self.size):
            self.open_segment()  # more than once where a segment has no entry: a boot in which nobody wrote
        if self.torn or self.position >= self.end:
            return NULL
        entry = <const StoreEntry *> self.hold(sizeof(StoreEntry))
        if entry != NULL and entry.length <= MAX_BODY:
            entry = <const StoreEntry *> self.hold(sizeof(StoreEntry) + padded(entry.length))
            if entry != NULL and entry.crc == crc_of(entry) and is_sane(entry):
                self.entry_at = self.position
                self.position += sizeof(StoreEntry) + padded(entry.length)
                return entry
        if self.segment < len(self.bases) - 1:
            raise StoreCorrupt(f"{path_of(self.folder, self.base)} is damaged at offset {self.position - self.base}")
        self.torn = True
        return NULL

    cdef const char *hold(self, size_t size) except? NULL:
        """`size` bytes from `position` on in the buffer; NULL if the segment has fewer."""
        cdef uint64_t at = self.position - self.base
        cdef int64_t got
        if at + size > self.size:
            return NULL
        if at < self.held_from or at + size > self.held_from + self.held:
            self.held_from = at
            self.held = 0
            while self.held < size:
                got = pread(self.fd, self.buffer + self.held, SCAN_BUFFER - self.held, at + self.held)
                if got == 0 or (got < 0 and errno != EINTR):
                    raise OSError(errno, "the message store cannot be read", str(path_of(self.folder, self.base)))
                self.held += max(got, 0)
        return self.buffer + (at - self.held_from)

    cdef int open_segment(self) except -1:
        """Open the segment in which `position` lies, past its header."""
        cdef int following = self.segment + 1
        if self.position >= self.end:
            return 0
        while following + 1 < len(self.bases) and self.bases[following + 1] <= self.position:
            following += 1
        if self.fd >= 0:
            if following >= len(self.bases) or self.bases[following] != self.position:
                raise StoreCorrupt(f"no segment of the message store begins at {self.position}: a file is missing")
            close(self.fd)
            self.fd = -1
        self.segment = following
        self.base = self.bases[following]
        path = path_of(self.folder, self.base)
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self.fd).st_size
        self.held = self.held_from = 0
        header = os.pread(self.fd, SEGMENT_HEADER_SIZE, 0)
        if header[:7] == MAGIC[:7] and header[:8] != MAGIC:
            raise StoreCorrupt(f"{path} is of another version of the message store: start the version that wrote it")
        if header[:8] != MAGIC or header[8:16] != self.base.to_bytes(8, "little"):
            raise StoreCorrupt(f"{path} does not begin like a segment of the message store")
        if self.position == self.base:
            self.position += SEGMENT_HEADER_SIZE
        return 0

    def read(self) -> tuple[int, int, int, bytes] | None:
        """The next entry as (kind, session, MsgSeqNum, message), or None at the end. Kind 0: it was not sent."""
        cdef const StoreEntry *entry = self.next()
        if entry == NULL:
            return None
        message = (<const char *> entry + sizeof(StoreEntry))[:entry.length]
        return (0 if entry.flags & FLAG_FOLLOWED else entry.kind, entry.session, entry.msg_seq_num, message)


def reports(object folder, list known) -> tuple[list[int], int]:
    """Of each ring the last event that the store in `folder` has a report of, and where the first entry lies that
    reports an event behind `known`; the store's end where there is none. StoreCorrupt, OSError.
    """
    cdef uint64_t[EVENT_RINGS] last, most
    cdef uint64_t cut = 0
    cdef const StoreEntry *entry
    cdef Scan scan
    cdef int ring
    bases = sorted(int(path.stem) for path in folder.glob(PATTERN) if path.stat().st_size >= SEGMENT_HEADER_SIZE)
    for ring in range(EVENT_RINGS):
        last[ring], most[ring] = 0, known[ring]
    if not bases:
        return [0] * EVENT_RINGS, 0
    scan = Scan(folder, bases, bases[0], bases[-1] + path_of(folder, bases[-1]).stat().st_size)
    while True:
        entry = scan.next()
        if entry == NULL:
            break
        if entry.kind == KIND_OUT_APP or entry.flags & FLAG_FOLLOWED:
            last[entry.ring] = max(last[entry.ring], entry.number)
            if not cut and entry.number > most[entry.ring]:
                cut = scan.entry_at
    return [last[ring] for ring in range(EVENT_RINGS)], cut or scan.position
