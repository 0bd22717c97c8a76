from libc.stdint cimport uint16_t, uint32_t

from procs.router.ledger cimport Ledger
from shm.records cimport ExtTermsRecord, ReplaceRecord

cdef uint16_t judge_replace(
    Ledger ledger, ReplaceRecord *record, uint32_t item, const ExtTermsRecord *terms
) noexcept nogil
