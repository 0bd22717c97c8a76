# cython: wraparound=True
"""Brings a message store of the format "LSFIXST1" to the present one: entries know what they follow, and no passwords.

Every entry keeps its place and size. A segment is written beside the old one, synced, and renamed over it: a start that
is killed at any point leaves a store that the next one goes on with.
"""

import os

from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from procs.gateway.secrets cimport blank
from procs.gateway.store_reader cimport (
    KIND_IN_ADMIN, KIND_IN_ANSWERED, KIND_IN_LOGGED, KIND_OUT_ADMIN, KIND_OUT_APP, KIND_RESET, SEGMENT_HEADER_SIZE,
    Scan, StoreEntry, back_to, crc_of, padded,
)
from shm.board cimport MAX_SESSIONS

from procs.disk import atomic_file
from procs.gateway.secrets import blanked
from procs.gateway.store_reader import MAGIC, OLD_MAGIC, StoreCorrupt, path_of

cdef enum:
    ENTRIES_A_BEAT = 8192

cdef struct Last:
    uint64_t out
    uint64_t in_app


def upgrade(object folder, list bases, object beat) -> bool:
    """Replace every old segment of those that begin at `bases`; whether there was one. `beat` is called meanwhile.

    StoreCorrupt if one is damaged, OSError.
    """
    if not any(is_old(folder, base) for base in bases):
        return False
    for path in folder.glob("*.torn"):
        atomic_file.replace_durably(path, blanked(path.read_bytes()))
    _Upgrade(folder, bases, beat).run()
    return True


def is_old(object folder, uint64_t base) -> bool:
    with path_of(folder, base).open("rb") as segment:
        return segment.read(len(OLD_MAGIC)) == OLD_MAGIC


cdef class _Upgrade:
    """One pass over all segments, since the first messages of an old one may follow others before it."""

    cdef object folder
    cdef list bases
    cdef object beat
    cdef Last *last

    def __cinit__(self, object folder, list bases, object beat):
        self.folder = folder
        self.bases = bases
        self.beat = beat
        self.last = <Last *> calloc(MAX_SESSIONS, sizeof(Last))
        if self.last == NULL:
            raise MemoryError("no memory to bring the message store up to date")

    def __dealloc__(self):
        free(self.last)

    def run(self) -> None:
        for base in self.bases:
            path = path_of(self.folder, base)
            if not is_old(self.folder, base):
                self._convert(path, base, None)
                continue
            temporary = path.with_name(f"{path.name}.new")
            with open(temporary, "wb", opener=private) as written:
                self._convert(path, base, written)
                written.flush()
                os.fsync(written.fileno())
            os.utime(temporary, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
            temporary.replace(path)
            atomic_file.sync(self.folder)

    def _convert(self, object path, uint64_t base, object written) -> None:
        """Follow a segment's entries, and write each as it is to be."""
        cdef Scan scan = Scan(self.folder, [base], base, base + path.stat().st_size)
        cdef StoreEntry *entry
        cdef uint64_t count = 0
        if written is not None:
            with path.open("rb") as segment:
                written.write(MAGIC + segment.read(SEGMENT_HEADER_SIZE)[len(MAGIC):])
        while True:
            entry = <StoreEntry *> scan.next()
            if entry == NULL:
                break
            count += 1
            if count % ENTRIES_A_BEAT == 0:
                self.beat()
            self._follow(entry, scan.entry_at)
            if written is not None:
                if KIND_IN_ADMIN <= entry.kind <= KIND_IN_ANSWERED:
                    blank(<char *> entry + sizeof(StoreEntry), entry.length)
                entry.crc = crc_of(entry)
                written.write((<char *> entry)[:sizeof(StoreEntry) + padded(entry.length)])
        if scan.torn and base != self.bases[-1]:
            raise StoreCorrupt(f"{path} is damaged at offset {scan.position - base}")
        if written is not None:  # what a crash left torn stays as it is for the start to deal with
            with path.open("rb") as segment:
                segment.seek(max(scan.position - base, SEGMENT_HEADER_SIZE))
                written.write(blanked(segment.read()))

    cdef void _follow(self, StoreEntry *entry, uint64_t position) noexcept:
        cdef Last *last = &self.last[entry.session]
        if entry.kind == KIND_OUT_ADMIN or entry.kind == KIND_OUT_APP:
            entry.back = back_to(last.out, position)
            last.out = position
        elif entry.kind == KIND_IN_LOGGED or entry.kind == KIND_IN_ANSWERED:
            entry.back = back_to(last.in_app, position)
            last.in_app = position
        elif entry.kind == KIND_RESET:
            memset(last, 0, sizeof(Last))


def private(object path, int flags) -> int:
    """Opens a file that is its owner's alone."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
