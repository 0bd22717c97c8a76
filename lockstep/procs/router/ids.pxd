from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from lockstep.core.schema.client_ids cimport load_short
from lockstep.core.schema.records cimport CL_ORD_ID_SIZE
from lockstep.core.tables.array cimport Array
from lockstep.core.tables.index cimport Index, fold, index_next, index_prefetch
from lockstep.core.tables.pool cimport NIL, Pool, pool_at
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    CLOSED_IDS = 65536   # per account (LOG-6)
    CLOSED = 0xFFFFFFFF

# Text and account are the key. `order` is the item of the open order that the id means; NIL once an event has ended
# that, and CLOSED from the marker on that settles it.
cdef struct ClientId:
    uint32_t link      # the order's id before this one; of a closed id, the account's id closed next
    uint32_t order
    uint64_t seq       # of the record that brought it
    uint32_t account
    char text[36]
    uint64_t time_ns   # of that record

# A queue by their links. An account's forgotten ids came at `forgotten_ns` or before.
cdef struct ClosedIds:
    uint32_t oldest
    uint32_t newest
    uint32_t count
    uint64_t forgotten_ns

cdef struct Closing:
    uint64_t seq
    uint32_t item

cdef class ClientIds:
    cdef Pool pool
    cdef Index index
    cdef ClosedIds *closed
    cdef Array closing
    cdef Array spare   # for the sorting of `closing`
    cdef readonly uint32_t limit
    cdef ClosedIds older        # of all accounts, behind the last `limit` of each
    cdef uint32_t most_older
    cdef uint64_t window_ns
    cdef uint64_t now_ns        # the log time of the record that is being sequenced
    cdef uint32_t add(
        self, uint32_t account, const char *text, uint32_t tag, uint64_t seq, uint32_t order
    ) except 0 nogil
    cdef int add_closed(self, uint32_t account, const char *text, uint32_t tag, uint64_t seq) except -1 nogil
    cdef int make_room(self, uint64_t accounts) except -1 nogil
    cdef int retire(self, uint32_t item) except -1 nogil
    cdef int retire_all(self, uint32_t newest) except -1 nogil
    cdef void settle(self) noexcept nogil
    cdef void close(self, uint32_t item) noexcept nogil
    cdef void keep_older(self, uint32_t most, uint64_t window_ns) noexcept nogil
    cdef void pass_on(self, ClosedIds *closed) noexcept nogil
    cdef void forget_oldest(self, ClosedIds *closed) noexcept nogil
    cdef bint may_be_forgotten(self, uint32_t account, uint64_t transact_ns) noexcept nogil
    cdef uint64_t digest_of(self, uint32_t item) noexcept nogil
    cdef uint64_t digest_of_queue(self, const ClosedIds *queue) noexcept nogil
    cdef list texts_of(self, const ClosedIds *queue)
    cdef void put_last(self, ClosedIds *queue, uint32_t item) noexcept nogil
    cdef uint32_t take_first(self, ClosedIds *queue) noexcept nogil
    cdef bint is_over(self, uint32_t item) noexcept nogil
    cdef uint64_t state_hash(self) noexcept nogil
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1


cdef inline uint64_t hash_words(uint32_t account, const uint64_t *words, const uint64_t *secrets) noexcept nogil:
    return fold(
        fold(words[0] ^ secrets[0], words[1] ^ secrets[1]) ^ words[4] ^ <uint64_t> account << 32,
        fold(words[2] ^ secrets[2], words[3] ^ secrets[3]) ^ secrets[4],
    )


cdef inline uint64_t hash_id(uint32_t account, const char *text, const uint64_t *secrets) noexcept nogil:
    cdef uint64_t words[5]
    words[4] = 0
    memcpy(words, text, CL_ORD_ID_SIZE)
    return hash_words(account, words, secrets)


cdef inline uint32_t tag_of_id(ClientIds ids, uint32_t account, const char *text) noexcept nogil:
    """What the table knows an id by: its 36 bytes, padded with zeros, and its account."""
    return <uint32_t> (hash_id(account, text, ids.index.secrets) >> 32)


cdef inline uint32_t tag_of_short(ClientIds ids, uint32_t account, const char *text) noexcept nogil:
    """As `tag_of_id`, for an id given by its first `SHORT_ID` bytes: zeros would follow."""
    cdef uint64_t words[5]
    load_short(words, text)
    words[3] = words[4] = 0
    return <uint32_t> (hash_words(account, words, ids.index.secrets) >> 32)


cdef inline bint is_same(const char *one, const char *other) noexcept nogil:
    """Compares two ids of 36 bytes; faster than memcmp."""
    cdef uint64_t ones[5]
    cdef uint64_t others[5]
    ones[4] = others[4] = 0
    memcpy(ones, one, CL_ORD_ID_SIZE)
    memcpy(others, other, CL_ORD_ID_SIZE)
    return (
        ones[0] ^ others[0] | ones[1] ^ others[1] | ones[2] ^ others[2] | ones[3] ^ others[3] | ones[4] ^ others[4]
    ) == 0


cdef inline ClientId *id_at(ClientIds ids, uint32_t item) noexcept nogil:
    return <ClientId *> pool_at(&ids.pool, item)


cdef inline bint is_id(ClientIds ids, uint32_t item, uint32_t account, const char *text) noexcept nogil:
    return id_at(ids, item).account == account and is_same(id_at(ids, item).text, text)


cdef inline uint32_t find_id(ClientIds ids, uint32_t account, const char *text, uint32_t tag) noexcept nogil:
    """The item of an id, 36 bytes padded with zeros; NIL if the account has not used it, or only long ago."""
    cdef uint32_t place = tag
    cdef uint32_t item = index_next(&ids.index, tag, &place)
    while item != NIL:
        if is_id(ids, item, account, text):
            break
        item = index_next(&ids.index, tag, &place)
    return item
