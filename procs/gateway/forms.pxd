cimport cython
from libc.stdint cimport int64_t, uint32_t

from procs.gateway.ids cimport RefusedIds
from procs.gateway.listing cimport Listed, Listing
from shm.board cimport Board
from shm.records cimport CL_ORD_ID_SIZE, CancelRecord, NewOrderRecord, ReplaceRecord

cdef struct Text:
    const char *at           # NULL where the field is absent
    size_t size

cdef struct Form:            # the fields of an order message that this venue reads
    char msg_type
    bint poss_resend
    uint32_t msg_seq_num
    Text cl_ord_id
    Text orig_cl_ord_id
    Text symbol
    Text side
    Text ord_type
    Text time_in_force
    Text price
    Text quantity

cdef struct Terms:           # what a form means, checked
    const Listed *listed
    char cl_ord_id[CL_ORD_ID_SIZE]
    char orig_cl_ord_id[CL_ORD_ID_SIZE]
    int side
    int ord_type
    int time_in_force
    int64_t price_ticks
    int64_t quantity_lots

cdef struct Refusal:
    int code                 # CODE_OK: there is none
    Text sent                # the value that is wrong


@cython.final
cdef class Checker:
    cdef Listing listing
    cdef RefusedIds refused
    cdef Board board
    cdef Refusal check(self, const Form *form, uint32_t account, Terms *terms) noexcept nogil
    cdef Refusal check_new(self, const Form *form, uint32_t account, Terms *terms) noexcept nogil
    cdef Refusal check_ids(self, const Form *form, Terms *terms) noexcept nogil
    cdef Refusal check_kind(self, const Form *form, Terms *terms) noexcept nogil
    cdef Refusal check_numbers(self, const Form *form, Terms *terms) noexcept nogil
    cdef bint hopeless(self, uint32_t account, const Terms *terms) noexcept nogil
    cdef bint settled(self) noexcept nogil
