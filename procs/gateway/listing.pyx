"""What the venue lists, as the gateway needs it: instruments by symbol and by number, the scales of their assets.

It holds what definition events say and refuses nothing: the router has checked it all.

Memory: `listed` by instrument number; `buckets` is an open-addressing table of instrument numbers by symbol.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy

from procs.tables.saved cimport Loader, Saver
from shm.crc32c cimport crc32c
from shm.records cimport SYMBOL_SIZE, AssetDefinedRecord, InstrumentDefinedRecord

cdef extern from "<string.h>" nogil:
    size_t strnlen(const char *text, size_t most)

assert SYMBOL_BUCKETS == 2 * MAX_LISTED
assert SYMBOL_BUCKETS & (SYMBOL_BUCKETS - 1) == 0


cdef class Listing:
    """The listed instruments. Instrument 0 and asset 0 do not exist."""

    def __cinit__(self):
        self.listed = <Listed *> calloc(MAX_LISTED, sizeof(Listed))
        self.buckets = <uint32_t *> calloc(SYMBOL_BUCKETS, sizeof(uint32_t))
        if self.listed == NULL or self.buckets == NULL:
            raise MemoryError("no memory for the list of instruments")

    def __dealloc__(self):
        free(self.listed)
        free(self.buckets)

    cdef int add_asset(self, const AssetDefinedRecord *event) except -1 nogil:
        if event.asset >= MAX_ASSETS:
            with gil:
                raise ValueError(f"asset number {event.asset} is beyond {MAX_ASSETS - 1}")
        self.asset_scales[event.asset] = event.scale
        memcpy(self.asset_names[event.asset], event.name, SYMBOL_SIZE)
        return 0

    cdef int add_instrument(self, const InstrumentDefinedRecord *event) except -1 nogil:
        """List an instrument, or take its new terms; a symbol is never given to another."""
        cdef Listed *listed
        if event.instrument >= MAX_LISTED or event.base_asset >= MAX_ASSETS or event.quote_asset >= MAX_ASSETS:
            with gil:
                raise ValueError(f"instrument number {event.instrument} is beyond {MAX_LISTED - 1}")
        listed = &self.listed[event.instrument]
        if listed.instrument == 0:
            self.name(event.instrument, event.symbol)
        memcpy(listed.symbol, event.symbol, SYMBOL_SIZE)
        listed.symbol_size = strnlen(event.symbol, SYMBOL_SIZE)
        listed.instrument = event.instrument
        listed.base_asset = event.base_asset
        listed.quote_asset = event.quote_asset
        listed.matcher = event.matcher
        listed.base_scale = self.asset_scales[event.base_asset]
        listed.quote_scale = self.asset_scales[event.quote_asset]
        listed.price.scale = event.price_scale
        listed.price.step = event.tick_mantissa
        listed.price.most_decimals = max(listed.quote_scale, listed.price.scale)
        listed.quantity.scale = event.quantity_scale
        listed.quantity.step = event.lot_mantissa
        listed.quantity.most_decimals = max(listed.base_scale, listed.quantity.scale)
        listed.unit_value = event.unit_value
        listed.lot_units = event.lot_units
        return 0

    cdef void name(self, uint32_t instrument, const char *symbol) noexcept nogil:
        """A symbol that was not listed names this instrument from now on."""
        self.buckets[self.bucket_of(symbol, strnlen(symbol, SYMBOL_SIZE))] = instrument
        self.count += 1

    cdef uint32_t bucket_of(self, const char *symbol, size_t size) noexcept nogil:
        """The bucket that holds the symbol, or the free one that it would take."""
        cdef uint32_t bucket = crc32c(0, symbol, size) & (SYMBOL_BUCKETS - 1)
        cdef Listed *held
        while self.buckets[bucket]:
            held = &self.listed[self.buckets[bucket]]
            if held.symbol_size == size and memcmp(held.symbol, symbol, size) == 0:
                break
            bucket = (bucket + 1) & (SYMBOL_BUCKETS - 1)
        return bucket

    cdef const Listed *find(self, const char *symbol, size_t size) noexcept nogil:
        """The instrument of a symbol, or NULL. Expected time is constant."""
        cdef uint32_t instrument = self.buckets[self.bucket_of(symbol, size)]
        return &self.listed[instrument] if instrument else NULL

    cdef const Listed *get(self, uint32_t instrument) noexcept nogil:
        """The instrument of a number, or NULL."""
        if instrument >= MAX_LISTED or self.listed[instrument].instrument == 0:
            return NULL
        return &self.listed[instrument]

    cdef const char *asset_name(self, uint32_t asset) noexcept nogil:
        """The asset's name, zero-padded to 16 bytes."""
        return &self.asset_names[asset if asset < MAX_ASSETS else 0][0]

    def save(self, Saver saver not None) -> None:
        """Add the instruments and assets to a part."""
        cdef uint32_t instrument
        saver.put(self.asset_scales, sizeof(self.asset_scales))
        saver.put(self.asset_names, sizeof(self.asset_names))
        saver.put_64(self.count)
        for instrument in range(MAX_LISTED):
            if self.listed[instrument].instrument:
                saver.put(&self.listed[instrument], sizeof(Listed))

    def load(self, Loader loader not None) -> None:
        """Have the instruments and assets of a part; nothing is listed before. DamagedPart."""
        cdef Listed listed
        cdef uint64_t _
        loader.get(self.asset_scales, sizeof(self.asset_scales))
        loader.get(self.asset_names, sizeof(self.asset_names))
        for _ in range(loader.get_64()):
            loader.get(&listed, sizeof(Listed))
            self.name(listed.instrument, listed.symbol)
            self.listed[listed.instrument] = listed
