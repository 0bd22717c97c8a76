cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t

from lockstep.core.schema.decimals cimport Grid
from lockstep.core.schema.records cimport SYMBOL_SIZE, AssetDefinedRecord, InstrumentDefinedRecord

cdef enum:
    MAX_ASSETS = 4096
    MAX_LISTED = 65536
    SYMBOL_BUCKETS = 131072

cdef struct Listing:
    char symbol[SYMBOL_SIZE]
    uint8_t symbol_size
    uint32_t instrument
    uint32_t base_asset
    uint32_t quote_asset
    int matcher
    Grid price
    Grid quantity
    int base_scale
    int quote_scale
    int64_t unit_value
    int64_t lot_units


@cython.final
cdef class Listings:
    cdef Listing *by_number
    cdef uint32_t *buckets
    cdef int asset_scales[MAX_ASSETS]
    cdef char asset_names[MAX_ASSETS][SYMBOL_SIZE]
    cdef readonly uint32_t count
    cdef int add_asset(self, const AssetDefinedRecord *event) except -1 nogil
    cdef int add_instrument(self, const InstrumentDefinedRecord *event) except -1 nogil
    cdef void name(self, uint32_t instrument, const char *symbol) noexcept nogil
    cdef uint32_t bucket_of(self, const char *symbol, size_t size) noexcept nogil
    cdef const Listing *find(self, const char *symbol, size_t size) noexcept nogil
    cdef const Listing *get(self, uint32_t instrument) noexcept nogil
    cdef const char *asset_name(self, uint32_t asset) noexcept nogil
