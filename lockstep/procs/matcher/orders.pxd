cimport cython
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    PHASE_CLOSING_AUCTION, PHASE_CONTINUOUS, PHASE_OPENING_AUCTION, PHASE_PRE_OPEN, PHASE_VOLATILITY_AUCTION, SIDE_BUY,
    InstrumentRecord, NewOrderRecord,
)
from lockstep.core.tables.index cimport Index, index_find, tag_of_serial
from lockstep.core.tables.pool cimport NIL, Pool, pool_at
from lockstep.procs.matcher.event_writer cimport EventWriter
from lockstep.procs.matcher.expiry cimport Heap
from lockstep.procs.matcher.levels cimport Ladder, Level, Levels, level_add, level_at, level_find, level_remove

cdef enum:
    MAX_INSTRUMENTS = 65536
    MAX_ACCOUNTS = 65536

# The ladders of an instrument: what its orders stand on.
cdef enum:
    ASKS = 0
    BIDS = 1
    FALLING = 2     # stops of sells, by stop price: the highest triggers first
    RISING = 3      # stops of buys: the lowest triggers first
    QUEUE = 4       # triggered and not yet incoming, at one key
    PARKED = 5      # waiting for something other than a price, by what it is
    LADDERS = 6
    OWNER_STEP = 8  # the owner of a ladder's levels is instrument x 8 + ladder

# Keys of PARKED.
cdef enum:
    FOR_LIST = 0
    FOR_OPEN = 1
    FOR_CLOSE = 2

# Flags of an order.
cdef enum:
    IS_DAY = 1
    IS_SHARED_DAY = 2   # a DAY order that ends with its instrument's day, and is in no heap
    IS_AT_OPEN = 4
    IS_AT_CLOSE = 8
    IS_POST_ONLY = 16
    SLIDES = 32

# One open order. Its id and instrument lead: the index looks at them.
cdef struct Order:
    uint64_t order_id
    uint32_t instrument
    uint32_t account
    int64_t leaves_lots
    int64_t filled_lots
    uint32_t level          # NIL while it is incoming, and once it is gone
    uint32_t next           # in the queue of its level
    uint32_t prev
    uint32_t terms          # NIL: none
    int16_t maker_fee_ppm
    int16_t taker_fee_ppm   # for a replace that trades at once
    uint8_t side
    uint8_t ord_type        # as it is now: a triggered stop is a market order, a triggered stop limit a limit order
    uint8_t stp
    uint8_t flags

# What only some orders have. It begins like an item of the heap of expiries.
cdef struct FurtherTerms:
    uint64_t expire_ns      # GTD, or DAY where the day's end is not the listing's; 0: none
    uint32_t place          # in the heap of expiries, from 1; 0: not in it
    uint32_t order          # whose they are
    int64_t price_ticks     # limit or worst price, of an order that waits
    int64_t stop_ticks      # of a stop that waits; 0: none yet
    int64_t trail_ticks
    int64_t extreme_ticks   # the price that a trailing stop counts from
    int64_t display_lots
    int64_t shown_lots
    int64_t minimum_lots    # of an order that waits
    uint32_t contingent           # the other order of its list while both are open
    uint32_t next           # in the chain of trailing stops, by order id
    uint32_t prev
    uint8_t list_kind       # with a contingent order
    uint8_t is_main
    uint8_t time_in_force
    uint8_t trails          # in the chain

cdef struct Listing:
    int64_t unit_value      # one tick x one lot, in the quote asset's smallest units
    int64_t lot_units       # one lot, in the base asset's smallest units
    int64_t reference_ticks  # what the static band stands on; 0: none
    int64_t last_ticks      # of the last trade
    bint has_traded
    bint is_listed
    uint8_t phase
    bint has_changed        # the book, since the last indicative price
    bint restricts          # it has bands
    bint starts_auction     # where they end
    uint16_t collar_bps
    uint16_t static_bps
    uint16_t dynamic_bps
    uint32_t auction_ms
    uint32_t day_end_s
    uint32_t day_orders     # that end with the day
    uint64_t day_ends_ns    # when they do
    uint64_t auction_ends_ns  # of a volatility auction
    uint64_t indicative_ns  # the next indicative price comes at the earliest then
    uint32_t first_trailing
    uint32_t last_trailing
    uint32_t trailing
    int64_t rise_ticks      # a price above this moves a trailing sell
    int64_t fall_ticks      # a price below this moves a trailing buy
    Ladder ladders[LADDERS]


@cython.final
cdef class Orders:
    cdef readonly EventWriter writer
    cdef Listing *listings      # by instrument
    cdef uint32_t listing_count
    cdef uint32_t *listed       # the numbers of the listed instruments, in order
    cdef uint32_t listed_count
    cdef uint32_t listed_capacity
    cdef Pool pool
    cdef Pool terms
    cdef Index by_id
    cdef Levels levels
    cdef Heap expiries
    cdef uint32_t *groups       # self-trade group by account
    cdef bint is_due_stale      # the time from which a tick changes something may have changed

cdef int list_instrument(Orders orders, const InstrumentRecord *command) except -1 nogil
cdef void unlist_instrument(Orders orders, uint32_t instrument) noexcept nogil
cdef Listing *list_number(Orders orders, uint32_t instrument) except NULL nogil
cdef uint32_t new_order(Orders orders, uint64_t order_id, uint32_t instrument) except 0 nogil
cdef uint8_t order_flags(const NewOrderRecord *command) noexcept nogil
cdef int end_with_day(Orders orders, uint32_t item) except -1 nogil
cdef void enchain(Orders orders, uint32_t item) noexcept nogil
cdef void unchain(Orders orders, uint32_t item) noexcept nogil
cdef uint32_t open_order(Orders orders, const NewOrderRecord *command) except 0 nogil
cdef uint32_t terms_of(Orders orders, uint32_t item) except 0 nogil
cdef void forget_terms(Orders orders, uint32_t item) noexcept nogil
cdef int link(Orders orders, uint32_t item, int ladder, int64_t key) except -1 nogil
cdef void unlink(Orders orders, uint32_t item) noexcept nogil
cdef void to_tail(Orders orders, uint32_t item) noexcept nogil
cdef void discard(Orders orders, uint32_t item) noexcept nogil
cdef void part(Orders orders, uint32_t item) noexcept nogil


cdef inline Order *order_at(Orders orders, uint32_t item) noexcept nogil:
    return <Order *> pool_at(&orders.pool, item)


cdef inline FurtherTerms *terms_at(Orders orders, uint32_t item) noexcept nogil:
    return <FurtherTerms *> pool_at(&orders.terms, item)


cdef inline Listing *listing_of(Orders orders, uint32_t instrument) noexcept nogil:
    return &orders.listings[instrument]


cdef inline bint is_listed(Orders orders, uint32_t instrument) noexcept nogil:
    return instrument < orders.listing_count and orders.listings[instrument].is_listed


cdef inline uint32_t find(Orders orders, uint64_t order_id, uint32_t instrument) noexcept nogil:
    """The open order with this id in this instrument, or NIL."""
    cdef uint32_t tag = tag_of_serial(&orders.by_id, order_id)
    return index_find(&orders.by_id, &orders.pool, tag, order_id, instrument)


cdef inline int book_side(uint8_t side) noexcept nogil:
    return BIDS if side == SIDE_BUY else ASKS


cdef inline int stop_side(uint8_t side) noexcept nogil:
    return RISING if side == SIDE_BUY else FALLING


cdef inline int64_t key_of(int ladder, int64_t price_ticks) noexcept nogil:
    """From price to key, and back: its own inverse. The best key is the least."""
    return ~price_ticks if ladder == BIDS or ladder == FALLING else price_ticks


cdef inline int ladder_of(const Level *level) noexcept nogil:
    return level.owner % OWNER_STEP


cdef inline int64_t price_of(const Level *level) noexcept nogil:
    return key_of(ladder_of(level), level.key)


cdef inline bint is_in_book(Orders orders, const Order *order) noexcept nogil:
    return order.level != NIL and ladder_of(level_at(&orders.levels, order.level)) <= BIDS


cdef inline bint is_akin(Orders orders, uint32_t account, uint32_t other) noexcept nogil:
    """Whether self-trade prevention counts two accounts as one."""
    return account == other or (orders.groups[account] != 0 and orders.groups[account] == orders.groups[other])


cdef inline bint is_trading(const Listing *listing) noexcept nogil:
    return listing.phase == PHASE_CONTINUOUS


cdef inline bint is_auction(uint8_t phase) noexcept nogil:
    return phase == PHASE_OPENING_AUCTION or phase == PHASE_VOLATILITY_AUCTION or phase == PHASE_CLOSING_AUCTION


cdef inline bint opens(uint8_t phase) noexcept nogil:
    """Whether orders at the open take part."""
    return phase == PHASE_PRE_OPEN or phase == PHASE_OPENING_AUCTION


cdef inline int64_t matchable(Orders orders, const Order *order) noexcept nogil:
    """What one match may take of a resting order: what the book shows of it."""
    cdef const FurtherTerms *terms = terms_at(orders, order.terms)
    return terms.shown_lots if order.terms != NIL and terms.display_lots else order.leaves_lots
