from procs.gateway.order_form cimport Form, OrderTerms, Refusal, Text

cdef Refusal copy_id(Text text, char *out) noexcept nogil
cdef Refusal read_side(Text text, OrderTerms *terms) noexcept nogil
cdef Refusal read_values(const Form *form, OrderTerms *terms) noexcept nogil
cdef Text culprit(const Form *form, int code) noexcept nogil
