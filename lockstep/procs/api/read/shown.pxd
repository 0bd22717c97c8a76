cimport cython
from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.intake.orders cimport ClientOrder, FurtherTerms
from lockstep.procs.api.desk cimport Desk
from lockstep.procs.api.fills cimport Fill
from lockstep.procs.api.read.views cimport FillView, OrderView, SymbolView
from lockstep.procs.api.tracked_orders cimport Tracked


@cython.final
cdef class Shown:
    cdef readonly Desk desk
    cdef dict symbols        # by instrument: the event that defined it, and its view
    cpdef SymbolView symbol(self, uint32_t instrument)
    cdef tuple reference_of(self, bytes defined)
    cdef bint waits_for_list(self, const ClientOrder *order, const Tracked *tracked)
    cdef OrderView order(self, const ClientOrder *order)
    cdef OrderView terms(self, const ClientOrder *order, const FurtherTerms *further)
    cdef uint64_t ids_of(self, uint32_t account, uint32_t instrument, int which, page, list ids) except? 0
    cdef FillView fill(self, const Fill *fill)
    cpdef FillView numbered_fill(self, uint64_t number)
    cpdef OrderView order_of(self, uint64_t order_id)
