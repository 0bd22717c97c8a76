from libc.stdint cimport uint16_t, uint32_t

from lockstep.core.schema.records cimport ExtTermsRecord, ReplaceRecord
from lockstep.procs.router.ledger cimport Ledger

cdef uint16_t judge_replace(
    Ledger ledger, ReplaceRecord *record, uint32_t item, const ExtTermsRecord *terms
) noexcept nogil
