"""What the venue lists, as the gateway needs it: instruments by symbol and by number, the scales of their assets.

It holds what definition events say, unchecked: the router has checked it all.

Memory: `by_number` by instrument number; `buckets` is an open-addressing table of instrument numbers by symbol.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport SYMBOL_SIZE, AssetDefinedRecord, InstrumentDefinedRecord
from lockstep.core.tables.saved cimport Loader, Saver

cdef extern from "<string.h>" nogil:
    size_t strnlen(const char *text, size_t most)

assert SYMBOL_BUCKETS == 2 * MAX_LISTED
assert SYMBOL_BUCKETS & (SYMBOL_BUCKETS - 1) == 0


cdef class Listings:
    """The listed instruments. Instrument 0 and asset 0 do not exist."""

    def __cinit__(self):
        self.by_number = <Listing *> calloc(MAX_LISTED, sizeof(Listing))
        self.buckets = <uint32_t *> calloc(SYMBOL_BUCKETS, sizeof(uint32_t))
        if self.by_number == NULL or self.buckets == NULL:
            raise MemoryError("no memory for the list of instruments")

    def __dealloc__(self):
        free(self.by_number)
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
        cdef Listing *listing
        if event.instrument >= MAX_LISTED or event.base_asset >= MAX_ASSETS or event.quote_asset >= MAX_ASSETS:
            with gil:
                raise ValueError(f"instrument number {event.instrument} is beyond {MAX_LISTED - 1}")
        listing = &self.by_number[event.instrument]
        if listing.instrument == 0:
            self.name(event.instrument, event.symbol)
        memcpy(listing.symbol, event.symbol, SYMBOL_SIZE)
        listing.symbol_size = strnlen(event.symbol, SYMBOL_SIZE)
        listing.instrument = event.instrument
        listing.base_asset = event.base_asset
        listing.quote_asset = event.quote_asset
        listing.matcher = event.matcher
        listing.base_scale = self.asset_scales[event.base_asset]
        listing.quote_scale = self.asset_scales[event.quote_asset]
        listing.price.scale = event.price_scale
        listing.price.step = event.tick_mantissa
        listing.price.most_decimals = max(listing.quote_scale, listing.price.scale)
        listing.quantity.scale = event.quantity_scale
        listing.quantity.step = event.lot_mantissa
        listing.quantity.most_decimals = max(listing.base_scale, listing.quantity.scale)
        listing.unit_value = event.unit_value
        listing.lot_units = event.lot_units
        return 0

    cdef void name(self, uint32_t instrument, const char *symbol) noexcept nogil:
        """A symbol that was not listed names this instrument from now on."""
        self.buckets[self.bucket_of(symbol, strnlen(symbol, SYMBOL_SIZE))] = instrument
        self.count += 1

    cdef uint32_t bucket_of(self, const char *symbol, size_t size) noexcept nogil:
        """The bucket that holds the symbol, or the free one that it would take."""
        cdef uint32_t bucket = crc32c(0, symbol, size) & (SYMBOL_BUCKETS - 1)
        cdef Listing *held
        while self.buckets[bucket]:
            held = &self.by_number[self.buckets[bucket]]
            if held.symbol_size == size and memcmp(held.symbol, symbol, size) == 0:
                break
            bucket = (bucket + 1) & (SYMBOL_BUCKETS - 1)
        return bucket

    cdef const Listing *find(self, const char *symbol, size_t size) noexcept nogil:
        """The instrument of a symbol, or NULL. Expected time is constant."""
        cdef uint32_t instrument = self.buckets[self.bucket_of(symbol, size)]
        return &self.by_number[instrument] if instrument else NULL

    cdef const Listing *get(self, uint32_t instrument) noexcept nogil:
        """The instrument of a number, or NULL."""
        if instrument >= MAX_LISTED or self.by_number[instrument].instrument == 0:
            return NULL
        return &self.by_number[instrument]

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
            if self.by_number[instrument].instrument:
                saver.put(&self.by_number[instrument], sizeof(Listing))

    def load(self, Loader loader not None) -> None:
        """Load the instruments and assets of a part; nothing is listed before. DamagedPart."""
        cdef Listing listing
        cdef uint64_t _
        loader.get(self.asset_scales, sizeof(self.asset_scales))
        loader.get(self.asset_names, sizeof(self.asset_names))
        for _ in range(loader.get_64()):
            loader.get(&listing, sizeof(Listing))
            self.name(listing.instrument, listing.symbol)
            self.by_number[listing.instrument] = listing
