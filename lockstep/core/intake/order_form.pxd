from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp

from lockstep.core.intake.listings cimport Listing
from lockstep.core.schema.decimals cimport Grid
from lockstep.core.schema.records cimport CL_ORD_ID_SIZE, CODE_OK, ExtTermsRecord, NewOrderRecord

cdef struct Text:
    const char *at           # NULL if the field is absent
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
    uint64_t valid_until_ns  # 0: it has none

cdef struct OrderTerms:           # what a form means, checked
    const Listing *listing     # NULL only in a mass cancel of all symbols
    char orig_cl_ord_id[CL_ORD_ID_SIZE]
    bint has_more
    NewOrderRecord order     # without its header; a cancel or replace uses those of its fields that it has
    ExtTermsRecord more      # likewise; set where `has_more`

cdef struct Refusal:
    int code                 # CODE_OK: there is none
    Text sent                # the value that is wrong
    Grid grid                # whose steps it breaks; 0: that is not the fault


cdef inline Refusal refuse(int code, Text sent) noexcept nogil:
    cdef Refusal refusal
    refusal.code = code
    refusal.sent = sent
    refusal.grid.step = refusal.grid.scale = refusal.grid.most_decimals = 0
    return refusal


cdef inline Refusal fine() noexcept nogil:
    cdef Refusal refusal
    refusal.code = CODE_OK
    refusal.sent.at = NULL
    refusal.sent.size = 0
    refusal.grid.step = refusal.grid.scale = refusal.grid.most_decimals = 0
    return refusal


cdef inline bint is_text(Text text, const char *wanted, size_t size) noexcept nogil:
    return text.size == size and memcmp(text.at, wanted, size) == 0


cdef inline bint is_char(Text text, char wanted) noexcept nogil:
    return text.size == 1 and text.at[0] == wanted
