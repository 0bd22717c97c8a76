cdef enum:
    NAMES = 128
    NAME_SIZE = 24

cdef class Names:
    cdef char[NAMES][NAME_SIZE] text
    cdef const char *of(self, int value) noexcept nogil
