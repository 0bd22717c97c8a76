# What records of the log share: a verdict, a client id, and a header before what each says.
from libc.stdint cimport uint16_t, uint32_t

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport RECORD_SIZE, CommandRecord

cdef enum:
    HEADER_SIZE = sizeof(CommandRecord)

cdef uint16_t *verdict_of(char *record) noexcept nogil
cdef const char *client_id_of(const char *record) noexcept nogil


cdef inline uint32_t crc_of_body(uint32_t seed, const void *record) noexcept nogil:
    """Of all behind the header."""
    return crc32c(seed, <const char *> record + HEADER_SIZE, RECORD_SIZE - HEADER_SIZE)
