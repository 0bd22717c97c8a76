from libc.stdint cimport uint8_t, uint32_t

cdef struct InstrumentRow:
    char symbol[16]
    uint32_t base_asset
    uint32_t quote_asset
    uint32_t tick_mantissa
    uint32_t lot_mantissa
    uint8_t price_scale
    uint8_t quantity_scale
    uint8_t known

cdef struct AssetRow:
    char name[16]
    uint8_t scale
    uint8_t known

cdef class Listings:
    cdef InstrumentRow *instruments
    cdef AssetRow *assets
    cdef const InstrumentRow *instrument(self, uint32_t number) except NULL nogil
    cdef const AssetRow *asset(self, uint32_t number) except NULL nogil
