from libc.string cimport memcmp

from procs.gateway.forms cimport Form, Refusal, Terms, Text
from shm.records cimport CODE_OK

cdef Refusal copy_id(Text text, char *out) noexcept nogil
cdef Refusal read_side(Text text, Terms *terms) noexcept nogil
cdef Refusal read_values(const Form *form, Terms *terms) noexcept nogil
cdef Text culprit(const Form *form, int code) noexcept nogil


cdef inline Refusal refuse(int code, Text sent) noexcept nogil:
    cdef Refusal refusal
    refusal.code = code
    refusal.sent = sent
    refusal.grid.step = refusal.grid.scale = refusal.grid.most_decimals = 0
    return refusal


cdef inline Refusal fine() noexcept nogil:
    cdef Refusal refusal
    refusal.code = CODE_OK
    refusal.sent.at = NULL
    refusal.sent.size = 0
    refusal.grid.step = refusal.grid.scale = refusal.grid.most_decimals = 0
    return refusal


cdef inline bint is_text(Text text, const char *wanted, size_t size) noexcept nogil:
    return text.size == size and memcmp(text.at, wanted, size) == 0


cdef inline bint is_char(Text text, char wanted) noexcept nogil:
    return text.size == 1 and text.at[0] == wanted
