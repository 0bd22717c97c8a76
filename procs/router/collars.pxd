from libc.stdint cimport int64_t, uint8_t

from procs.router.holds cimport Listing
from procs.router.orders cimport OpenOrder
from shm.records cimport ExtTermsRecord, NewOrderRecord

cdef int64_t stamped_price(
    const Listing *listing, const NewOrderRecord *order, const ExtTermsRecord *terms
) noexcept nogil
cdef int64_t restamped_price(
    const Listing *listing, const OpenOrder *order, const ExtTermsRecord *terms, int64_t present
) noexcept nogil
