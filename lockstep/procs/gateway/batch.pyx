"""A batch of the message store's entries, which a file has all or none of.

With part of a batch, a client's message could be there without its answer: a start would neither give the answer
nor ask for the message again.
"""

from libc.errno cimport ENOSPC
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from lockstep.core.files.disk cimport Disk, iovec
from lockstep.procs.gateway.store_reader cimport StoreEntry


cdef int write_batch(Disk disk, int fd, char *entries, size_t size, uint64_t offset) noexcept nogil:
    """Write it with one call, or more if the kernel takes parts. On a negative errno, a start finds nothing of it."""
    cdef iovec span
    cdef StoreEntry none
    cdef size_t done = 0
    cdef int64_t wrote
    while done < size:
        span.iov_base = entries + done
        span.iov_len = size - done
        wrote = disk.write(fd, &span, 1, offset + done)
        if wrote < 0:
            if done or wrote != -ENOSPC:  # an error does not say how much was written
                memset(&none, 0, sizeof(StoreEntry))
                span.iov_base = <char *> &none
                span.iov_len = sizeof(StoreEntry)
                disk.write(fd, &span, 1, offset)  # no one reads past it; if it fails, nothing is left to try
            return <int> wrote
        done += <size_t> wrote
    return 0
