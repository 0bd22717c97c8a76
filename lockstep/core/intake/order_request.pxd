# What a client asks of an order, whatever the protocol: a protocol fills it, `validation` checks it and makes records.

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t
from libc.string cimport memcpy, memset

from lockstep.core.intake.listings cimport Listing
from lockstep.core.schema.decimals cimport Decimal, Fault, Grid, parse_decimal
from lockstep.core.schema.records cimport CL_ORD_ID_SIZE, CODE_OK, SYMBOL_SIZE, ExtTermsRecord, NewOrderRecord

# The values of a request: amounts in ticks, then those in lots, then the others.
ctypedef int OrderField
cdef enum:
    FIELD_PRICE = 0
    FIELD_STOP_PRICE = 1
    FIELD_TRAIL = 2
    FIELD_QUANTITY = 3
    FIELD_DISPLAY = 4
    FIELD_MINIMUM = 5
    FIELD_BUDGET = 6
    FIELD_CL_ORD_ID = 7
    FIELD_ORIG_CL_ORD_ID = 8
    FIELD_SYMBOL = 9
    FIELD_SIDE = 10
    FIELD_ORD_TYPE = 11
    FIELD_TIME_IN_FORCE = 12
    FIELD_EXPIRE_TIME = 13
    FIELD_EXPIRE_DATE = 14
    FIELD_POST_ONLY = 15
    FIELD_SLIDE = 16
    FIELD_SELF_TRADE = 17
    FIELD_TRANSACT_TIME = 18
    FIELD_KIND = 19              # of a list or of a mass cancel
    FIELD_LIST_SIZE = 20
    FIELD_NONE = 21

cdef enum:
    AMOUNTS = FIELD_BUDGET + 1
    NOT_OURS = 255               # a time in force or self-trade mode that this venue does not have

cdef enum MassScope:
    SCOPE_SYMBOL = 1
    SCOPE_ALL = 7

cdef struct Amount:              # a number as it was sent, exactly; with a fault it is none
    Decimal value
    Fault fault

cdef struct OrderRequest:
    int command                  # CMD_NEW_ORDER, CMD_CANCEL, CMD_REPLACE or CMD_MASS_CANCEL
    uint32_t sent                # 1 << OrderField for each value that was sent
    size_t id_size               # sizes as they were sent: what is cut below is refused
    size_t orig_id_size
    size_t symbol_size
    char symbol[SYMBOL_SIZE]
    char orig_cl_ord_id[CL_ORD_ID_SIZE]
    const Listing *listing       # of the symbol, once it is checked; NULL in a mass cancel of all symbols
    NewOrderRecord order         # sent: id, enums, flags, msg_seq_num. Checked: instrument, ticks and lots
    ExtTermsRecord more          # sent: times. Checked: ticks and lots
    bint has_more                # it takes the record of `more`, once it is checked
    Amount amounts[AMOUNTS]      # by OrderField, set where sent

cdef struct Refusal:
    int code                     # CODE_OK: there is none
    OrderField field             # which is wrong, sent or not
    int leg                      # whose, in a list
    Grid grid                    # whose steps it breaks; 0: that is not the fault


cdef inline Refusal refuse(int code, OrderField field) noexcept nogil:
    cdef Refusal refusal
    memset(&refusal, 0, sizeof(refusal))
    refusal.code = code
    refusal.field = field
    return refusal


cdef inline Refusal fine() noexcept nogil:
    return refuse(CODE_OK, FIELD_NONE)


cdef inline void begin(OrderRequest *request, int command) noexcept nogil:
    """Nothing is sent yet."""
    memset(request, 0, <char *> &request.amounts - <char *> request)
    request.command = command


cdef inline bint has(const OrderRequest *request, OrderField field) noexcept nogil:
    return (request.sent >> field) & 1


cdef inline void put_amount(OrderRequest *request, OrderField field, const char *text, size_t size) noexcept nogil:
    request.sent |= 1 << field
    request.amounts[field].fault = parse_decimal(text, size, &request.amounts[field].value)


cdef inline void put_id(OrderRequest *request, const char *text, size_t size) noexcept nogil:
    request.sent |= 1 << FIELD_CL_ORD_ID
    request.id_size = size
    memcpy(request.order.cl_ord_id, text, min(size, <size_t> CL_ORD_ID_SIZE))


cdef inline void put_orig_id(OrderRequest *request, const char *text, size_t size) noexcept nogil:
    request.sent |= 1 << FIELD_ORIG_CL_ORD_ID
    request.orig_id_size = size
    memcpy(request.orig_cl_ord_id, text, min(size, <size_t> CL_ORD_ID_SIZE))


cdef inline void put_symbol(OrderRequest *request, const char *text, size_t size) noexcept nogil:
    request.sent |= 1 << FIELD_SYMBOL
    request.symbol_size = size
    memcpy(request.symbol, text, min(size, <size_t> SYMBOL_SIZE))
