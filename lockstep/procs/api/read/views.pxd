cimport cython
from libc.stdint cimport int64_t, uint64_t


@cython.final
cdef class SymbolView:
    cdef public bytes symbol
    cdef public bytes base
    cdef public bytes quote
    cdef public int base_scale
    cdef public int quote_scale
    cdef public int price_scale
    cdef public int64_t tick
    cdef public int quantity_scale
    cdef public int64_t lot
    cdef public int64_t unit_value
    cdef public int64_t lot_units
    cdef public int phase
    cdef public int64_t reference_ticks
    cdef public int64_t reference_ns
    cdef public int maker_fee_ppm
    cdef public int taker_fee_ppm
    cdef public int64_t most_lots
    cdef public int64_t most_value
    cdef public int band_bps


@cython.final
cdef class OrderView:
    cdef public SymbolView symbol
    cdef public int64_t order_id
    cdef public int64_t list_id
    cdef public int64_t mate_id
    cdef public int list_kind
    cdef public bytes list_name
    cdef public bytes client_order_id
    cdef public bytes original_client_order_id
    cdef public int side
    cdef public int ord_type
    cdef public int time_in_force
    cdef public int stp
    cdef public int flags
    cdef public int status
    cdef public int64_t price_ticks
    cdef public int64_t stop_price_ticks
    cdef public int64_t quantity_lots
    cdef public int64_t executed_lots
    cdef public int64_t executed_quote
    cdef public int64_t display_lots
    cdef public int64_t entered_ns
    cdef public int64_t changed_ns
    cdef public int64_t working_ns
    cdef public int end_reason
    cdef public int64_t prevented_lots
    cdef public int64_t prevented_match
    cdef public bint waits_for_list


@cython.final
cdef class FillView:
    cdef public SymbolView symbol
    cdef public int64_t trade_id
    cdef public int64_t order_id
    cdef public int64_t list_id
    cdef public int64_t price_ticks
    cdef public int64_t quantity_lots
    cdef public int64_t fee
    cdef public int64_t seq
    cdef public int64_t time_ns
    cdef public bint is_buyer
    cdef public bint is_maker


@cython.final
cdef class PreventedView:
    cdef public int64_t match_id
    cdef public int64_t trade_group
    cdef public int64_t counter_order_id
    cdef public int64_t price_ticks
    cdef public int64_t quantity_lots
    cdef public int64_t lost_lots


@cython.final
cdef class BalanceView:
    cdef public bytes asset
    cdef public int scale
    cdef public int64_t free
    cdef public int64_t held
