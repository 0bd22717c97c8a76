from libc.stdint cimport uint64_t

from lockstep.core.schema.records cimport CorrectedRecord, EventRecord
from lockstep.procs.publisher.market cimport Market

cdef int market_apply(Market *market, const EventRecord *event) except -1 nogil
cdef int market_complete(Market *market) except -1 nogil
cdef int market_move(Market *market, int matcher, uint64_t next_number) except -1 nogil
cdef int market_correct(Market *market, const CorrectedRecord *event) except -1
cdef int market_settle(Market *market, uint64_t below) except -1 nogil
cdef int market_roll(Market *market, uint64_t clock_ns) except -1 nogil
cdef void market_tick(Market *market, int cadence) noexcept nogil
cdef int market_publish(Market *market) except -1 nogil
