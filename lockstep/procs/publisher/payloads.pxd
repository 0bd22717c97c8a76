from libc.stdint cimport uint64_t

from lockstep.procs.publisher.market cimport Market
from lockstep.procs.publisher.text cimport Text

cdef char *write_price_row(char *out, const Market *market) noexcept nogil
cdef char *write_best_row(char *out, const Market *market) noexcept nogil
cdef int write_depth(const Market *market, uint64_t limit, Text *out) except -1 nogil
cdef int write_figures(const Market *market, int kind, uint64_t unit_ns, Text *out) except -1 nogil
cdef int write_latest(Market *market, int kind, Text *out) except -1 nogil
cdef uint64_t window_begin(int window, uint64_t now_ns) noexcept nogil
