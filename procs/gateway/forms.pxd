cimport cython
from libc.stdint cimport int64_t, uint16_t, uint32_t

from procs.gateway.decimals cimport Grid
from procs.gateway.ids cimport RefusedIds
from procs.gateway.listing cimport Listed, Listing
from shm.board cimport Board
from shm.records cimport CL_ORD_ID_SIZE, ExtTermsRecord, NewOrderRecord

cdef struct Text:
    const char *at           # NULL where the field is absent
    size_t size

cdef struct Form:            # the fields of an order message that this venue reads
    char msg_type
    bint poss_resend
    bint has_terms           # it has one of the fields from `stop_price` on, which are not even set otherwise
    uint32_t msg_seq_num
    Text cl_ord_id
    Text orig_cl_ord_id
    Text symbol
    Text side
    Text ord_type
    Text time_in_force
    Text price
    Text quantity
    Text transact_time       # set where `poss_resend` only
    Text stop_price
    Text trail
    Text trail_kind
    Text display
    Text minimum
    Text expire_time
    Text expire_date
    Text exec_inst
    Text budget
    Text self_trade
    Text slide

cdef struct Terms:           # what a form means, checked
    const Listed *listed     # NULL only in a mass cancel of all symbols
    char orig_cl_ord_id[CL_ORD_ID_SIZE]
    bint has_more
    NewOrderRecord order     # without its header; a cancel or replace uses those of its fields that it has
    ExtTermsRecord more      # likewise; set where `has_more`

cdef struct Refusal:
    int code                 # CODE_OK: there is none
    Text sent                # the value that is wrong
    Grid grid                # whose steps it does not keep to; 0: that is not what is wrong


@cython.final
cdef class Checker:
    cdef Listing listing
    cdef RefusedIds refused
    cdef Board board
    cdef Refusal check(self, const Form *form, uint32_t account, Terms *terms) noexcept nogil
    cdef Refusal check_list(self, const Form *forms, Text kind, uint32_t account, Terms *terms) noexcept nogil
    cdef Refusal check_mass(self, const Form *form, Text kind, Terms *terms) noexcept nogil
    cdef Refusal check_status(self, const Form *form, Terms *terms) noexcept nogil
    cdef Refusal check_order(self, const Form *form, uint32_t account, Terms *terms) noexcept nogil
    cdef Refusal check_target(self, const Form *form, Terms *terms) noexcept nogil
    cdef bint hopeless(self, uint32_t account, const Terms *terms) noexcept nogil
    cdef bint settled(self) noexcept nogil
