"""The assets and instruments that rows are written in terms of: names, ticks, lots and scales, by their numbers.

It only remembers what it is told; it never reads an event or the database.
"""

from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

cdef enum:
    MAX_INSTRUMENTS = 65536
    MAX_ASSETS = 65536


cdef class Listings:
    def __cinit__(self):
        self.instruments = <InstrumentRow *> calloc(MAX_INSTRUMENTS, sizeof(InstrumentRow))
        self.assets = <AssetRow *> calloc(MAX_ASSETS, sizeof(AssetRow))
        if self.instruments == NULL or self.assets == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.instruments)
        free(self.assets)

    def know_asset(self, number: int, name: bytes, scale: int) -> None:
        """Take an asset. Raises ValueError for a number beyond 65,535."""
        if not 0 <= number < MAX_ASSETS:
            raise ValueError(f"asset {number}: numbers go up to {MAX_ASSETS - 1}")
        cdef AssetRow *row = &self.assets[<uint32_t> number]
        cdef bytes padded = name.ljust(16, b"\0")
        memcpy(row.name, <const char *> padded, 16)
        row.scale = scale
        row.known = 1

    def know_instrument(
        self, number: int, symbol: bytes, base: int, quote: int, tick: tuple[int, int], lot: tuple[int, int]
    ) -> None:
        """Take an instrument; tick and lot are (mantissa, decimals). Raises ValueError as above."""
        if not 0 <= number < MAX_INSTRUMENTS:
            raise ValueError(f"instrument {number}: numbers go up to {MAX_INSTRUMENTS - 1}")
        cdef InstrumentRow *row = &self.instruments[<uint32_t> number]
        cdef bytes padded = symbol.ljust(16, b"\0")
        memcpy(row.symbol, <const char *> padded, 16)
        row.base_asset, row.quote_asset = base, quote
        row.tick_mantissa, row.price_scale = tick
        row.lot_mantissa, row.quantity_scale = lot
        row.known = 1

    cdef const InstrumentRow *instrument(self, uint32_t number) except NULL nogil:
        """An instrument that was told of; ValueError for any other."""
        if number >= MAX_INSTRUMENTS or not self.instruments[number].known:
            with gil:
                raise ValueError(f"instrument {number} was never defined")
        return &self.instruments[number]

    cdef const AssetRow *asset(self, uint32_t number) except NULL nogil:
        if number >= MAX_ASSETS or not self.assets[number].known:
            with gil:
                raise ValueError(f"asset {number} was never defined")
        return &self.assets[number]
