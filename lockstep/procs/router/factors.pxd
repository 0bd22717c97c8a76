from libc.stdint cimport uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport FactorUseRecord, SecondFactorRecord
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    RECOVERY_CODES = 10
    CODES_OF_RECORD = 5
    RECOVERY_RECORDS = 2

cdef class Factors:
    cdef readonly dict by_account  # (secret, hashes of its recovery codes), of those who have one
    cdef dict used                 # of those: the last step, and which recovery codes, as bits
    cdef uint16_t define(self, const SecondFactorRecord *record, const char **extensions) except? 9999
    cdef int drop(self, uint32_t account) except -1
    cdef uint16_t use(self, const FactorUseRecord *record) except? 9999
    cdef uint64_t digest(self)
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1
