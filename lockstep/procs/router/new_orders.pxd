from libc.stdint cimport uint16_t

from lockstep.core.schema.records cimport ExtLegRecord, NewOrderRecord
from lockstep.procs.router.administration cimport Administration
from lockstep.procs.router.extensions cimport Extensions
from lockstep.procs.router.holds cimport Cost
from lockstep.procs.router.ledger cimport Ledger

cdef uint16_t judge_order(
    Ledger ledger, const Extensions *extensions, NewOrderRecord *record, bint is_leg, Cost *cost
) noexcept nogil
cdef uint16_t judge_list(
    Ledger ledger, const Extensions *extensions, NewOrderRecord *first, const ExtLegRecord *second
) noexcept nogil
cdef void stamp(Ledger ledger, Administration administration, NewOrderRecord *record) noexcept nogil
cdef void prepare_leg(
    Ledger ledger, Administration administration, const Extensions *extensions, ExtLegRecord *leg
) noexcept nogil
