"""The rows of a batch that never change once written: trades, prevented ones, replaces, phases, actions, corrections.

Each is one event, encoded as it comes; it keeps no state between events, and never talks to the database.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from lockstep.core.schema.records cimport CMD_CANCEL_AFTER, CMD_KILL_SWITCH, SIDE_BUY, TRADE_FLAG_AUCTION
from lockstep.procs.batcher.encode cimport Buffer, int128
from lockstep.procs.batcher.listings cimport AssetRow, InstrumentRow, Listings
from lockstep.procs.batcher.names cimport NAME_SIZE, Names

from lockstep.core.schema.records import CommandType, KillScope, Phase, PhaseReason, SelfTrade, Side

cdef enum:
    TRADE_FIELDS = 15
    PHASE_FIELDS = 12
    ACTION_FIELDS = 15
    CORRECTION_FIELDS = 12
    PREVENTED_FIELDS = 16
    REPLACEMENT_FIELDS = 12

TRADE_COLUMNS = (
    "matcher", "trade_id", "symbol", "price", "quantity", "maker_order_id", "maker_user_id", "taker_order_id",
    "taker_user_id", "taker_side", "maker_fee", "taker_fee", "auction", "time", "seq",
)
PHASE_COLUMNS = (
    "matcher", "number", "symbol", "phase", "old_phase", "reason", "ends", "auction_price", "auction_quantity",
    "reference_price", "time", "seq",
)
ACTION_COLUMNS = (
    "number", "action", "user_id", "session_id", "target_id", "symbol", "side", "scope", "is_on", "cl_ord_id", "asset",
    "amount", "proposal", "time", "seq",
)
CORRECTION_COLUMNS = (
    "matcher", "trade_id", "symbol", "price", "quantity", "new_price", "buyer_id", "seller_id", "buyer_fee",
    "seller_fee", "time", "seq",
)
PREVENTED_COLUMNS = (
    "matcher", "prevented_match_id", "symbol", "price", "quantity", "maker_order_id", "maker_user_id",
    "maker_prevented", "taker_order_id", "taker_user_id", "taker_prevented", "taker_side", "self_trade", "trade_group",
    "time", "seq",
)
REPLACEMENT_COLUMNS = (
    "matcher", "number", "order_id", "symbol", "cl_ord_id", "old_price", "price", "old_remaining", "remaining",
    "kept_priority", "time", "seq",
)

assert len(TRADE_COLUMNS) == TRADE_FIELDS and len(PHASE_COLUMNS) == PHASE_FIELDS
assert len(ACTION_COLUMNS) == ACTION_FIELDS and len(CORRECTION_COLUMNS) == CORRECTION_FIELDS
assert len(PREVENTED_COLUMNS) == PREVENTED_FIELDS and len(REPLACEMENT_COLUMNS) == REPLACEMENT_FIELDS

cdef Names SIDES = Names(Side)
cdef Names SCOPES = Names(KillScope)
cdef Names SELF_TRADES = Names(SelfTrade)
cdef Names PHASES = Names(Phase)
cdef Names PHASE_REASONS = Names(PhaseReason)
cdef Names COMMANDS = Names(CommandType)


cdef inline void optional_decimal(Buffer out, int128 units, int scale, bint given) noexcept nogil:
    if given:
        out.decimal(units, scale)
    else:
        out.null()


cdef int write_trade(Buffer out, Listings listings, uint32_t ring, const TradedRecord *event) \
        except -1 nogil:
    cdef const InstrumentRow *terms = listings.instrument(event.instrument)
    cdef uint8_t base_scale = listings.asset(terms.base_asset).scale
    cdef uint8_t quote_scale = listings.asset(terms.quote_asset).scale
    cdef bint taker_buys = event.taker_side == SIDE_BUY
    out.row(TRADE_FIELDS)
    out.integer_16(ring)
    out.integer(<int64_t> event.number)
    out.id(terms.symbol, sizeof(terms.symbol))
    out.decimal(<int128> event.price_ticks * terms.tick_mantissa, terms.price_scale)
    out.decimal(<int128> event.quantity_lots * terms.lot_mantissa, terms.quantity_scale)
    out.integer(<int64_t> event.maker_order_id)
    out.integer_32(event.maker_account)
    out.integer(<int64_t> event.taker_order_id)
    out.integer_32(event.taker_account)
    out.text(SIDES.of(event.taker_side), NAME_SIZE)
    # A fee is in the asset that its payer receives: base for the buyer, quote for the seller.
    out.decimal(event.maker_fee, quote_scale if taker_buys else base_scale)
    out.decimal(event.taker_fee, base_scale if taker_buys else quote_scale)
    out.boolean(event.flags & TRADE_FLAG_AUCTION)
    out.time(event.time_ns)
    out.integer(<int64_t> event.cause)
    return 0


cdef int write_prevented(Buffer out, Listings listings, uint32_t ring, const PreventedRecord *event) \
        except -1 nogil:
    cdef const InstrumentRow *terms = listings.instrument(event.instrument)
    out.row(PREVENTED_FIELDS)
    out.integer_16(ring)
    out.integer(<int64_t> event.number)
    out.id(terms.symbol, sizeof(terms.symbol))
    out.decimal(<int128> event.price_ticks * terms.tick_mantissa, terms.price_scale)
    out.decimal(<int128> event.quantity_lots * terms.lot_mantissa, terms.quantity_scale)
    out.integer(<int64_t> event.maker_order_id)
    out.integer_32(event.maker_account)
    out.decimal(<int128> event.maker_lots * terms.lot_mantissa, terms.quantity_scale)
    out.integer(<int64_t> event.taker_order_id)
    out.integer_32(event.taker_account)
    out.decimal(<int128> event.taker_lots * terms.lot_mantissa, terms.quantity_scale)
    out.text(SIDES.of(event.taker_side), NAME_SIZE)
    out.text(SELF_TRADES.of(event.mode), NAME_SIZE)
    if event.trade_group:
        out.integer(event.trade_group)
    else:
        out.null()
    out.time(event.time_ns)
    out.integer(<int64_t> event.cause)
    return 0


cdef int write_replacement(Buffer out, Listings listings, uint32_t ring, const ReplacedRecord *event) \
        except -1 nogil:
    cdef const InstrumentRow *terms = listings.instrument(event.instrument)
    out.row(REPLACEMENT_FIELDS)
    out.integer_16(ring)
    out.integer(<int64_t> event.number)
    out.integer(<int64_t> event.order_id)
    out.id(terms.symbol, sizeof(terms.symbol))
    out.id(event.cl_ord_id, sizeof(event.cl_ord_id))
    out.decimal(<int128> event.old_price_ticks * terms.tick_mantissa, terms.price_scale)
    out.decimal(<int128> event.price_ticks * terms.tick_mantissa, terms.price_scale)
    out.decimal(<int128> event.old_leaves_lots * terms.lot_mantissa, terms.quantity_scale)
    out.decimal(<int128> event.leaves_lots * terms.lot_mantissa, terms.quantity_scale)
    out.boolean(event.kept_priority)
    out.time(event.time_ns)
    out.integer(<int64_t> event.cause)
    return 0


cdef int write_phase(Buffer out, Listings listings, uint32_t ring, const PhaseChangedRecord *event) \
        except -1 nogil:
    cdef const InstrumentRow *terms = listings.instrument(event.instrument)
    cdef bint traded = event.auction_lots > 0
    out.row(PHASE_FIELDS)
    out.integer_16(ring)
    out.integer(<int64_t> event.number)
    out.id(terms.symbol, sizeof(terms.symbol))
    out.text(PHASES.of(event.phase), NAME_SIZE)
    out.text(PHASES.of(event.old_phase), NAME_SIZE)
    out.text(PHASE_REASONS.of(event.reason), NAME_SIZE)
    if event.ends_ns:
        out.time(event.ends_ns)
    else:
        out.null()
    optional_decimal(out, <int128> event.auction_price_ticks * terms.tick_mantissa, terms.price_scale, traded)
    optional_decimal(out, <int128> event.auction_lots * terms.lot_mantissa, terms.quantity_scale, traded)
    optional_decimal(
        out, <int128> event.reference_price_ticks * terms.tick_mantissa, terms.price_scale,
        event.reference_price_ticks > 0)
    out.time(event.time_ns)
    out.integer(<int64_t> event.cause)
    return 0


cdef int write_action(Buffer out, Listings listings, const ConfirmedRecord *event) except -1 nogil:
    cdef const InstrumentRow *terms
    out.row(ACTION_FIELDS)
    out.integer(<int64_t> event.number)
    out.text(COMMANDS.of(event.command), NAME_SIZE)
    out.integer_32(event.account)
    out.integer_32(event.session)
    if event.target:
        out.integer_32(event.target)
    else:
        out.null()
    if event.instrument:
        terms = listings.instrument(event.instrument)
        out.id(terms.symbol, sizeof(terms.symbol))
    else:
        out.null()
    if event.command == CMD_KILL_SWITCH:  # the event has its scope where a mass cancel's has the side
        out.null()
        out.text(SCOPES.of(event.side), NAME_SIZE)
        out.boolean(event.is_on)
    else:
        if event.side:
            out.text(SIDES.of(event.side), NAME_SIZE)
        else:
            out.null()
        out.null()
        out.null()
    out.id(event.cl_ord_id, sizeof(event.cl_ord_id))
    write_money(out, listings, event)
    out.time(event.time_ns)
    out.integer(<int64_t> event.cause)
    return 0


cdef int write_money(Buffer out, Listings listings, const ConfirmedRecord *event) except -1 nogil:
    """Asset, amount and proposal, where the action has them."""
    cdef const AssetRow *asset
    if event.asset:
        asset = listings.asset(event.asset)
        out.id(asset.name, sizeof(asset.name))
        out.decimal(event.amount, asset.scale)
    else:
        out.null()
        out.null()
    if event.proposal:
        out.integer(<int64_t> event.proposal)
    else:
        out.null()
    return 0


cdef int write_correction(Buffer out, Listings listings, const CorrectedRecord *event) except -1 nogil:
    cdef const InstrumentRow *terms = listings.instrument(event.instrument)
    out.row(CORRECTION_FIELDS)
    out.integer_16(event.matcher)
    out.integer(<int64_t> event.trade_id)
    out.id(terms.symbol, sizeof(terms.symbol))
    out.decimal(<int128> event.price_ticks * terms.tick_mantissa, terms.price_scale)
    out.decimal(<int128> event.quantity_lots * terms.lot_mantissa, terms.quantity_scale)
    optional_decimal(
        out, <int128> event.new_price_ticks * terms.tick_mantissa, terms.price_scale, event.new_price_ticks > 0)
    out.integer_32(event.buyer)
    out.integer_32(event.seller)
    out.decimal(event.buyer_fee, listings.asset(terms.base_asset).scale)
    out.decimal(event.seller_fee, listings.asset(terms.quote_asset).scale)
    out.time(event.time_ns)
    out.integer(<int64_t> event.cause)
    return 0


cdef class History:
    """Rows in terms of `listings`; `tables` has their COPY data. `Batch` empties it with each batch that it begins.

    `corrected` has matcher and trade id of each trade that was corrected.
    """

    def __cinit__(self, Listings listings not None):
        self.listings = listings
        self.trades_out = Buffer()
        self.phases_out = Buffer()
        self.actions_out = Buffer()
        self.corrections_out = Buffer()
        self.prevented_out = Buffer()
        self.replacements_out = Buffer()

    def begin(self) -> None:
        """Forget all rows."""
        self.trades = 0
        self.corrected = []
        self.first_trade_ns = self.last_trade_ns = 0
        for buffer in (
            self.trades_out, self.phases_out, self.actions_out, self.corrections_out, self.prevented_out,
            self.replacements_out,
        ):
            (<Buffer> buffer).begin()

    def tables(self) -> dict[str, tuple[tuple[str, ...], memoryview]]:
        """Of each table: its columns, and its rows, if any, ready for COPY and valid until the next batch begins."""
        return {
            "trades": (TRADE_COLUMNS, self.trades_out.finished()),
            "phases": (PHASE_COLUMNS, self.phases_out.finished()),
            "actions": (ACTION_COLUMNS, self.actions_out.finished()),
            "corrections": (CORRECTION_COLUMNS, self.corrections_out.finished()),
            "prevented_matches": (PREVENTED_COLUMNS, self.prevented_out.finished()),
            "replacements": (REPLACEMENT_COLUMNS, self.replacements_out.finished()),
        }

    cdef int trade(self, uint32_t ring, const TradedRecord *event) except -1 nogil:
        if self.trades == 0:
            self.first_trade_ns = self.last_trade_ns = event.time_ns
        self.first_trade_ns = min(self.first_trade_ns, event.time_ns)
        self.last_trade_ns = max(self.last_trade_ns, event.time_ns)
        self.trades += 1
        return write_trade(self.trades_out, self.listings, ring, event)

    cdef int prevented(self, uint32_t ring, const PreventedRecord *event) except -1 nogil:
        return write_prevented(self.prevented_out, self.listings, ring, event)

    cdef int replace(self, uint32_t ring, const ReplacedRecord *event) except -1 nogil:
        return write_replacement(self.replacements_out, self.listings, ring, event)

    cdef int phase(self, uint32_t ring, const PhaseChangedRecord *event) except -1 nogil:
        return write_phase(self.phases_out, self.listings, ring, event)

    cdef int action(self, const ConfirmedRecord *event) except -1 nogil:
        """A row, but for a CANCEL_AFTER: that is a heartbeat, and its MASS_CANCEL has a row, should it come to that."""
        if event.command == CMD_CANCEL_AFTER:
            return 0
        return write_action(self.actions_out, self.listings, event)

    cdef int correct(self, const CorrectedRecord *event) except -1 nogil:
        with gil:
            self.corrected.append((event.matcher, event.trade_id))
        return write_correction(self.corrections_out, self.listings, event)
