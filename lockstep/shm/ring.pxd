from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.schema.records cimport SLOT_SIZE
from lockstep.shm.atomics cimport fence_release, prefetch, prefetch_for_write, store_relaxed
from lockstep.shm.bell cimport Bells

cdef enum:
    MAX_CONSUMERS = 16
    RING_HEADER_SIZE = 4096
    CLAIMS_AHEAD = 8        # how far before its turn a slot is asked for, which consumers on other cores have read

cdef enum Observed:
    OBSERVED_RECORD = 0
    OBSERVED_NOTHING_YET = 1
    OBSERVED_OVERRUN = 2

cdef struct ConsumerLine:
    uint64_t cursor
    uint32_t gating
    uint32_t bell
    char name[32]
    uint64_t left_ns
    char pad[72]

cdef struct RingHeader:
    uint64_t magic
    uint64_t schema_hash
    uint64_t capacity
    uint64_t first_seq
    uint32_t incarnation
    uint32_t consumer_count
    char pad[88]
    uint64_t published
    char pad_published[120]
    ConsumerLine consumers[MAX_CONSUMERS]

cdef class Ring:
    cdef RingHeader *header
    cdef char *slots
    cdef uint64_t mask
    cdef object buffer
    cdef Bells bells
    cdef uint64_t lowest_cursor(self) noexcept nogil
    cdef ConsumerLine *line_of(self, str name) except NULL

cdef class Producer:
    cdef readonly Ring ring
    cdef readonly uint64_t next
    cdef uint64_t gate
    cdef uint64_t free(self, uint64_t wanted) noexcept nogil
    cdef char *claim(self, uint64_t seq) noexcept nogil
    cdef void publish(self, uint64_t last) noexcept nogil

cdef class Consumer:
    cdef readonly Ring ring
    cdef readonly uint64_t next
    cdef ConsumerLine *line
    cdef uint64_t seen
    cdef uint64_t available(self) noexcept nogil
    cdef const char *at(self, uint64_t seq) noexcept nogil
    cdef void release(self, uint64_t last) noexcept nogil

cdef class Observer:
    cdef readonly Ring ring
    cdef Observed copy(self, uint64_t seq, char *out) noexcept nogil


cdef inline const char *record_at(Consumer consumer, uint64_t seq) noexcept nogil:
    """`Consumer.at`, for those who ask about every record."""
    return consumer.ring.slots + (seq & consumer.ring.mask) * SLOT_SIZE + 8


cdef inline void prefetch_record(Consumer consumer, uint64_t seq) noexcept nogil:
    """Asks for a record ahead of its turn: another core has just written it. A hint."""
    cdef const char *slot = consumer.ring.slots + (seq & consumer.ring.mask) * SLOT_SIZE
    prefetch(slot)
    prefetch(slot + SLOT_SIZE // 2)


cdef inline char *claim_at(Producer producer, uint64_t seq) noexcept nogil:
    """`Producer.claim`, for those who claim every record."""
    cdef char *slot = producer.ring.slots + (seq & producer.ring.mask) * SLOT_SIZE
    cdef char *later = producer.ring.slots + ((seq + CLAIMS_AHEAD) & producer.ring.mask) * SLOT_SIZE
    prefetch_for_write(later)
    prefetch_for_write(later + SLOT_SIZE // 2)
    store_relaxed(<uint64_t *> slot, (seq << 1) | 1)
    fence_release()
    return slot + 8
