"""A batch of events, coalesced into the rows that they leave behind: final order states, trades, last balances.

It makes no Python object per event (definitions apart, which are few), and never talks to the database.
"""

from base64 import b64encode

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from procs.batcher.encode cimport Buffer, int128
from procs.batcher.spool cimport FRAME_RECORDS, RINGS
from shm.records cimport (EVT_ACCEPTED, EVT_ACCOUNT_DEFINED, EVT_ASSET_DEFINED, EVT_BALANCE, EVT_CANCELLED,
                          EVT_EXT_CREDENTIAL, EVT_INSTRUMENT_DEFINED, EVT_REPLACED, EVT_TRADED, ORD_TYPE_MARKET,
                          SIDE_BUY, SLOT_SIZE, TIF_IOC, AcceptedRecord, BalanceRecord, CancelledRecord, EventRecord,
                          ReplacedRecord, TradedRecord)

from shm.layout import unpack_event
from shm.records import RECORD_SIZE, AccountDefined, AssetDefined, ExtCredentialEvent, InstrumentDefined

cdef enum:
    MAX_INSTRUMENTS = 65536
    MAX_ASSETS = 65536
    CREATED_FIELDS = 15
    CHANGED_FIELDS = 9
    TRADE_FIELDS = 14
    BALANCE_FIELDS = 6

ORDER_COLUMNS = (
    "order_id", "user_id", "symbol", "cl_ord_id", "side", "type", "time_in_force", "price", "quantity", "filled",
    "remaining", "state", "created", "updated", "seq",
)
CHANGE_COLUMNS = ("order_id", "price", "quantity", "filled", "remaining", "state", "cl_ord_id", "updated", "seq")
TRADE_COLUMNS = (
    "matcher", "trade_id", "symbol", "price", "quantity", "maker_order_id", "maker_user_id", "taker_order_id",
    "taker_user_id", "taker_side", "maker_fee", "taker_fee", "time", "seq",
)
BALANCE_COLUMNS = ("user_id", "asset", "free", "held", "total", "seq")

assert len(ORDER_COLUMNS) == CREATED_FIELDS and len(CHANGE_COLUMNS) == CHANGED_FIELDS
assert len(TRADE_COLUMNS) == TRADE_FIELDS and len(BALANCE_COLUMNS) == BALANCE_FIELDS


cdef const char *state_name(uint8_t state) noexcept nogil:
    if state == STATE_NEW:
        return b"NEW"
    if state == STATE_PARTIALLY_FILLED:
        return b"PARTIALLY_FILLED"
    if state == STATE_FILLED:
        return b"FILLED"
    return b"CANCELED"


cdef inline uint64_t mixed(uint64_t key) noexcept nogil:
    return (key * <uint64_t> 0x9E3779B97F4A7C15) >> 20


cdef class Batch:
    """Rows of at most `batch_rows` events and one frame more. `begin` starts a batch after a database's watermark.

    Order rows that the batch creates are whole; orders from before it get a change: what to add to quantity and filled,
    and the new value, if any, of the rest. Instruments and assets stay known from batch to batch.
    """

    def __cinit__(self, uint64_t batch_rows):
        cdef uint64_t size = 1
        self.capacity = batch_rows + FRAME_RECORDS
        # A trade touches two orders; half of the index stays free.
        while size < 4 * self.capacity:
            size *= 2
        self.index_mask = size - 1
        self.orders = <Order *> malloc(2 * self.capacity * sizeof(Order))
        self.order_index = <uint32_t *> malloc(size * sizeof(uint32_t))
        self.balance_rows = <BalanceRow *> malloc(self.capacity * sizeof(BalanceRow))
        self.balance_index = <uint32_t *> malloc(size * sizeof(uint32_t))
        self.instruments = <InstrumentRow *> calloc(MAX_INSTRUMENTS, sizeof(InstrumentRow))
        self.asset_rows = <AssetRow *> calloc(MAX_ASSETS, sizeof(AssetRow))
        if (self.orders == NULL or self.order_index == NULL or self.balance_rows == NULL or self.balance_index == NULL
                or self.instruments == NULL or self.asset_rows == NULL):
            raise MemoryError
        self.orders_out = Buffer()
        self.changes_out = Buffer()
        self.trades_out = Buffer()
        self.balances_out = Buffer()
        self.begin([0] * RINGS, 0)

    def __dealloc__(self):
        free(self.orders)
        free(self.order_index)
        free(self.balance_rows)
        free(self.balance_index)
        free(self.instruments)
        free(self.asset_rows)

    def begin(self, numbers: list[int], complete_seq: int) -> None:
        """Empty the batch; events up to `numbers[ring]` are in the database and will be skipped."""
        for ring in range(RINGS):
            self.last[ring] = numbers[ring]
            self.last_cause[ring] = 0
        self.complete_seq = complete_seq
        self.events = self.created = self.changed = self.trades = self.balances = self.order_count = 0
        self.first_trade_ns = self.last_trade_ns = 0
        self.assets_defined, self.instruments_defined, self.users_defined = {}, {}, {}
        self.credential = b""
        memset(self.order_index, 0, (self.index_mask + 1) * sizeof(uint32_t))
        memset(self.balance_index, 0, (self.index_mask + 1) * sizeof(uint32_t))
        for buffer in (self.orders_out, self.changes_out, self.trades_out, self.balances_out):
            (<Buffer> buffer).begin()

    @property
    def numbers(self) -> list[int]:
        """The last event number of each ring once this batch is in the database."""
        return [self.last[ring] for ring in range(RINGS)]

    @property
    def causes(self) -> list[int]:
        """The cause of each ring's last event in this batch; 0 where it has none."""
        return [self.last_cause[ring] for ring in range(RINGS)]

    def add_bytes(self, uint32_t ring, uint64_t first, const uint8_t[::1] slots) -> None:
        """Apply whole slots (128 bytes each) of one ring. Raises ValueError at a gap in the numbers."""
        if slots.shape[0] % SLOT_SIZE or slots.shape[0] == 0:
            raise ValueError(f"{slots.shape[0]} bytes are not whole slots")
        self.add(ring, first, <const char *> &slots[0], <uint32_t> (slots.shape[0] // SLOT_SIZE))

    def encode(self) -> tuple[memoryview, memoryview, memoryview, memoryview]:
        """Created orders, changed orders, trades and balances, each ready for COPY and valid until `begin`."""
        with nogil:
            self.encode_rows()
        return self.orders_out.view(), self.changes_out.view(), self.trades_out.view(), self.balances_out.view()

    def know_asset(self, number: int, name: bytes, scale: int) -> None:
        """An asset that the database has. Raises ValueError for a number beyond 65,535."""
        if not 0 <= number < MAX_ASSETS:
            raise ValueError(f"asset {number}: numbers go up to {MAX_ASSETS - 1}")
        cdef AssetRow *row = &self.asset_rows[<uint32_t> number]
        cdef bytes padded = name.ljust(16, b"\0")
        memcpy(row.name, <const char *> padded, 16)
        row.scale = scale
        row.known = 1

    def know_instrument(
        self, number: int, symbol: bytes, base: int, quote: int, tick: tuple[int, int], lot: tuple[int, int]
    ) -> None:
        """An instrument that the database has; tick and lot are (mantissa, decimals). Raises ValueError as above."""
        if not 0 <= number < MAX_INSTRUMENTS:
            raise ValueError(f"instrument {number}: numbers go up to {MAX_INSTRUMENTS - 1}")
        cdef InstrumentRow *row = &self.instruments[<uint32_t> number]
        cdef bytes padded = symbol.ljust(16, b"\0")
        memcpy(row.symbol, <const char *> padded, 16)
        row.base_asset, row.quote_asset = base, quote
        row.tick_mantissa, row.price_scale = tick
        row.lot_mantissa, row.quantity_scale = lot
        row.known = 1

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
            self.last_cause[ring] = event.cause
        self.events += count - skip
        self.last[ring] = first + count - 1
        return 0

    cdef int apply(self, uint32_t ring, const EventRecord *event) except -1 nogil:
        if event.type == EVT_ACCEPTED:
            self.accept(<const AcceptedRecord *> event)
        elif event.type == EVT_TRADED:
            self.trade(ring, <const TradedRecord *> event)
        elif event.type == EVT_CANCELLED:
            self.cancel(<const CancelledRecord *> event)
        elif event.type == EVT_REPLACED:
            self.replace(<const ReplacedRecord *> event)
        elif event.type == EVT_BALANCE:
            self.balance(<const BalanceRecord *> event)
        elif event.type in (EVT_ASSET_DEFINED, EVT_INSTRUMENT_DEFINED, EVT_ACCOUNT_DEFINED, EVT_EXT_CREDENTIAL):
            with gil:
                self.define(event)
        # Refusals and epochs leave no row.
        return 0

    cdef Order *order(self, uint64_t order_id, const EventRecord *event) noexcept nogil:
        """The batch's entry for an order, made as a change where there is none, with the event's time and cause."""
        cdef uint64_t slot = mixed(order_id) & self.index_mask
        cdef Order *order
        while self.order_index[slot] and self.orders[self.order_index[slot] - 1].order_id != order_id:
            slot = (slot + 1) & self.index_mask
        if not self.order_index[slot]:
            order = &self.orders[self.order_count]
            memset(order, 0, sizeof(Order))
            order.order_id = order_id
            order.instrument = event.instrument
            self.order_count += 1
            self.order_index[slot] = <uint32_t> self.order_count
        order = &self.orders[self.order_index[slot] - 1]
        order.updated_ns = event.time_ns
        order.seq = event.cause
        return order

    cdef int accept(self, const AcceptedRecord *event) except -1 nogil:
        cdef Order *order = self.order(event.order_id, <const EventRecord *> event)
        if order.created or order.state != STATE_UNCHANGED:
            with gil:
                raise ValueError(f"order {event.order_id} was accepted twice, or changed before it was accepted")
        order.created = 1
        order.state = STATE_NEW
        order.created_ns = event.time_ns
        order.account = event.account
        order.side = event.side
        order.ord_type = event.ord_type
        order.time_in_force = event.time_in_force
        order.price_ticks = event.price_ticks
        order.quantity_lots = event.quantity_lots
        order.remaining_lots = event.quantity_lots
        memcpy(order.cl_ord_id, event.cl_ord_id, sizeof(order.cl_ord_id))
        return 0

    cdef int trade(self, uint32_t ring, const TradedRecord *event) except -1 nogil:
        self.fill(event.maker_order_id, event.maker_leaves_lots, event)
        self.fill(event.taker_order_id, event.taker_leaves_lots, event)
        if self.trades == 0:
            self.first_trade_ns = self.last_trade_ns = event.time_ns
        self.first_trade_ns = min(self.first_trade_ns, event.time_ns)
        self.last_trade_ns = max(self.last_trade_ns, event.time_ns)
        self.trades += 1
        return self.encode_trade(ring, event)

    cdef void fill(self, uint64_t order_id, int64_t leaves_lots, const TradedRecord *event) noexcept nogil:
        cdef Order *order = self.order(order_id, <const EventRecord *> event)
        order.filled_lots += event.quantity_lots
        order.remaining_lots = leaves_lots
        order.state = STATE_PARTIALLY_FILLED if leaves_lots else STATE_FILLED

    cdef void cancel(self, const CancelledRecord *event) noexcept nogil:
        cdef Order *order = self.order(event.order_id, <const EventRecord *> event)
        order.remaining_lots = 0
        order.state = STATE_CANCELED

    cdef void replace(self, const ReplacedRecord *event) noexcept nogil:
        cdef Order *order = self.order(event.order_id, <const EventRecord *> event)
        order.price_ticks = event.price_ticks
        order.priced = 1
        order.quantity_lots += event.leaves_lots - event.old_leaves_lots
        order.remaining_lots = event.leaves_lots
        order.renamed = 1
        memcpy(order.cl_ord_id, event.cl_ord_id, sizeof(order.cl_ord_id))

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
            self.know_asset(definition.asset, definition.name, definition.scale)
            self.assets_defined[definition.asset] = definition
        elif isinstance(definition, InstrumentDefined):
            self.know_instrument(
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

    cdef InstrumentRow *instrument(self, uint32_t number) except NULL nogil:
        if number >= MAX_INSTRUMENTS or not self.instruments[number].known:
            with gil:
                raise ValueError(f"instrument {number} was never defined")
        return &self.instruments[number]

    cdef AssetRow *asset(self, uint32_t number) except NULL nogil:
        if number >= MAX_ASSETS or not self.asset_rows[number].known:
            with gil:
                raise ValueError(f"asset {number} was never defined")
        return &self.asset_rows[number]

    cdef int encode_rows(self) except -1 nogil:
        cdef uint64_t i
        self.orders_out.begin()
        self.changes_out.begin()
        self.balances_out.begin()
        self.created = self.changed = 0
        for i in range(self.order_count):
            if self.orders[i].created:
                self.encode_created(&self.orders[i])
                self.created += 1
            else:
                self.encode_changed(&self.orders[i])
                self.changed += 1
        for i in range(self.balances):
            self.encode_balance(&self.balance_rows[i])
        finish_copy(self.orders_out, self.created)
        finish_copy(self.changes_out, self.changed)
        finish_copy(self.trades_out, self.trades)
        finish_copy(self.balances_out, self.balances)
        return 0

    cdef int encode_created(self, const Order *order) except -1 nogil:
        cdef const InstrumentRow *terms = self.instrument(order.instrument)
        self.orders_out.row(CREATED_FIELDS)
        self.orders_out.integer(<int64_t> order.order_id)
        self.orders_out.integer_32(order.account)
        self.orders_out.text(terms.symbol, sizeof(terms.symbol))
        self.orders_out.text(order.cl_ord_id, sizeof(order.cl_ord_id))
        self.orders_out.text(b"BUY" if order.side == SIDE_BUY else b"SELL", 8)
        self.orders_out.text(b"MARKET" if order.ord_type == ORD_TYPE_MARKET else b"LIMIT", 8)
        self.orders_out.text(b"IOC" if order.time_in_force == TIF_IOC else b"GTC", 8)
        self.orders_out.decimal(<int128> order.price_ticks * terms.tick_mantissa, terms.price_scale)
        self.orders_out.decimal(<int128> order.quantity_lots * terms.lot_mantissa, terms.quantity_scale)
        self.orders_out.decimal(<int128> order.filled_lots * terms.lot_mantissa, terms.quantity_scale)
        self.orders_out.decimal(<int128> order.remaining_lots * terms.lot_mantissa, terms.quantity_scale)
        self.orders_out.text(state_name(order.state), 24)
        self.orders_out.time(order.created_ns)
        self.orders_out.time(order.updated_ns)
        self.orders_out.integer(<int64_t> order.seq)
        return 0

    cdef int encode_changed(self, const Order *order) except -1 nogil:
        cdef const InstrumentRow *terms = self.instrument(order.instrument)
        self.changes_out.row(CHANGED_FIELDS)
        self.changes_out.integer(<int64_t> order.order_id)
        if order.priced:
            self.changes_out.decimal(<int128> order.price_ticks * terms.tick_mantissa, terms.price_scale)
        else:
            self.changes_out.null()
        self.changes_out.decimal(<int128> order.quantity_lots * terms.lot_mantissa, terms.quantity_scale)
        self.changes_out.decimal(<int128> order.filled_lots * terms.lot_mantissa, terms.quantity_scale)
        self.changes_out.decimal(<int128> order.remaining_lots * terms.lot_mantissa, terms.quantity_scale)
        if order.state != STATE_UNCHANGED:
            self.changes_out.text(state_name(order.state), 24)
        else:
            self.changes_out.null()
        if order.renamed:
            self.changes_out.text(order.cl_ord_id, sizeof(order.cl_ord_id))
        else:
            self.changes_out.null()
        self.changes_out.time(order.updated_ns)
        self.changes_out.integer(<int64_t> order.seq)
        return 0

    cdef int encode_trade(self, uint32_t ring, const TradedRecord *event) except -1 nogil:
        cdef const InstrumentRow *terms = self.instrument(event.instrument)
        cdef uint8_t base_scale = self.asset(terms.base_asset).scale
        cdef uint8_t quote_scale = self.asset(terms.quote_asset).scale
        cdef bint taker_buys = event.taker_side == SIDE_BUY
        self.trades_out.row(TRADE_FIELDS)
        self.trades_out.integer_16(ring)
        self.trades_out.integer(<int64_t> event.number)
        self.trades_out.text(terms.symbol, sizeof(terms.symbol))
        self.trades_out.decimal(<int128> event.price_ticks * terms.tick_mantissa, terms.price_scale)
        self.trades_out.decimal(<int128> event.quantity_lots * terms.lot_mantissa, terms.quantity_scale)
        self.trades_out.integer(<int64_t> event.maker_order_id)
        self.trades_out.integer_32(event.maker_account)
        self.trades_out.integer(<int64_t> event.taker_order_id)
        self.trades_out.integer_32(event.taker_account)
        self.trades_out.text(b"BUY" if taker_buys else b"SELL", 8)
        # A fee is in the asset that its payer receives: base for the buyer, quote for the seller.
        self.trades_out.decimal(event.maker_fee, quote_scale if taker_buys else base_scale)
        self.trades_out.decimal(event.taker_fee, base_scale if taker_buys else quote_scale)
        self.trades_out.time(event.time_ns)
        self.trades_out.integer(<int64_t> event.cause)
        return 0

    cdef int encode_balance(self, const BalanceRow *row) except -1 nogil:
        cdef const AssetRow *asset = self.asset(row.asset)
        self.balances_out.row(BALANCE_FIELDS)
        self.balances_out.integer_32(row.account)
        self.balances_out.text(asset.name, sizeof(asset.name))
        self.balances_out.decimal(row.free, asset.scale)
        self.balances_out.decimal(row.held, asset.scale)
        self.balances_out.decimal(<int128> row.free + row.held, asset.scale)
        self.balances_out.integer(<int64_t> row.seq)
        return 0


cdef void finish_copy(Buffer buffer, uint64_t rows) noexcept nogil:
    if rows:
        buffer.finish()


def phc(credential: ExtCredentialEvent) -> str:
    """The password hash in argon2's PHC string form, as any argon2 library verifies it."""
    salt, digest = (b64encode(part).decode().rstrip("=") for part in (credential.salt, credential.hash))
    terms = f"m={credential.memory_kib},t={credential.time_cost},p={credential.parallelism}"
    return f"$argon2id$v=19${terms}${salt}${digest}"
