"""A stage's state as one file, a part of a snapshot: tables are written, and read back, as they lie in memory.

It knows no table and no name of a file, and never syncs: whoever opened the file publishes it, by renaming it.

A part::

    ┌───────────┬──────────────┬───────────────┬────────────┬─────────────────┬──────────────┐
    │ magic 8 B │ layout 8 B   │ what was put… │ length 8 B │ crc32c of all   │ 4 B of magic │
    │           │ layout_hash()│               │ up to here │ before it, 4 B  │              │
    └───────────┴──────────────┴───────────────┴────────────┴─────────────────┴──────────────┘

Memory as it lies is fast to write and exact: what is loaded goes on bit for bit as the original would have. It is read
by the same layout only, which the hash guards: the declarations of all structs and constants of the stages' tables.
"""

import functools
import hashlib
import os
import re
from pathlib import Path

import msgspec
from libc.errno cimport EINTR, errno
from libc.stddef cimport size_t
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, mmap, munmap
from posix.unistd cimport write

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport SCHEMA_HASH


cdef extern from "<sys/mman.h>" nogil:
    int MADV_SEQUENTIAL
    int madvise(void *memory, size_t size, int advice)

cdef enum:
    BUFFER = 1 << 18
    HEAD = 16
    TRAILER = 16
    LAST = 0x54524150       # "PART"

cdef uint64_t MAGIC = 0x305452415053434C  # "LCSPART0"

# To be raised when what is saved, or what it means, changes and no declaration does.
SAVED_VERSION = 1
STAGES = (
    "core/tables", "core/intake", "core/edge", "procs/router", "procs/matcher", "procs/gateway", "procs/api",
    "procs/publisher", "procs/batcher",
)


class DamagedPart(Exception):
    """A part that can't be loaded: cut, changed, or of another layout."""


@functools.cache
def layout_hash() -> int:
    """63 bits that change with the records' schema and with any struct or constant that the stages' tables declare."""
    known = [f"{SAVED_VERSION} {SCHEMA_HASH}"]
    root = Path(__file__).parents[2]
    for path in sorted(path for stage in STAGES for path in (root / stage).rglob("*.pxd")):
        lines = [re.sub(r"\s*#.*", "", line).rstrip() for line in path.read_text().splitlines()]
        declared = re.findall(r"^cdef (?:struct|enum)[^\n]*\n(?:[ \n][^\n]*\n?)*", "\n".join(lines), re.MULTILINE)
        known += [str(path.relative_to(root)), *(re.sub(r"\s+", " ", block) for block in declared)]
    return int.from_bytes(hashlib.sha256("\n".join(known).encode()).digest()[:8], "little") >> 1


cdef class Saver:
    """Writes a part to the open file `fd`, from where it stands on. Its state is void after an OSError."""

    def __cinit__(self, int fd):
        self.fd = fd
        self.buffer = <char *> malloc(BUFFER)
        if self.buffer == NULL:
            raise MemoryError("no memory for the buffer of a part")
        self.put_64(MAGIC)
        self.put_64(layout_hash())

    def __dealloc__(self):
        free(self.buffer)

    cdef int put(self, const void *data, size_t size) except -1 nogil:
        """Add bytes as they lie. OSError."""
        if self.is_finished:
            with gil:
                raise RuntimeError("a part that is finished takes no more")
        self.crc = crc32c(self.crc, data, size)
        self.length += size
        if self.held + size > BUFFER:
            self.flush()
        if size > BUFFER:
            return write_all(self.fd, <const char *> data, size)
        memcpy(self.buffer + self.held, data, size)
        self.held += size
        return 0

    cdef int put_64(self, uint64_t value) except -1 nogil:
        return self.put(&value, sizeof(uint64_t))

    cdef int flush(self) except -1 nogil:
        cdef size_t held = self.held
        self.held = 0
        return write_all(self.fd, self.buffer, held)

    def write(self, bytes data not None) -> None:
        """Add bytes with their length before them. OSError."""
        self.put_64(len(data))
        self.put(<const char *> data, len(data))

    def object(self, value) -> None:
        """Add a value that msgspec's msgpack has a form for. OSError, TypeError."""
        self.write(msgspec.msgpack.encode(value))

    def finish(self) -> None:
        """Write the trailer, and all that is still held. The file is not synced. OSError."""
        cdef uint32_t last[2]
        self.put_64(self.length)
        last[0] = self.crc
        last[1] = LAST
        self.put(last, sizeof(last))
        self.flush()
        self.is_finished = True


cdef int write_all(int fd, const char *data, size_t size) except -1 nogil:
    cdef ssize_t written
    while size:
        written = write(fd, data, size)
        if written < 0:
            if errno == EINTR:
                continue
            with gil:
                raise OSError(errno, f"a part is not written: {os.strerror(errno)}")
        data += written
        size -= <size_t> written
    return 0


cdef class Loader:
    """Reads a part, a path or an open file, which stays open. All of it is checked before anything is read from it.

    DamagedPart if it is cut, changed or another layout's; OSError if it can't be read.
    """

    def __cinit__(self, source):
        cdef bint is_open = isinstance(source, int)
        cdef int fd = source if is_open else os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.map(fd)
        finally:
            if not is_open:
                os.close(fd)
        self.check()
        self.place = HEAD

    def __dealloc__(self):
        if self.data != NULL:
            munmap(<void *> self.data, self.size)

    cdef int map(self, int fd) except -1:
        cdef void *data
        self.size = os.fstat(fd).st_size
        if self.size < HEAD + TRAILER:
            raise DamagedPart(f"a part of {self.size} bytes is cut")
        data = mmap(NULL, self.size, PROT_READ, MAP_SHARED, fd, 0)
        if data == MAP_FAILED:
            raise OSError(errno, f"a part can't be mapped: {os.strerror(errno)}")
        madvise(data, self.size, MADV_SEQUENTIAL)
        self.data = <const char *> data
        return 0

    cdef int check(self) except -1:
        cdef const uint64_t *head = <const uint64_t *> self.data
        cdef const char *trailer = self.data + self.size - TRAILER
        cdef uint64_t length
        cdef uint32_t last[2]
        memcpy(&length, trailer, sizeof(length))
        memcpy(last, trailer + sizeof(length), sizeof(last))
        self.end = self.size - TRAILER
        if head[0] != MAGIC:
            raise DamagedPart("no part of a snapshot begins like this")
        if head[1] != layout_hash():
            raise DamagedPart(f"a part of layout {head[1]:016x}, and this code's is {layout_hash():016x}")
        if last[1] != LAST or length != self.end:
            raise DamagedPart(f"a part of {self.size} bytes is cut, or more than one")
        if crc32c(0, self.data, self.size - sizeof(last)) != last[0]:
            raise DamagedPart(f"a part of {self.size} bytes is not what was written")
        return 0

    cdef const char *span(self, uint64_t size) except NULL nogil:
        """The next bytes, where they lie in the part; valid as long as the loader."""
        cdef const char *found = self.data + self.place
        if size > self.end - self.place:
            with gil:
                raise DamagedPart(f"{size} bytes are wanted where a part has {self.end - self.place}")
        self.place += size
        return found

    cdef int get(self, void *data, size_t size) except -1 nogil:
        """Take the next bytes. DamagedPart if there are not so many."""
        memcpy(data, self.span(size), size)
        return 0

    cdef uint64_t get_64(self) except? 0xFFFFFFFFFFFFFFFF nogil:
        cdef uint64_t value = 0
        self.get(&value, sizeof(value))
        return value

    cdef int expect(self, uint64_t value, const char *what) except -1 nogil:
        """Take a number that must be this one. DamagedPart."""
        cdef uint64_t found = self.get_64()
        if found != value:
            with gil:
                raise DamagedPart(f"{what.decode()}: {found} in a part, {value} here")
        return 0

    def read(self) -> bytes:
        """What `write` added. DamagedPart."""
        cdef uint64_t size = self.get_64()
        return (<const char *> self.span(size))[:size]

    def object(self, kind=None):
        """What `object` added, as `kind` where one is named. DamagedPart, msgspec.ValidationError."""
        return msgspec.msgpack.decode(self.read()) if kind is None else msgspec.msgpack.decode(self.read(), type=kind)

    def finish(self) -> None:
        """DamagedPart unless all was read."""
        if self.place != self.end:
            raise DamagedPart(f"{self.end - self.place} bytes of a part were not read")
