# Generated from shm/records.py by `python -m shm.layout`; do not edit.
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    SLOT_SIZE = 128
    RECORD_SIZE = 120
    CL_ORD_ID_SIZE = 36
    SYMBOL_SIZE = 16
    MAX_MATCHERS = 8

cdef enum:
    CMD_NEW_ORDER = 1
    CMD_CANCEL = 2
    CMD_REPLACE = 3
    CMD_DEPOSIT = 4
    CMD_ASSET = 5
    CMD_INSTRUMENT = 6
    CMD_ACCOUNT = 7
    CMD_SESSION = 8
    CMD_TICK = 9
    CMD_MARKER = 10
    CMD_EPOCH = 11
    CMD_EXT_CLIENT_ID = 64
    CMD_EXT_CREDENTIAL = 65

cdef enum:
    EVT_ACCEPTED = 1
    EVT_REJECTED = 2
    EVT_TRADED = 3
    EVT_CANCELLED = 4
    EVT_REPLACED = 5
    EVT_BALANCE = 6
    EVT_ASSET_DEFINED = 7
    EVT_INSTRUMENT_DEFINED = 8
    EVT_ACCOUNT_DEFINED = 9
    EVT_EPOCH_BEGUN = 10
    EVT_EXT_CLIENT_ID = 64
    EVT_EXT_CREDENTIAL = 65

cdef enum:
    SIDE_BUY = 1
    SIDE_SELL = 2

cdef enum:
    ORD_TYPE_MARKET = 1
    ORD_TYPE_LIMIT = 2

cdef enum:
    TIF_GTC = 1
    TIF_IOC = 3

cdef enum:
    CANCEL_REASON_REQUESTED = 1
    CANCEL_REASON_IOC_REMAINDER = 2
    CANCEL_REASON_MARKET_REMAINDER = 3

cdef enum:
    CODE_OK = 0
    CODE_UNKNOWN_SYMBOL = 1
    CODE_PRICE_OFF_TICK = 2
    CODE_QUANTITY_OFF_LOT = 3
    CODE_PRICE_NOT_POSITIVE = 4
    CODE_QUANTITY_NOT_POSITIVE = 5
    CODE_TOO_MANY_DECIMALS = 6
    CODE_NUMBER_TOO_LARGE = 7
    CODE_UNSUPPORTED_ORDER_TYPE = 8
    CODE_UNSUPPORTED_TIME_IN_FORCE = 9
    CODE_UNSUPPORTED_SIDE = 10
    CODE_CLIENT_ID_TOO_LONG = 11
    CODE_NOTIONAL_OVERFLOW = 12
    CODE_PRICE_MISSING = 13
    CODE_PRICE_NOT_ALLOWED = 14
    CODE_NO_CHANCE_OF_BALANCE = 15
    CODE_NOT_A_NUMBER = 16
    CODE_VENUE_BUSY = 17
    CODE_CLIENT_ID_EMPTY = 18
    CODE_DUPLICATE_CLIENT_ID = 100
    CODE_UNKNOWN_ORDER = 101
    CODE_INSUFFICIENT_BALANCE = 102
    CODE_UNKNOWN_ACCOUNT = 103
    CODE_UNKNOWN_INSTRUMENT = 104
    CODE_NO_REFERENCE_PRICE = 105
    CODE_TOO_OLD = 106
    CODE_BALANCE_OVERFLOW = 107
    CODE_SYMBOL_MISMATCH = 108
    CODE_INVALID_DEFINITION = 109
    CODE_SIDE_MISMATCH = 110
    CODE_LIMIT_REACHED = 111
    CODE_ORDER_CLOSED = 200
    CODE_QUANTITY_BELOW_FILLED = 201

cdef enum:
    NEW_ORDER_FLAG_POSS_RESEND = 1


cdef struct CommandRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session


cdef struct EventRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument


cdef struct NewOrderRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t instrument
    uint8_t side
    uint8_t ord_type
    uint8_t time_in_force
    uint8_t stp
    uint16_t flags
    uint16_t verdict
    int64_t price_ticks
    int64_t quantity_lots
    uint32_t msg_seq_num
    int16_t maker_fee_ppm
    int16_t taker_fee_ppm


cdef struct CancelRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t instrument
    uint32_t msg_seq_num
    uint16_t flags
    uint16_t verdict
    uint64_t order_id
    uint8_t side
    uint8_t reserved[15]


cdef struct ReplaceRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t instrument
    uint32_t msg_seq_num
    uint16_t flags
    uint16_t verdict
    int64_t price_ticks
    int64_t quantity_lots
    uint64_t order_id


cdef struct DepositRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t asset
    uint32_t reserved_1
    uint16_t flags
    uint16_t verdict
    int64_t amount
    uint8_t reserved_2[16]


cdef struct AssetRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char name[16]
    uint32_t asset
    uint8_t scale
    uint8_t reserved_1
    uint16_t verdict
    uint8_t reserved_2[48]


cdef struct InstrumentRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char symbol[16]
    uint32_t instrument
    uint32_t base_asset
    uint32_t quote_asset
    uint32_t tick_mantissa
    uint32_t lot_mantissa
    uint8_t price_scale
    uint8_t quantity_scale
    uint8_t matcher
    uint8_t reserved_1
    int64_t reference_price_ticks
    int64_t unit_value
    int64_t lot_units
    uint16_t verdict
    uint16_t collar_bps
    int16_t maker_fee_ppm
    int16_t taker_fee_ppm


cdef struct AccountRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char name[36]
    uint32_t reserved_1
    uint16_t flags
    uint16_t verdict
    uint32_t reserved_2
    uint8_t reserved_3[24]


cdef struct SessionRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint32_t next_msg_seq_num
    uint8_t up
    uint8_t reset
    uint16_t verdict
    uint8_t reserved_2[64]


cdef struct TickRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint8_t reserved[72]


cdef struct MarkerRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint64_t event_numbers[8]
    uint64_t reserved


cdef struct EpochRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint32_t rules_version
    uint32_t members
    uint8_t boot_id[16]
    uint8_t reserved[48]


cdef struct ExtClientIdRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char orig_cl_ord_id[36]
    uint8_t reserved[36]


cdef struct ExtCredentialRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint8_t salt[16]
    uint8_t hash[32]
    uint32_t memory_kib
    uint32_t time_cost
    uint32_t parallelism
    uint8_t reserved[12]


cdef struct AcceptedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint64_t order_id
    int64_t price_ticks
    int64_t quantity_lots
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint8_t side
    uint8_t ord_type
    uint8_t time_in_force
    uint8_t stp
    uint32_t msg_seq_num
    uint32_t reserved


cdef struct RejectedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint64_t order_id
    int64_t price_ticks
    int64_t quantity_lots
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint8_t side
    uint8_t command
    uint16_t code
    uint32_t msg_seq_num
    uint8_t ord_type
    uint8_t time_in_force
    uint16_t reserved


cdef struct TradedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint64_t maker_order_id
    uint64_t taker_order_id
    int64_t price_ticks
    int64_t quantity_lots
    int64_t maker_leaves_lots
    int64_t taker_leaves_lots
    int64_t maker_fee
    int64_t taker_fee
    uint32_t maker_account
    uint32_t taker_account
    uint8_t taker_side
    uint8_t reserved_1
    uint16_t reserved_2
    uint32_t reserved_3


cdef struct CancelledRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint64_t order_id
    int64_t price_ticks
    int64_t leaves_lots
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint8_t side
    uint8_t reason
    uint8_t rested
    uint8_t reserved_1
    uint32_t msg_seq_num
    uint32_t reserved_2


cdef struct ReplacedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint64_t order_id
    int64_t price_ticks
    int64_t leaves_lots
    int64_t old_price_ticks
    int64_t old_leaves_lots
    char cl_ord_id[36]
    uint8_t side
    uint8_t kept_priority
    uint16_t reserved


cdef struct BalanceRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint32_t account
    uint32_t asset
    int64_t free
    int64_t held
    uint8_t reserved[56]


cdef struct AssetDefinedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    char name[16]
    uint32_t asset
    uint8_t scale
    uint8_t reserved_1
    uint16_t reserved_2
    uint8_t reserved_3[56]


cdef struct InstrumentDefinedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    char symbol[16]
    uint32_t base_asset
    uint32_t quote_asset
    uint32_t tick_mantissa
    uint32_t lot_mantissa
    uint8_t price_scale
    uint8_t quantity_scale
    uint8_t matcher
    uint8_t reserved_1
    uint16_t collar_bps
    int16_t maker_fee_ppm
    int16_t taker_fee_ppm
    uint16_t reserved_2
    uint32_t reserved_3
    int64_t reference_price_ticks
    int64_t unit_value
    int64_t lot_units
    uint64_t reserved_4


cdef struct AccountDefinedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint32_t account
    char name[36]
    uint8_t reserved[40]


cdef struct EpochBegunRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint32_t rules_version
    uint32_t members
    uint8_t boot_id[16]
    uint8_t reserved[56]


cdef struct ExtClientIdEventRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    char orig_cl_ord_id[36]
    uint8_t reserved[44]


cdef struct ExtCredentialEventRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint8_t salt[16]
    uint8_t hash[32]
    uint32_t memory_kib
    uint32_t time_cost
    uint32_t parallelism
    uint8_t reserved[20]
