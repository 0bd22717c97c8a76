from libc.stdint cimport uint32_t

from lockstep.core.intake.order_form cimport Form, Text
from lockstep.procs.gateway.fix.message cimport Message

cdef void read_form(Message message, Form *form) noexcept nogil
cdef uint32_t read_entries(Message message, Form *forms, uint32_t most) noexcept nogil
cdef Text field_of(Message message, uint32_t tag) noexcept nogil
