from libc.stdint cimport int64_t, uint8_t, uint32_t

from lockstep.core.schema.records cimport (
    ActivateRecord, ExtLegRecord, ExtListNameRecord, ExtTermsRecord, NewOrderRecord,
)
from lockstep.procs.matcher.incoming cimport Incoming
from lockstep.procs.matcher.orders cimport Listing, Order, Orders

# The extensions that came before their command.
cdef struct Extensions:
    ExtTermsRecord terms
    ExtTermsRecord leg_terms
    ExtLegRecord leg
    ExtListNameRecord name

cdef void note_terms(Extensions *extensions, const ExtTermsRecord *command) noexcept nogil
cdef void note_leg(Extensions *extensions, const ExtLegRecord *command) noexcept nogil
cdef void note_name(Extensions *extensions, const ExtListNameRecord *command) noexcept nogil
cdef bint enter(
    Orders orders, Incoming *incoming, const NewOrderRecord *command, const Extensions *extensions
) except? -1 nogil
cdef bint activate(Orders orders, Incoming *incoming, const ActivateRecord *command) except? -1 nogil
cdef int start(Orders orders, Incoming *incoming, uint32_t item, uint8_t reason) except -1 nogil
cdef const ExtTermsRecord *terms_before(const NewOrderRecord *command, const Extensions *extensions) noexcept nogil
cdef const char *name_before(const NewOrderRecord *command, const Extensions *extensions) noexcept nogil
cdef bint has_to_wait(const Listing *listing, const NewOrderRecord *command) noexcept nogil
cdef bint awaits_activation(Orders orders, const Order *order) noexcept nogil
cdef void slide(Orders orders, Incoming *incoming) noexcept nogil
cdef bint collects(const Listing *listing) noexcept nogil
cdef int still_code(const Listing *listing) noexcept nogil
cdef bint is_outside(const Listing *listing, uint8_t ord_type, int64_t price_ticks) noexcept nogil
cdef bint would_take(
    Orders orders, uint32_t instrument, uint8_t side, int64_t price_ticks, uint8_t flags
) noexcept nogil
