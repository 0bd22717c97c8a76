from libc.stdint cimport int64_t, uint64_t

cdef extern from "<sys/uio.h>" nogil:
    struct iovec:
        void *iov_base
        size_t iov_len

cdef enum Access:
    READ
    WRITE   # and read
    CREATE  # where it is missing, and write and read


# Every method below returns what POSIX returns, or a negative errno. A handle is what `open` returned; any file that is
# open is one of a FolderDisk.
cdef class Disk:
    cdef readonly object directory
    cdef readonly bint threads
    cdef int give_back(self) noexcept nogil
    cdef int open(self, const char *name, Access access) noexcept nogil
    cdef int close_file(self, int handle) noexcept nogil
    cdef int64_t read(self, int handle, char *out, uint64_t size, uint64_t offset) noexcept nogil
    cdef int64_t write(self, int handle, const iovec *spans, int count, uint64_t offset) noexcept nogil
    cdef int flow(self, int handle, uint64_t offset, uint64_t size) noexcept nogil
    cdef int sync(self, int handle) noexcept nogil
    cdef int forget(self, int handle) noexcept nogil
    cdef int truncate(self, int handle, uint64_t size) noexcept nogil
    cdef int64_t size(self, int handle) noexcept nogil
    cdef int rename(self, const char *old, const char *new) noexcept nogil
    cdef int remove(self, const char *name) noexcept nogil
    cdef int sync_directory(self) noexcept nogil
    cdef int64_t free_bytes(self) noexcept nogil
    cdef object error(self, int64_t code, str what)


cdef class FolderDisk(Disk):
    cdef int fd


cdef class PlayedDisk(Disk):
    cdef object raised
    cdef bytes data
    cdef int64_t play(self, str method, tuple arguments) noexcept
    cdef int64_t play_read(self, int handle, char *out, uint64_t size, uint64_t offset) noexcept
    cdef int64_t play_write(self, int handle, const iovec *spans, int count, uint64_t offset) noexcept
