from libc.stdint cimport uint64_t

from shm.disk cimport Disk

cdef int write_batch(Disk disk, int fd, char *entries, size_t size, uint64_t offset) noexcept nogil
