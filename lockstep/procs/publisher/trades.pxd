from libc.stdint cimport int64_t, uint64_t

from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    KEY_BITS = 56            # of a key that are the trade's number; the matcher's is above them

cdef struct Trade:
    uint64_t key             # matcher and number: keys of one matcher grow
    uint64_t cause           # the command that traded
    uint64_t taker_order_id  # 0: not known
    uint64_t time_ns
    int64_t price_ticks
    int64_t lots
    uint64_t taker_buys

# The last trades of an instrument, as they stand: none that was undone, prices as they were corrected.
cdef struct Trades:
    Trade *items             # the oldest first
    uint64_t count
    uint64_t capacity
    uint64_t known_ns        # it has all trades since then; 0: since the first
    uint64_t known_key       # the last one that was dropped; 0: none was
    uint64_t known_seq       # and its command

# Fills in a row of one taker's order, by one command, at one price.
cdef struct Aggregate:
    uint64_t first_key
    uint64_t last_key
    uint64_t time_ns
    int64_t price_ticks
    int64_t lots
    uint64_t taker_buys

cdef uint64_t key_of_trade(int matcher, uint64_t number) noexcept nogil
cdef int matcher_of(uint64_t key) noexcept nogil
cdef uint64_t number_of(uint64_t key) noexcept nogil
cdef int trades_add(Trades *trades, const Trade *trade) except -1 nogil
cdef Trade *trades_find(Trades *trades, uint64_t key) noexcept nogil
cdef void trades_remove(Trades *trades, Trade *trade) noexcept nogil
cdef uint64_t trade_position(const Trades *trades, uint64_t time_ns) noexcept nogil
cdef bint is_one(const Trade *a, const Trade *b) noexcept nogil
cdef uint64_t aggregate_before(const Trades *trades, uint64_t end, Aggregate *out) noexcept nogil
cdef void trades_bare(Trades *trades) noexcept nogil
cdef int trades_save(const Trades *trades, Saver out) except -1
cdef int trades_load(Trades *trades, Loader part) except -1
cdef void trades_free(Trades *trades) noexcept nogil
