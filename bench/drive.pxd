from libc.stdint cimport int64_t, uint64_t

from bench.encode cimport Encoder
from lockstep.core.venue.agent cimport Agent
from lockstep.shm.ring cimport Consumer, Producer

cdef void wait(uint64_t *spins) noexcept nogil
cdef int64_t write_log(Producer log, Encoder encoder, int64_t commands) noexcept nogil
cdef uint64_t drop(Consumer ring) noexcept nogil
