from libc.stdint cimport int64_t

from lockstep.procs.api.binance.json_text cimport JsonText
from lockstep.procs.api.read.views cimport FillView, OrderView

cpdef bytes order_answer(OrderView order, int detail, list fills, int64_t time_unit)
cpdef bytes order_row(OrderView order, int64_t time_unit)
cpdef bytes order_rows(list orders, int64_t time_unit)
cpdef bytes cancel_answer(OrderView order, int64_t time_unit)
cpdef bytes cancel_answers(list orders, int64_t time_unit)
cpdef bytes cancel_replace_answer(bytes cancelled, bytes placed)
cpdef bytes amend_answer(OrderView order, int64_t execution_id, int64_t time_unit)
cpdef bytes list_answer(
    list orders, bint triggers, bint is_done, bytes list_client_order_id, int detail, bint is_cancel, int64_t time_unit
)
cpdef bytes trade_rows(list fills, int64_t time_unit)
cdef int put_price(JsonText out, OrderView order) except -1
cdef int put_lots(JsonText out, OrderView order, int64_t lots) except -1
cdef int put_stop_price(JsonText out, OrderView order) except -1
cdef int put_quantity(JsonText out, OrderView order) except -1
cdef int put_quote(JsonText out, OrderView order, int64_t amount) except -1
cdef bytes status_word(OrderView order)
cdef bytes type_word(OrderView order)
cdef bytes time_word(OrderView order)
cdef bytes side_word(int side)
cpdef bytes self_trade_word(int mode)
