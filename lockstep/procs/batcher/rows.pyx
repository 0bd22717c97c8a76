"""A batch of events, coalesced into the rows that they leave behind: final order states, trades, last balances.

It makes no Python object per event (definitions apart, which are few), and never talks to the database.
"""

from base64 import b64encode

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from lockstep.core.schema.records cimport (
    CANCEL_REASON_AUCTION_ENDED, CANCEL_REASON_EXPIRED, CANCEL_REASON_SELF_TRADE, EVT_ACCEPTED, EVT_ACCOUNT_DEFINED,
    EVT_ASSET_DEFINED, EVT_BALANCE, EVT_CANCELLED, EVT_CONFIRMED, EVT_CORRECTED, EVT_EPOCH_BEGUN,
    EVT_EXT_CREDENTIAL, EVT_EXT_LIST_NAME, EVT_EXT_TERMS, EVT_INSTRUMENT_DEFINED, EVT_PHASE_CHANGED, EVT_PREVENTED,
    EVT_REPLACED, EVT_RESTATED, EVT_TRADED, EVT_TRIGGERED,
    ORDER_STATE_WAITING, RESTATE_REASON_SELF_TRADE, SLOT_SIZE,
    AcceptedRecord, BalanceRecord, CancelledRecord, ConfirmedRecord, CorrectedRecord, EpochBegunRecord,
    EventRecord, ExtListNameEventRecord, ExtTermsEventRecord, PhaseChangedRecord, PreventedRecord, ReplacedRecord,
    RestatedRecord, TradedRecord, TriggeredRecord,
)
from lockstep.procs.batcher.candles cimport Candles
from lockstep.procs.batcher.encode cimport Buffer, int128
from lockstep.procs.batcher.history cimport History
from lockstep.procs.batcher.listings cimport AssetRow, Listings
from lockstep.procs.batcher.order_rows cimport (
    STATE_CANCELED, STATE_EXPIRED, STATE_FILLED, STATE_NEW, STATE_PARTIALLY_FILLED, STATE_TRIGGERED, STATE_UNCHANGED,
    STATE_WAITING, FurtherTerms, OrderRow, encode_changed, encode_created,
)
from lockstep.procs.batcher.positions cimport Positions
from lockstep.procs.batcher.spool cimport FRAME_RECORDS, RINGS

from lockstep.core.schema.layout import unpack_event
from lockstep.core.schema.records import (
    RECORD_SIZE, AccountDefined, AssetDefined, ExtCredentialEvent, InstrumentDefined,
)

cdef enum:
    BALANCE_FIELDS = 6

BALANCE_COLUMNS = ("user_id", "asset", "free", "held", "total", "seq")

assert len(BALANCE_COLUMNS) == BALANCE_FIELDS


cdef inline bint has_expired(uint8_t reason) noexcept nogil:
    """Whether its time was over, or that of its auction: FIX calls that expired."""
    return reason == CANCEL_REASON_EXPIRED or reason == CANCEL_REASON_AUCTION_ENDED


cdef inline uint64_t mixed(uint64_t key) noexcept nogil:
    return (key * <uint64_t> 0x9E3779B97F4A7C15) >> 20


cdef class Batch:
    """Rows of at most `batch_rows` events and one frame more. `begin` starts a batch after a database's watermark.

    `epoch` is the last one that begins in it, 0 if none does. Order rows that the batch creates are whole; orders from
    before it get a change: what to add to quantity, filled and prevented, and the new value, if any, of the rest.
    Instruments, assets and positions stay known from batch to batch.
    """

    def __cinit__(self, uint64_t batch_rows):
        cdef uint64_t size = 1
        self.capacity = batch_rows + FRAME_RECORDS
        # A trade touches two orders; half of the index stays free.
        while size < 4 * self.capacity:
            size *= 2
        self.index_mask = size - 1
        self.orders = <OrderRow *> malloc(2 * self.capacity * sizeof(OrderRow))
        self.order_index = <uint32_t *> malloc(size * sizeof(uint32_t))
        self.balance_rows = <BalanceRow *> malloc(self.capacity * sizeof(BalanceRow))
        self.balance_index = <uint32_t *> malloc(size * sizeof(uint32_t))
        if self.orders == NULL or self.order_index == NULL or self.balance_rows == NULL or self.balance_index == NULL:
            raise MemoryError
        self.listings = Listings()
        self.history = History(self.listings)
        self.candles = Candles(self.listings)
        self.positions = Positions(self.listings)
        self.orders_out = Buffer()
        self.changes_out = Buffer()
        self.balances_out = Buffer()
        self.begin([0] * RINGS, 0)

    def __dealloc__(self):
        free(self.orders)
        free(self.order_index)
        free(self.balance_rows)
        free(self.balance_index)

    def begin(self, numbers: list[int], complete_seq: int) -> None:
        """Empty the batch; events up to `numbers[ring]` are in the database and will be skipped."""
        for ring in range(RINGS):
            self.last[ring] = numbers[ring]
            self.last_cause[ring] = self.last_time_ns[ring] = 0
        self.complete_seq = complete_seq
        self.epoch = 0
        self.events = self.created = self.changed = self.balances = self.order_count = 0
        self.history.begin()
        self.candles.begin()
        self.positions.begin()
        self.assets_defined, self.instruments_defined, self.users_defined = {}, {}, {}
        self.credential = b""
        memset(self.order_index, 0, (self.index_mask + 1) * sizeof(uint32_t))
        memset(self.balance_index, 0, (self.index_mask + 1) * sizeof(uint32_t))
        memset(&self.terms, 0, sizeof(FurtherTerms))
        memset(self.list_name, 0, sizeof(self.list_name))
        for buffer in (self.orders_out, self.changes_out, self.balances_out):
            (<Buffer> buffer).begin()

    @property
    def numbers(self) -> list[int]:
        """The last event number of each ring once this batch is in the database."""
        return [self.last[ring] for ring in range(RINGS)]

    @property
    def causes(self) -> list[int]:
        """The cause of each ring's last event in this batch; 0 if it has none."""
        return [self.last_cause[ring] for ring in range(RINGS)]

    @property
    def times_ns(self) -> list[int]:
        """The log time of these causes."""
        return [self.last_time_ns[ring] for ring in range(RINGS)]

    @property
    def boot(self) -> str:
        """Which start of a node began `epoch`, in hexadecimal digits; "" if the batch has no beginning of an epoch."""
        return self.boot_id[:sizeof(self.boot_id)].hex() if self.epoch else ""

    def add_bytes(self, uint32_t ring, uint64_t first, const uint8_t[::1] slots) -> None:
        """Apply whole slots (128 bytes each) of one ring. Raises ValueError at a gap in the numbers."""
        if slots.shape[0] % SLOT_SIZE or slots.shape[0] == 0:
            raise ValueError(f"{slots.shape[0]} bytes are not whole slots")
        self.add(ring, first, <const char *> &slots[0], <uint32_t> (slots.shape[0] // SLOT_SIZE))

    def encode(self) -> tuple[memoryview, memoryview, memoryview]:
        """Created orders, changed orders and balances, each ready for COPY and valid until `begin`."""
        with nogil:
            self.encode_rows()
        return self.orders_out.finished(), self.changes_out.finished(), self.balances_out.finished()

    cdef int add(self, uint32_t ring, uint64_t first, const char *slots, uint32_t count) except -1 nogil:
        """Apply events `first` … of one ring, without those that the database has."""
        cdef uint64_t skip = 0
        cdef uint64_t i
        cdef const EventRecord *event
        if first + count <= self.last[ring] + 1:
            return 0
        if first > self.last[ring] + 1 or self.events + count > self.capacity:
            with gil:
                raise ValueError(f"event {first} of ring {ring} does not follow {self.last[ring]} in this batch")
        skip = self.last[ring] + 1 - first
        for i in range(skip, count):
            event = <const EventRecord *> (slots + i * SLOT_SIZE + 8)
            self.apply(ring, event)
            self.last_cause[ring], self.last_time_ns[ring] = event.cause, event.time_ns
        self.events += count - skip
        self.last[ring] = first + count - 1
        return 0

    cdef int apply(self, uint32_t ring, const EventRecord *event) except -1 nogil:
        cdef uint8_t kind = event.type
        if kind == EVT_ACCEPTED:
            return self.accept(<const AcceptedRecord *> event)
        if kind == EVT_TRADED:
            return self.trade(ring, <const TradedRecord *> event)
        if kind == EVT_CANCELLED:
            self.cancel(<const CancelledRecord *> event)
        elif kind == EVT_BALANCE:
            self.balance(<const BalanceRecord *> event)
        elif kind == EVT_EPOCH_BEGUN:
            self.epoch = event.epoch
            memcpy(self.boot_id, (<const EpochBegunRecord *> event).boot_id, sizeof(self.boot_id))
        elif kind == EVT_EXT_TERMS:
            self.note_terms(<const ExtTermsEventRecord *> event)
        elif kind == EVT_EXT_LIST_NAME:
            memcpy(self.list_name, (<const ExtListNameEventRecord *> event).name, sizeof(self.list_name))
        elif kind == EVT_REPLACED:
            self.replace(<const ReplacedRecord *> event)
            return self.history.replace(ring, <const ReplacedRecord *> event)
        elif kind == EVT_TRIGGERED:
            self.trigger(<const TriggeredRecord *> event)
        elif kind == EVT_RESTATED:
            self.restate(<const RestatedRecord *> event)
        elif kind == EVT_PHASE_CHANGED:
            return self.history.phase(ring, <const PhaseChangedRecord *> event)
        elif kind == EVT_PREVENTED:
            return self.history.prevented(ring, <const PreventedRecord *> event)
        elif kind == EVT_CONFIRMED:
            return self.history.action(<const ConfirmedRecord *> event)
        elif kind == EVT_CORRECTED:
            return self.history.correct(<const CorrectedRecord *> event)
        elif kind in (EVT_ASSET_DEFINED, EVT_INSTRUMENT_DEFINED, EVT_ACCOUNT_DEFINED, EVT_EXT_CREDENTIAL):
            with gil:
                self.define(event)
        # Refusals, indicative prices and what a book shows leave no row.
        return 0

    cdef OrderRow *order(self, uint64_t order_id, const EventRecord *event) noexcept nogil:
        """The batch's entry for an order, made as a change where there is none, with the event's time and cause."""
        cdef uint64_t slot = mixed(order_id) & self.index_mask
        cdef OrderRow *order
        while self.order_index[slot] and self.orders[self.order_index[slot] - 1].order_id != order_id:
            slot = (slot + 1) & self.index_mask
        if not self.order_index[slot]:
            order = &self.orders[self.order_count]
            memset(order, 0, sizeof(OrderRow))
            order.order_id = order_id
            order.instrument = event.instrument
            self.order_count += 1
            self.order_index[slot] = <uint32_t> self.order_count
        order = &self.orders[self.order_index[slot] - 1]
        order.updated_ns = event.time_ns
        order.seq = event.cause
        return order

    cdef int accept(self, const AcceptedRecord *event) except -1 nogil:
        cdef OrderRow *order = self.order(event.order_id, <const EventRecord *> event)
        if order.created or order.state != STATE_UNCHANGED:
            with gil:
                raise ValueError(f"order {event.order_id} was accepted twice, or changed before it was accepted")
        order.created = 1
        order.state = STATE_WAITING if event.state == ORDER_STATE_WAITING else STATE_NEW
        order.created_ns = event.time_ns
        order.account = event.account
        order.side = event.side
        order.ord_type = event.ord_type
        order.time_in_force = event.time_in_force
        order.stp = event.stp
        order.flags = event.flags
        order.price_ticks = event.price_ticks
        order.quantity_lots = event.quantity_lots
        order.remaining_lots = event.quantity_lots
        order.terms = self.terms
        memset(&self.terms, 0, sizeof(FurtherTerms))
        memcpy(order.list_name, self.list_name, sizeof(order.list_name))
        memset(self.list_name, 0, sizeof(self.list_name))
        memcpy(order.cl_ord_id, event.cl_ord_id, sizeof(order.cl_ord_id))
        return 0

    cdef void note_terms(self, const ExtTermsEventRecord *event) noexcept nogil:
        """Keep the terms for the next event; the spool does not part it from them."""
        self.terms.stop_price_ticks = event.stop_price_ticks
        self.terms.trail_ticks = event.trail_ticks
        self.terms.display_lots = event.display_lots
        self.terms.minimum_lots = event.minimum_lots
        self.terms.expire_ns = event.expire_ns
        self.terms.mate_order_id = event.mate_order_id
        self.terms.list_kind = event.list_kind

    cdef int trade(self, uint32_t ring, const TradedRecord *event) except -1 nogil:
        self.fill(event.maker_order_id, event.maker_leaves_lots, event)
        self.fill(event.taker_order_id, event.taker_leaves_lots, event)
        self.candles.trade(event)
        self.positions.trade(event)
        return self.history.trade(ring, event)

    cdef void fill(self, uint64_t order_id, int64_t leaves_lots, const TradedRecord *event) noexcept nogil:
        cdef OrderRow *order = self.order(order_id, <const EventRecord *> event)
        order.filled_lots += event.quantity_lots
        order.remaining_lots = leaves_lots
        order.state = STATE_PARTIALLY_FILLED if leaves_lots else STATE_FILLED

    cdef void cancel(self, const CancelledRecord *event) noexcept nogil:
        cdef OrderRow *order = self.order(event.order_id, <const EventRecord *> event)
        order.remaining_lots = 0
        if event.reason == CANCEL_REASON_SELF_TRADE:
            order.prevented_lots += event.leaves_lots
        order.reason = event.reason
        order.state = STATE_EXPIRED if has_expired(event.reason) else STATE_CANCELED

    cdef void replace(self, const ReplacedRecord *event) noexcept nogil:
        """An event has all terms again; one that it lacks (a stop that triggered, a minimum) stays as it was."""
        cdef OrderRow *order = self.order(event.order_id, <const EventRecord *> event)
        order.price_ticks = event.price_ticks
        order.priced = 1
        order.quantity_lots += event.leaves_lots - event.old_leaves_lots
        order.remaining_lots = event.leaves_lots
        if order.created and not order.renamed:
            memcpy(order.first_cl_ord_id, order.cl_ord_id, sizeof(order.cl_ord_id))
        order.renamed = 1
        memcpy(order.cl_ord_id, event.cl_ord_id, sizeof(order.cl_ord_id))
        if self.terms.stop_price_ticks:
            order.terms.stop_price_ticks = self.terms.stop_price_ticks
        if self.terms.trail_ticks:
            order.terms.trail_ticks = self.terms.trail_ticks
        if self.terms.display_lots:
            order.terms.display_lots = self.terms.display_lots
        if self.terms.expire_ns:
            order.terms.expire_ns = self.terms.expire_ns
        memset(&self.terms, 0, sizeof(FurtherTerms))

    cdef void trigger(self, const TriggeredRecord *event) noexcept nogil:
        cdef OrderRow *order = self.order(event.order_id, <const EventRecord *> event)
        order.price_ticks = event.price_ticks
        order.priced = 1
        order.remaining_lots = event.leaves_lots
        if event.stop_price_ticks:
            order.terms.stop_price_ticks = event.stop_price_ticks
        if event.state != ORDER_STATE_WAITING:
            order.state = STATE_TRIGGERED

    cdef void restate(self, const RestatedRecord *event) noexcept nogil:
        cdef OrderRow *order = self.order(event.order_id, <const EventRecord *> event)
        order.price_ticks = event.price_ticks
        order.priced = 1
        order.quantity_lots += event.leaves_lots - event.old_leaves_lots
        order.remaining_lots = event.leaves_lots
        if event.reason == RESTATE_REASON_SELF_TRADE:
            order.prevented_lots += event.old_leaves_lots - event.leaves_lots

    cdef void balance(self, const BalanceRecord *event) noexcept nogil:
        """The last value of the batch wins."""
        cdef uint64_t slot = mixed(<uint64_t> event.account << 32 | event.asset) & self.index_mask
        cdef BalanceRow *row
        while self.balance_index[slot]:
            row = &self.balance_rows[self.balance_index[slot] - 1]
            if row.account == event.account and row.asset == event.asset:
                break
            slot = (slot + 1) & self.index_mask
        if not self.balance_index[slot]:
            self.balances += 1
            self.balance_index[slot] = <uint32_t> self.balances
        row = &self.balance_rows[self.balance_index[slot] - 1]
        row.account, row.asset, row.free, row.held, row.seq = (
            event.account, event.asset, event.free, event.held, event.cause)

    cdef int define(self, const EventRecord *event) except -1:
        definition = unpack_event((<const char *> event)[:RECORD_SIZE])
        if isinstance(definition, AssetDefined):
            self.listings.know_asset(definition.asset, definition.name, definition.scale)
            self.assets_defined[definition.asset] = definition
        elif isinstance(definition, InstrumentDefined):
            self.listings.know_instrument(
                definition.instrument, definition.symbol, definition.base_asset, definition.quote_asset,
                (definition.tick_mantissa, definition.price_scale),
                (definition.lot_mantissa, definition.quantity_scale))
            self.instruments_defined[definition.instrument] = definition
        elif isinstance(definition, ExtCredentialEvent):
            self.credential = phc(definition).encode()
        elif isinstance(definition, AccountDefined):
            earlier = self.users_defined.get(definition.account)
            created_ns = earlier[2] if earlier else definition.time_ns
            self.users_defined[definition.account] = (definition, self.credential.decode(), created_ns)
            self.credential = b""
        return 0

    cdef int encode_rows(self) except -1 nogil:
        cdef uint64_t i
        self.orders_out.begin()
        self.changes_out.begin()
        self.balances_out.begin()
        self.created = self.changed = 0
        for i in range(self.order_count):
            if self.orders[i].created:
                encode_created(self.orders_out, self.listings, &self.orders[i])
                self.created += 1
            else:
                encode_changed(self.changes_out, self.listings, &self.orders[i])
                self.changed += 1
        for i in range(self.balances):
            self.encode_balance(&self.balance_rows[i])
        return 0

    cdef int encode_balance(self, const BalanceRow *row) except -1 nogil:
        cdef const AssetRow *asset = self.listings.asset(row.asset)
        self.balances_out.row(BALANCE_FIELDS)
        self.balances_out.integer_32(row.account)
        self.balances_out.id(asset.name, sizeof(asset.name))
        self.balances_out.decimal(row.free, asset.scale)
        self.balances_out.decimal(row.held, asset.scale)
        self.balances_out.decimal(<int128> row.free + row.held, asset.scale)
        self.balances_out.integer(<int64_t> row.seq)
        return 0


def phc(credential: ExtCredentialEvent) -> str:
    """The password hash in argon2's PHC string form, as any argon2 library verifies it."""
    salt, digest = (b64encode(part).decode().rstrip("=") for part in (credential.salt, credential.hash))
    terms = f"m={credential.memory_kib},t={credential.time_cost},p={credential.parallelism}"
    return f"$argon2id$v=19${terms}${salt}${digest}"
