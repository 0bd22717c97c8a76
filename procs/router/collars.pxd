from libc.stdint cimport int64_t, uint8_t

from procs.router.holds cimport Listing
from shm.records cimport ExtTermsRecord, NewOrderRecord

cdef int64_t worst_price(const Listing *listing, int64_t price, uint8_t side) noexcept nogil
cdef int64_t stamped_price(
    const Listing *listing, const NewOrderRecord *order, const ExtTermsRecord *terms
) noexcept nogil
cdef int64_t trailed_price(const Listing *listing, uint8_t side, int64_t trail) noexcept nogil
