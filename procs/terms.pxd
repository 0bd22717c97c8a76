from shm.records cimport ExtLegRecord, ExtTermsRecord, NewOrderRecord

cdef int order_fault(const NewOrderRecord *order, const ExtTermsRecord *terms) noexcept nogil
cdef int list_fault(const NewOrderRecord *first, const ExtLegRecord *second) noexcept nogil
