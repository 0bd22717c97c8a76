from libc.stdint cimport uint8_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport SLOT_SIZE

cdef enum:
    PAGE_SIZE = 4096
    BATCH_HEADER_SIZE = 128
    MAX_BATCH_RECORDS = 4095  # with its header, a full batch is 128 pages exactly
    BUFFER_SIZE = 1 << 20
    FORMAT_VERSION = 2
    NAME_SIZE = 64
    VENUE_SIZE = 40

cdef extern from *:
    """
    #define JOURNAL_SEGMENT_MAGIC 0x31304C4E524A534CULL /* "LSJRNL01" */
    #define JOURNAL_BATCH_MAGIC 0x313048435442534CULL   /* "LSBTCH01" */
    """
    uint64_t SEGMENT_MAGIC "JOURNAL_SEGMENT_MAGIC"
    uint64_t BATCH_MAGIC "JOURNAL_BATCH_MAGIC"

cdef struct SegmentHeader:
    uint64_t magic
    uint32_t crc
    uint32_t version
    uint64_t schema_hash
    uint8_t journal_id[16]
    uint64_t segment
    uint64_t first_seq
    uint64_t chain
    uint32_t epoch
    uint32_t reserved
    uint64_t durable_seq
    char venue[VENUE_SIZE]
    char pad[3976]

cdef struct BatchHeader:
    uint64_t magic
    uint32_t crc
    uint32_t count
    uint8_t journal_id[16]
    uint64_t segment
    uint64_t first_seq
    uint64_t durable_seq
    uint64_t chain
    uint32_t epoch
    char pad[60]


cdef inline uint64_t batch_size(uint64_t count) noexcept nogil:
    """Bytes of a batch of `count` records in the file: header, slots, and padding to whole pages."""
    return (BATCH_HEADER_SIZE + count * SLOT_SIZE + PAGE_SIZE - 1) // PAGE_SIZE * PAGE_SIZE


cdef inline uint64_t mix(uint64_t chain, uint64_t seq, uint32_t crc) noexcept nogil:
    """The chained hash after a record: SplitMix64's finalizer (Steele, Lea, Flood 2014) over the chain so far."""
    cdef uint64_t x = (chain ^ crc) + seq * <uint64_t>0x9E3779B97F4A7C15ULL
    x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9ULL
    x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EBULL
    return x ^ (x >> 31)


cdef uint64_t schema_hash
cdef uint32_t segment_crc(const SegmentHeader *header) noexcept nogil
cdef uint32_t batch_crc(const BatchHeader *header) noexcept nogil
cdef void segment_name(char *out, uint64_t first_seq) noexcept nogil
cdef bint is_segment(const SegmentHeader *header, const uint8_t *journal_id) noexcept nogil
cdef bint is_batch(const BatchHeader *header, const uint8_t *journal_id, uint64_t segment) noexcept nogil
cdef const char *judge_records(const BatchHeader *header, uint64_t *chain) noexcept nogil
