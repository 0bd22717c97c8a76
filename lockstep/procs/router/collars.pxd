from libc.stdint cimport int64_t, uint8_t

from lockstep.core.schema.records cimport ExtTermsRecord, NewOrderRecord
from lockstep.procs.router.holds cimport Listing
from lockstep.procs.router.orders cimport OpenOrder

cdef int64_t stamped_price(
    const Listing *listing, const NewOrderRecord *order, const ExtTermsRecord *terms
) noexcept nogil
cdef int64_t restamped_price(
    const Listing *listing, const OpenOrder *order, const ExtTermsRecord *terms, int64_t present
) noexcept nogil
