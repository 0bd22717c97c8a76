from procs.matcher.incoming cimport Incoming
from procs.matcher.orders cimport Orders
from shm.records cimport CancelRecord, ExtTermsRecord, ReplaceRecord

cdef int cancel(Orders orders, const CancelRecord *command) except -1 nogil
cdef bint replace(
    Orders orders, Incoming *incoming, const ReplaceRecord *command, const ExtTermsRecord *terms
) except? -1 nogil
