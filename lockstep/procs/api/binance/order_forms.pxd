cimport cython
from libc.stdint cimport uint64_t

from lockstep.core.intake.order_request cimport OrderField, OrderRequest, Refusal
from lockstep.procs.api.binance.parameters cimport Parameters


# Which orders a cancel takes away: `cancelRestrictions`.
cdef enum Restriction:
    RESTRICTION_NONE = 0
    RESTRICTION_ONLY_NEW = 1
    RESTRICTION_ONLY_PARTIALLY_FILLED = 2

# What an answer to a new order says: `newOrderRespType`.
cdef enum Detail:
    DETAIL_ACK = 0
    DETAIL_RESULT = 1
    DETAIL_FULL = 2


@cython.final
cdef class LegNames:
    cdef dict fields                        # by OrderField
    cdef bytes type
    cdef bytes side
    cdef bytes client_order_id
    cdef bytes trailing
    cdef bytes peg
    cdef bytes strategy_id
    cdef bytes strategy_type
    cdef bytes of(self, OrderField field)


@cython.final
cdef class OrderForm:
    cdef OrderRequest request
    cdef readonly int detail
    cdef readonly bint wants_rates          # computeCommissionRates, of order/test
    cdef readonly bytes client_order_id
    cdef object error_of(self, const Refusal *refusal)


@cython.final
cdef class ListForm:
    cdef OrderRequest requests[2]           # OCO: the limit order, then the stop; OTO: working, then pending
    cdef LegNames first
    cdef LegNames second
    cdef readonly int kind                  # LIST_KIND_…
    cdef readonly int detail
    cdef readonly bytes list_client_order_id
    cdef readonly list client_order_ids
    cdef object error_of(self, const Refusal *refusal)


@cython.final
cdef class Target:
    cdef readonly bytes symbol
    cdef readonly uint64_t order_id         # 0: named by its client id only
    cdef readonly bytes client_order_id     # None: named by its number only


@cython.final
cdef class CancelForm:
    cdef readonly Target target
    cdef readonly bytes client_order_id     # the cancel's own
    cdef readonly int restriction
    cdef public uint64_t order_id           # once it is known


@cython.final
cdef class CancelReplaceForm:
    cdef readonly CancelForm cancel
    cdef readonly OrderForm order
    cdef readonly bint stop_on_failure
    cdef readonly bint cancel_when_too_many  # orderRateLimitExceededMode CANCEL_ONLY


@cython.final
cdef class AmendForm:
    cdef readonly Target target
    cdef OrderRequest request               # its quantity, and its new client id
    cdef object error_of(self, const Refusal *refusal)


cpdef OrderForm read_order(Parameters sent, bytes generated)
cpdef ListForm read_oco(Parameters sent, list generated)
cpdef ListForm read_old_oco(Parameters sent, list generated)
cpdef ListForm read_oto(Parameters sent, list generated)
cpdef Target read_target(Parameters sent)
cpdef CancelForm read_cancel(Parameters sent, bytes generated)
cpdef CancelReplaceForm read_cancel_replace(Parameters sent, bytes generated_cancel, bytes generated)
cpdef AmendForm read_amend(Parameters sent, bytes generated)
cpdef Target read_list_target(Parameters sent)
