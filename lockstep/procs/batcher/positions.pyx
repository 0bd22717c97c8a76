"""What each account has bought and sold of each instrument, at average cost: kept from batch to batch.

docs/protocols/database.md has the formula. It adds up trades as they are made; of what a correction or a refused row
makes wrong, `batcher.derived` knows, and has it worked out again.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from lockstep.core.schema.records cimport SIDE_BUY, TradedRecord
from lockstep.procs.batcher.encode cimport Buffer, int128
from lockstep.procs.batcher.listings cimport InstrumentRow, Listings

cdef enum:
    POSITION_FIELDS = 6
    FIRST_ROWS = 1024

POSITION_COLUMNS = ("user_id", "symbol", "quantity", "cost", "realised", "fills")

assert len(POSITION_COLUMNS) == POSITION_FIELDS

cdef int128 MOST = 2**63 - 1  # a factor beyond it might make a product too large


cdef inline uint64_t place(uint32_t account, uint32_t instrument) noexcept nogil:
    return ((<uint64_t> account << 32 | instrument) * <uint64_t> 0x9E3779B97F4A7C15) >> 20


cdef inline int128 size_of(int128 units) noexcept nogil:
    return -units if units < 0 else units


cdef inline int128 scaled(int128 units, int decimals) noexcept nogil:
    """units * 10**decimals, which is whole."""
    while decimals > 0:
        units = units * 10
        decimals -= 1
    while decimals < 0:
        units = units // 10
        decimals += 1
    return units


cdef object whole(int128 units):
    return (<object> <long long> (units >> 64) << 64) + <unsigned long long> units


cdef int128 units_of(units) except? -1:
    """OverflowError beyond 127 bits."""
    cdef int128 high = <long long> (units >> 64)
    return high * (<int128> 1 << 64) + <int128> <unsigned long long> (units & 0xFFFFFFFFFFFFFFFF)


cdef class Positions:
    """By account and instrument, in smallest units. `begin` forgets which have changed, `forget` all of them."""

    def __cinit__(self, Listings listings not None):
        self.listings = listings
        self.out = Buffer()
        self.index_size = 2 * FIRST_ROWS
        self.rows = <PositionRow *> realloc(NULL, FIRST_ROWS * sizeof(PositionRow))
        self.changes = <uint32_t *> realloc(NULL, FIRST_ROWS * sizeof(uint32_t))
        self.index = <uint32_t *> calloc(self.index_size, sizeof(uint32_t))
        if self.rows == NULL or self.changes == NULL or self.index == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.rows)
        free(self.changes)
        free(self.index)

    def forget(self) -> None:
        """Have no position of anybody."""
        self.count = self.changed = 0
        memset(self.index, 0, self.index_size * sizeof(uint32_t))

    def begin(self) -> None:
        """No position has changed."""
        cdef uint64_t i
        for i in range(self.changed):
            self.rows[self.changes[i]].changed = 0
        self.changed = 0

    def know(self, uint32_t account, uint32_t instrument, position: tuple[int, int, int, int]) -> None:
        """Take quantity, cost, result and number of fills. OverflowError if they don't fit."""
        cdef PositionRow *row = self.row(account, instrument)
        quantity, cost, realised, fills = position
        row.quantity, row.cost, row.realised = units_of(quantity), units_of(cost), units_of(realised)
        row.fills = fills
        row.too_large = 0

    def fill(self, uint32_t account, uint32_t instrument, quantity: int, value: int) -> None:
        """Buy (or, below 0, sell) a quantity for so much money. OverflowError if that does not fit."""
        self.change(account, instrument, units_of(quantity), units_of(value))

    def position(self, uint32_t account, uint32_t instrument) -> tuple[int, int, int, int] | None:
        """Quantity, cost, result and number of fills; None if they became too large to be kept."""
        cdef PositionRow *row = self.row(account, instrument)
        if row.too_large:
            return None
        return whole(row.quantity), whole(row.cost), whole(row.realised), row.fills

    def encoded(self) -> memoryview:
        """Those that have changed, ready for COPY and valid until this is called again."""
        with nogil:
            self.encode()
        return self.out.finished()

    def too_large(self) -> list[tuple[int, str]]:
        """Account and symbol of those that have changed, and can't be kept any more."""
        cdef const InstrumentRow *terms
        cdef const PositionRow *row
        cdef uint64_t i
        found = []
        for i in range(self.changed):
            row = &self.rows[self.changes[i]]
            if row.too_large:
                terms = self.listings.instrument(row.instrument)
                found.append((row.account, (<bytes> terms.symbol[:sizeof(terms.symbol)]).rstrip(b"\0").decode()))
        return found

    cdef int trade(self, const TradedRecord *event) except -1 nogil:
        cdef const InstrumentRow *terms = self.listings.instrument(event.instrument)
        cdef int base = self.listings.asset(terms.base_asset).scale
        cdef int quote = self.listings.asset(terms.quote_asset).scale
        cdef int128 quantity = scaled(
            <int128> event.quantity_lots * terms.lot_mantissa, base - terms.quantity_scale)
        cdef int128 value = scaled(
            <int128> event.price_ticks * event.quantity_lots * terms.tick_mantissa * terms.lot_mantissa,
            quote - terms.price_scale - terms.quantity_scale)
        if event.taker_side == SIDE_BUY:
            self.change(event.taker_account, event.instrument, quantity - event.taker_fee, value)
            self.change(event.maker_account, event.instrument, -quantity, value - event.maker_fee)
        else:
            self.change(event.maker_account, event.instrument, quantity - event.maker_fee, value)
            self.change(event.taker_account, event.instrument, -quantity, value - event.taker_fee)
        return 0

    cdef int change(self, uint32_t account, uint32_t instrument, int128 quantity, int128 value) except -1 nogil:
        cdef PositionRow *row = self.row(account, instrument)
        cdef int128 side = 1 if quantity > 0 else -1 if quantity < 0 else 0
        cdef int128 part, size = size_of(quantity), had = size_of(row.quantity)
        if not row.changed:
            row.changed = 1
            self.changes[self.changed] = <uint32_t> (row - self.rows)
            self.changed += 1
        if size > MOST or had > MOST or size_of(value) > MOST or size_of(row.cost) > MOST:
            row.too_large = 1
        if row.too_large:
            return 0
        row.fills += 1
        if row.quantity * side >= 0:
            row.cost += side * value
        elif size <= had:
            part = row.cost * size // had
            row.cost -= part
            row.realised -= side * value + part
        else:
            part = value * had // size
            row.realised -= side * part + row.cost
            row.cost = side * (value - part)
        row.quantity += quantity
        return 0

    cdef PositionRow *row(self, uint32_t account, uint32_t instrument) except NULL nogil:
        """The position of an account in an instrument, made where there is none."""
        cdef PositionRow *row
        cdef uint64_t slot
        if 2 * (self.count + 1) > self.index_size:
            self.grow()
        slot = place(account, instrument) & (self.index_size - 1)
        while self.index[slot]:
            row = &self.rows[self.index[slot] - 1]
            if row.account == account and row.instrument == instrument:
                return row
            slot = (slot + 1) & (self.index_size - 1)
        row = &self.rows[self.count]
        memset(row, 0, sizeof(PositionRow))
        row.account, row.instrument = account, instrument
        self.count += 1
        self.index[slot] = <uint32_t> self.count
        return row

    cdef int grow(self) except -1 nogil:
        """Twice the room."""
        cdef uint64_t size = 2 * self.index_size
        cdef PositionRow *rows = <PositionRow *> realloc(self.rows, size // 2 * sizeof(PositionRow))
        cdef uint32_t *changes
        cdef uint32_t *index
        cdef uint64_t i, slot
        if rows != NULL:
            self.rows = rows
        changes = <uint32_t *> realloc(self.changes, size // 2 * sizeof(uint32_t))
        if changes != NULL:
            self.changes = changes
        index = <uint32_t *> calloc(size, sizeof(uint32_t))
        if rows == NULL or changes == NULL or index == NULL:
            free(index)
            with gil:
                raise MemoryError
        for i in range(self.count):
            slot = place(rows[i].account, rows[i].instrument) & (size - 1)
            while index[slot]:
                slot = (slot + 1) & (size - 1)
            index[slot] = <uint32_t> (i + 1)
        free(self.index)
        self.index = index
        self.index_size = size
        return 0

    cdef int encode(self) except -1 nogil:
        cdef const InstrumentRow *terms
        cdef const PositionRow *row
        cdef int base, quote
        cdef uint64_t i
        self.out.begin()
        for i in range(self.changed):
            row = &self.rows[self.changes[i]]
            if row.too_large:
                continue
            terms = self.listings.instrument(row.instrument)
            base = self.listings.asset(terms.base_asset).scale
            quote = self.listings.asset(terms.quote_asset).scale
            self.out.row(POSITION_FIELDS)
            self.out.integer_32(row.account)
            self.out.id(terms.symbol, sizeof(terms.symbol))
            self.out.decimal(row.quantity, base)
            self.out.decimal(row.cost, quote)
            self.out.decimal(row.realised, quote)
            self.out.integer(<int64_t> row.fills)
        return 0
