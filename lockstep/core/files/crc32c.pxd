# CRC-32C (Castagnoli) of a span of memory; see crc32c.h.
from libc.stddef cimport size_t
from libc.stdint cimport uint32_t

cdef extern from "crc32c.h" nogil:
    uint32_t crc32c(uint32_t crc, const void *data, size_t size) noexcept
