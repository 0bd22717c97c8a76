"""Finds in a journal the few records that define and administer, among the many that trade.

It reads a range of sequences once, from disk; it changes nothing and knows no meaning but a record's type.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

from shm.journal cimport JournalReader
from shm.records cimport RECORD_SIZE, CommandRecord


def select(object directory, uint64_t first, uint64_t last, object types) -> list[bytes]:
    """The records `first` to `last` (which the journaler reported as durable) whose type is one of `types`, in order.

    JournalCorrupt, JournalError, OSError.
    """
    cdef JournalReader reader = JournalReader(directory, first, last)
    cdef uint8_t wanted[256]
    cdef const char *record = NULL
    found = []
    memset(wanted, 0, sizeof(wanted))
    for type in types:
        wanted[<uint8_t> type] = 1
    try:
        while True:
            with nogil:
                record = reader.peek()
                while record != NULL and not wanted[(<const CommandRecord *> record).type]:
                    reader.advance()
                    record = reader.peek()
            if record == NULL:
                return found
            found.append(record[:RECORD_SIZE])
            reader.advance()
    finally:
        reader.close()
