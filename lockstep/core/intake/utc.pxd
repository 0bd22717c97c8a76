from libc.stdint cimport int64_t

cdef int64_t parse_utc(const char *text, size_t size) noexcept nogil        # ns since the epoch; -1: no UTCTimestamp
cdef int64_t parse_date(const char *text, size_t size) noexcept nogil       # of its first moment; -1: no date
