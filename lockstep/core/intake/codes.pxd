from lockstep.core.schema.decimals cimport Grid


cdef enum:
    MAX_CODE = 256
    EXPLANATION_SIZE = 320

cdef size_t explain(int code, const char *sent, size_t size, const Grid *grid, char *out) noexcept nogil
cdef int ord_rej_reason(int code, bint fix42) noexcept nogil
cdef int cxl_rej_reason(int code, bint fix42) noexcept nogil
cdef int mass_rej_reason(int code) noexcept nogil
