"""What commands have set: each setting's last record, by its type and subject."""

from libc.stdint cimport uint64_t

from lockstep.core.schema.records cimport RECORD_SIZE
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.verdicts cimport crc_of_body


cdef class Settings:
    """`records` has each as it was sequenced."""

    def __cinit__(self):
        self.records = {}

    cdef int keep(self, tuple key, const char *record) except -1:
        self.records[key] = record[:RECORD_SIZE]
        return 0

    cdef bytes record(self, tuple key):
        """The last record of a setting; an empty one if it was never set."""
        return self.records.get(key, bytes(RECORD_SIZE))

    cdef uint64_t digest(self):
        cdef uint64_t digest = 0
        for key, record in self.records.items():
            digest += scramble(crc_of_body(0, <const char *> (<bytes> record)), hash_of(key))
        return digest

    cdef int save(self, Saver saver) except -1:
        saver.object(list(self.records.items()))
        return 0

    cdef int load(self, Loader loader) except -1:
        self.records = dict(loader.object(list[tuple[tuple[int, ...], bytes]]))
        return 0


cdef uint64_t hash_of(tuple key) except? 0:
    """Equal for equal keys of small numbers in every process, which Python does not promise."""
    cdef uint64_t digest = 0
    for part in key:
        digest = scramble(digest, part + 1)
    return digest
