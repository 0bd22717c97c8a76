"""The candles that a batch's trades make or change, of the five intervals that are stored.

It adds trades up as they come, in ticks and lots; what a correction undoes is the database's to work out again.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from lockstep.core.rules.intervals import SECONDS, STORED
from lockstep.core.schema.records cimport SIDE_BUY, TradedRecord
from lockstep.procs.batcher.encode cimport Buffer, int128
from lockstep.procs.batcher.listings cimport InstrumentRow, Listings

cdef enum:
    CANDLE_FIELDS = 12
    TOUCHED_FIELDS = 3
    FIRST_ROWS = 1024
    NAME = 4

CANDLE_COLUMNS = (
    "symbol", "interval", "time", "open", "high", "low", "close", "volume", "quote_volume", "trades",
    "taker_buy_volume", "taker_buy_quote_volume",
)
TOUCHED_COLUMNS = ("symbol", "time", "seq")

assert len(STORED) == LEVELS
assert len(CANDLE_COLUMNS) == CANDLE_FIELDS and len(TOUCHED_COLUMNS) == TOUCHED_FIELDS

cdef uint64_t[LEVELS] LENGTHS_NS = [SECONDS[name] * 10**9 for name in STORED]
cdef list ENCODED = [name.encode() for name in STORED]
cdef const char *NAMES[LEVELS]
for _level in range(LEVELS):
    NAMES[<int> _level] = ENCODED[_level]


cdef inline uint64_t place(uint32_t instrument, int level, uint64_t number) noexcept nogil:
    return ((number * LEVELS + <uint64_t> level << 16 ^ instrument) * <uint64_t> 0x9E3779B97F4A7C15) >> 20


cdef class Candles:
    """Rows in terms of `listings`, from one `begin` to the next."""

    def __cinit__(self, Listings listings not None):
        self.listings = listings
        self.out = Buffer()
        self.touched_out = Buffer()
        self.index_size = 2 * FIRST_ROWS
        self.rows = <CandleRow *> realloc(NULL, FIRST_ROWS * sizeof(CandleRow))
        self.index = <uint32_t *> calloc(self.index_size, sizeof(uint32_t))
        if self.rows == NULL or self.index == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.rows)
        free(self.index)

    def begin(self) -> None:
        """Forget all candles."""
        self.count = 0
        memset(self.latest, 0, sizeof(self.latest))
        memset(self.index, 0, self.index_size * sizeof(uint32_t))

    def encoded(self) -> memoryview:
        """The batch's share in each candle, ready for COPY and valid until this is called again."""
        with nogil:
            self.encode()
        return self.out.finished()

    def touched(self) -> memoryview:
        """The seconds that have trades, with the last one's cause, likewise."""
        cdef const CandleRow *row
        cdef const InstrumentRow *terms
        cdef uint64_t i
        self.touched_out.begin()
        for i in range(self.count):
            row = &self.rows[i]
            if row.level == 0:
                terms = self.listings.instrument(row.instrument)
                self.touched_out.row(TOUCHED_FIELDS)
                self.touched_out.id(terms.symbol, sizeof(terms.symbol))
                self.touched_out.time(row.number * LENGTHS_NS[0])
                self.touched_out.integer(<int64_t> row.seq)
        return self.touched_out.finished()

    cdef int trade(self, const TradedRecord *event) except -1 nogil:
        cdef int128 value = <int128> event.price_ticks * event.quantity_lots
        cdef CandleRow *row
        cdef int level
        for level in range(LEVELS):
            row = self.row(event.instrument, level, event.time_ns // LENGTHS_NS[level])
            if row.trades == 0:
                row.open_ticks = row.high_ticks = row.low_ticks = event.price_ticks
            row.high_ticks = max(row.high_ticks, event.price_ticks)
            row.low_ticks = min(row.low_ticks, event.price_ticks)
            row.close_ticks = event.price_ticks
            row.trades += 1
            row.lots += event.quantity_lots
            row.value += value
            row.seq = event.cause
            if event.taker_side == SIDE_BUY:
                row.bought_lots += event.quantity_lots
                row.bought_value += value
        return 0

    cdef CandleRow *row(self, uint32_t instrument, int level, uint64_t number) except NULL nogil:
        """The candle of an instrument's interval, made where there is none."""
        cdef CandleRow *row = &self.rows[self.latest[level]]
        cdef uint64_t slot
        if self.latest[level] < self.count and row.instrument == instrument and row.level == level \
                and row.number == number:
            return row
        if 2 * (self.count + 1) > self.index_size:
            self.grow()
        slot = place(instrument, level, number) & (self.index_size - 1)
        while self.index[slot]:
            row = &self.rows[self.index[slot] - 1]
            if row.instrument == instrument and row.level == level and row.number == number:
                break
            slot = (slot + 1) & (self.index_size - 1)
        if not self.index[slot]:
            row = &self.rows[self.count]
            memset(row, 0, sizeof(CandleRow))
            row.instrument, row.level, row.number = instrument, <uint8_t> level, number
            self.count += 1
            self.index[slot] = <uint32_t> self.count
        self.latest[level] = self.index[slot] - 1
        return row

    cdef int grow(self) except -1 nogil:
        """Twice the room."""
        cdef uint64_t size = 2 * self.index_size
        cdef CandleRow *rows = <CandleRow *> realloc(self.rows, size // 2 * sizeof(CandleRow))
        cdef uint32_t *index
        cdef uint64_t i, slot
        if rows != NULL:
            self.rows = rows
        index = <uint32_t *> calloc(size, sizeof(uint32_t))
        if rows == NULL or index == NULL:
            free(index)
            with gil:
                raise MemoryError
        for i in range(self.count):
            slot = place(rows[i].instrument, rows[i].level, rows[i].number) & (size - 1)
            while index[slot]:
                slot = (slot + 1) & (size - 1)
            index[slot] = <uint32_t> (i + 1)
        free(self.index)
        self.index = index
        self.index_size = size
        return 0

    cdef int encode(self) except -1 nogil:
        cdef const CandleRow *row
        cdef const InstrumentRow *terms
        cdef int128 worth
        cdef int scale
        cdef uint64_t i
        self.out.begin()
        for i in range(self.count):
            row = &self.rows[i]
            terms = self.listings.instrument(row.instrument)
            scale = terms.price_scale + terms.quantity_scale
            worth = <int128> terms.tick_mantissa * terms.lot_mantissa
            self.out.row(CANDLE_FIELDS)
            self.out.id(terms.symbol, sizeof(terms.symbol))
            self.out.text(NAMES[row.level], NAME)
            self.out.time(row.number * LENGTHS_NS[row.level])
            self.out.decimal(<int128> row.open_ticks * terms.tick_mantissa, terms.price_scale)
            self.out.decimal(<int128> row.high_ticks * terms.tick_mantissa, terms.price_scale)
            self.out.decimal(<int128> row.low_ticks * terms.tick_mantissa, terms.price_scale)
            self.out.decimal(<int128> row.close_ticks * terms.tick_mantissa, terms.price_scale)
            self.out.decimal(row.lots * terms.lot_mantissa, terms.quantity_scale)
            self.out.decimal(row.value * worth, scale)
            self.out.integer(row.trades)
            self.out.decimal(row.bought_lots * terms.lot_mantissa, terms.quantity_scale)
            self.out.decimal(row.bought_value * worth, scale)
        return 0
