from libc.stdint cimport uint64_t

from lockstep.core.files.disk cimport Disk

cdef int write_batch(Disk disk, int fd, char *entries, size_t size, uint64_t offset) noexcept nogil
