from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport SIDE_BUY, ExtLegRecord, InstrumentRecord, NewOrderRecord, ReplaceRecord
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.accounts cimport (
    ACCOUNT_AUDITOR, ACCOUNT_BLOCKED, ACCOUNT_POSITIONS, SESSION_BLOCKED, Account, Accounts,
)
from lockstep.procs.router.balances cimport Balances
from lockstep.procs.router.ids cimport ClientIds
from lockstep.procs.router.orders cimport OpenOrder, OpenOrders, widest_terms
from lockstep.procs.router.positions cimport Positions

cdef enum:
    MAX_INSTRUMENTS = 4096

cdef struct Listing:
    InstrumentRecord terms
    int64_t last_price_ticks   # of the last settled trade; 0 before any
    int64_t max_quantity_lots  # 0: no limit
    int64_t max_value
    uint8_t phase              # the last that a command gave; its matcher may have gone on from there

# What an order comes to.
cdef struct Cost:
    int64_t held               # what it can cost at most, of the asset that it pays with
    int64_t incoming           # what a buy would bring, of the base asset
    int64_t lots
    int64_t value              # of the quote asset

# What open orders have taken of their account: one order, or two that exclude each other.
cdef struct Stake:
    int64_t held
    int64_t incoming           # 0 if nobody counts it

cdef Stake NOTHING

cdef class Holds:
    cdef readonly ClientIds ids
    cdef readonly OpenOrders orders
    cdef readonly Balances balances
    cdef readonly Positions positions
    cdef Accounts accounts
    cdef Listing *listings
    cdef uint32_t instrument_count
    cdef uint16_t cost_of(
        self, const Listing *listing, uint8_t side, bint is_budget, int64_t price, int64_t quantity, Cost *cost
    ) noexcept nogil
    cdef uint16_t can_bear(
        self, const Listing *listing, uint32_t account, uint8_t side, const Cost *cost, const Stake *has
    ) noexcept nogil
    cdef uint16_t can_pay(self, uint32_t account, uint32_t asset, int64_t held, uint32_t *payer) noexcept nogil
    cdef int open(self, const NewOrderRecord *record, uint32_t payer, uint32_t tag) except -1 nogil
    cdef uint32_t enter(self, const NewOrderRecord *record, uint32_t payer, uint32_t tag) except 0 nogil
    cdef int open_list(
        self, const NewOrderRecord *first, uint32_t first_tag, const ExtLegRecord *second, uint32_t second_tag
    ) except -1 nogil
    cdef uint16_t can_replace(self, uint32_t item, const ReplaceRecord *replace) noexcept nogil
    cdef int begin_replace(
        self, uint32_t item, const ReplaceRecord *replace, const char *own_id, uint32_t tag
    ) except -1 nogil
    cdef int shorten_ids(self, uint32_t item) except -1 nogil
    cdef int limit_position(self, uint32_t account, uint32_t asset, int64_t max_units) except -1 nogil
    cdef bint would_bring(self, const OpenOrder *order, uint32_t account, uint32_t asset) noexcept nogil
    cdef int release(
        self, const OpenOrder *order, const Stake *before, const Stake *after, int64_t paid
    ) except -1 nogil
    cdef Stake special_stake(self, const OpenOrder *order) noexcept nogil
    cdef Stake stake_alone(self, const OpenOrder *order) noexcept nogil
    cdef uint32_t pays_with(self, const OpenOrder *order) noexcept nogil
    cdef int save_holds(self, Saver saver) except -1
    cdef int load_holds(self, Loader loader) except -1


cdef inline Stake stake_of(Holds holds, const OpenOrder *order) noexcept nogil:
    """What an open order has taken of its account, together with the one that it excludes.

    It is the most that it can still cost, whichever of its terms are in force when it trades. It fits: `cost_of` and
    `can_replace` have made sure.
    """
    cdef const Listing *listing = &holds.listings[order.instrument]
    cdef int64_t price, leaves
    cdef Stake stake
    if order.flags != 0:
        return holds.special_stake(order)
    widest_terms(holds.orders, order, &price, &leaves)
    stake.incoming = 0
    stake.held = leaves * listing.terms.lot_units
    if order.side == SIDE_BUY:
        stake.held = price * leaves * listing.terms.unit_value
    return stake


cdef inline bint has_room_for(Holds holds, const OpenOrder *order, const ReplaceRecord *replace) noexcept nogil:
    """Whether a replace certainly asks for no more, in price or quantity, than the order has taken already.

    Then only an instrument's limits can forbid it.
    """
    cdef int64_t price, leaves
    widest_terms(holds.orders, order, &price, &leaves)
    return (
        order.flags == 0 and order.leaves_lots == order.quantity_lots
        and replace.price_ticks <= price and replace.quantity_lots <= leaves
    )


cdef inline bint is_limited(const Account *account, const Account *session, const Listing *listing) noexcept nogil:
    """Whether any switch or limit may apply to an order."""
    return (
        (account.flags | session.flags) & (ACCOUNT_BLOCKED | SESSION_BLOCKED | ACCOUNT_POSITIONS | ACCOUNT_AUDITOR) != 0
        or account.max_orders != 0 or account.max_open_orders != 0 and account.open_orders >= account.max_open_orders
        or listing.max_quantity_lots | listing.max_value != 0
    )
