from lockstep.core.schema.records cimport CancelRecord, ExtTermsRecord, ReplaceRecord
from lockstep.procs.matcher.incoming cimport Incoming
from lockstep.procs.matcher.orders cimport Orders

cdef int cancel(Orders orders, const CancelRecord *command) except -1 nogil
cdef bint replace(
    Orders orders, Incoming *incoming, const ReplaceRecord *command, const ExtTermsRecord *terms
) except? -1 nogil
