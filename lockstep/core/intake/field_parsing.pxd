from libc.stdint cimport int64_t

from lockstep.core.intake.order_form cimport Form, OrderTerms, Refusal, Text
from lockstep.core.schema.decimals cimport Grid

cdef Refusal copy_id(Text text, char *out) noexcept nogil
cdef Refusal read_side(Text text, OrderTerms *terms) noexcept nogil
cdef Refusal read_values(const Form *form, OrderTerms *terms) noexcept nogil
cdef Refusal read_steps(
    Text text, const Grid *grid, bint is_price, int not_positive, int64_t *steps
) noexcept nogil
cdef Text culprit(const Form *form, int code) noexcept nogil
