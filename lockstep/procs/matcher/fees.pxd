from libc.stdint cimport int16_t, int64_t

cdef int64_t base_fee(int64_t lot_units, int64_t lots, int16_t ppm) except? -1 nogil
cdef int64_t quote_fee(int64_t unit_value, int64_t price_ticks, int64_t lots, int16_t ppm) except? -1 nogil
