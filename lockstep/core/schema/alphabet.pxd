cdef bint is_id(const char *text, size_t size) noexcept nogil
cdef bint is_text(const char *text, size_t size) noexcept nogil
cdef size_t put_shown(char *out, const char *padded, size_t most) noexcept nogil    # at most 4 bytes for each of `most`
