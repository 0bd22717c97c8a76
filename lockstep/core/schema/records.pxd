# Generated from lockstep/core/schema/records.py by `python -m lockstep.core.schema.layout`; do not edit.
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    SLOT_SIZE = 128
    RECORD_SIZE = 120
    CL_ORD_ID_SIZE = 36
    SYMBOL_SIZE = 16
    MAX_MATCHERS = 8
    API_RING = 10
    API_SESSION = 65536
    MAX_CANCEL_AFTER_S = 86400
    RESET_LIFE_S = 86400

cdef extern from *:
    """
    #define LOCKSTEP_SCHEMA_HASH 0x5c640524e46e1cb6ULL
    """
    const uint64_t SCHEMA_HASH "LOCKSTEP_SCHEMA_HASH"

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
    CMD_MASS_CANCEL = 12
    CMD_KILL_SWITCH = 13
    CMD_PHASE = 14
    CMD_SCHEDULE = 15
    CMD_LIMITS = 16
    CMD_ACCOUNT_LIMITS = 17
    CMD_POSITION_LIMIT = 18
    CMD_FEE_TIER = 19
    CMD_WITHDRAWAL = 20
    CMD_ADJUSTMENT = 21
    CMD_CORRECTION = 22
    CMD_ACTIVATE = 23
    CMD_SNAPSHOT = 24
    CMD_CORRECTION_PROPOSAL = 25
    CMD_RESERVATION = 26
    CMD_API_KEY = 27
    CMD_KEY_REVOCATION = 28
    CMD_REGISTRATION = 29
    CMD_WELCOME = 30
    CMD_SECOND_FACTOR = 31
    CMD_FACTOR_USE = 32
    CMD_WITHDRAWAL_REQUEST = 33
    CMD_WITHDRAWAL_DECISION = 34
    CMD_DEPOSIT_LIMIT = 35
    CMD_CANCEL_AFTER = 36
    CMD_PASSWORD_RESET = 37
    CMD_DISMISSAL = 38
    CMD_EXT_CLIENT_ID = 64
    CMD_EXT_CREDENTIAL = 65
    CMD_EXT_TERMS = 66
    CMD_EXT_LEG = 67
    CMD_EXT_KEY_MATERIAL = 68
    CMD_EXT_ADDRESSES = 69
    CMD_EXT_RECOVERY = 70
    CMD_EXT_DESTINATION = 71
    CMD_EXT_LIST_NAME = 72

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
    EVT_TRIGGERED = 11
    EVT_RESTATED = 12
    EVT_SHOWN = 13
    EVT_PHASE_CHANGED = 14
    EVT_INDICATIVE = 15
    EVT_CONFIRMED = 16
    EVT_CORRECTED = 17
    EVT_SNAPSHOT = 18
    EVT_RESERVED = 19
    EVT_SETTLED = 20
    EVT_KEY_DEFINED = 21
    EVT_KEY_REVOKED = 22
    EVT_FACTOR_DEFINED = 23
    EVT_FACTOR_USED = 24
    EVT_WITHDRAWAL = 25
    EVT_PASSWORD_RESET = 26
    EVT_PREVENTED = 27
    EVT_EXT_CLIENT_ID = 64
    EVT_EXT_CREDENTIAL = 65
    EVT_EXT_TERMS = 66
    EVT_EXT_KEY_MATERIAL = 68
    EVT_EXT_ADDRESSES = 69
    EVT_EXT_RECOVERY = 70
    EVT_EXT_DESTINATION = 71
    EVT_EXT_LIST_NAME = 72

cdef enum:
    EVENT_FLAG_API = 1

cdef enum:
    SIDE_BUY = 1
    SIDE_SELL = 2

cdef enum:
    ORD_TYPE_MARKET = 1
    ORD_TYPE_LIMIT = 2
    ORD_TYPE_STOP = 3
    ORD_TYPE_STOP_LIMIT = 4
    ORD_TYPE_TRAILING_STOP = 5

cdef enum:
    TIF_DAY = 0
    TIF_GTC = 1
    TIF_AT_THE_OPEN = 2
    TIF_IOC = 3
    TIF_FOK = 4
    TIF_GTD = 6
    TIF_AT_THE_CLOSE = 7

cdef enum:
    STP_DEFAULT = 0
    STP_NONE = 1
    STP_CANCEL_NEWEST = 2
    STP_CANCEL_OLDEST = 3
    STP_CANCEL_BOTH = 4
    STP_DECREMENT = 5

cdef enum:
    ORDER_FLAG_POSS_RESEND = 1
    ORDER_FLAG_BUDGET = 2
    ORDER_FLAG_POST_ONLY = 4
    ORDER_FLAG_SLIDE = 8
    ORDER_FLAG_TERMS = 16
    ORDER_FLAG_LIST = 32
    ORDER_FLAG_BOTH_IDS = 64
    ORDER_FLAG_LIST_NAME = 128

cdef enum:
    LIST_KIND_OCO = 1
    LIST_KIND_OTO = 2

cdef enum:
    PHASE_CLOSED = 1
    PHASE_PRE_OPEN = 2
    PHASE_OPENING_AUCTION = 3
    PHASE_CONTINUOUS = 4
    PHASE_VOLATILITY_AUCTION = 5
    PHASE_CLOSING_AUCTION = 6
    PHASE_HALT = 7
    PHASE_CANCEL_ONLY = 8
    PHASE_DELISTED = 9

cdef enum:
    PHASE_REASON_COMMAND = 1
    PHASE_REASON_PRICE_BAND = 2
    PHASE_REASON_TIMER = 3

cdef enum:
    BAND_ACTION_REJECT = 1
    BAND_ACTION_AUCTION = 2

cdef enum:
    ORDER_STATE_PLAIN = 0
    ORDER_STATE_WAITING = 1
    ORDER_STATE_EXPLICIT = 2

cdef enum:
    TRIGGER_REASON_STOP = 1
    TRIGGER_REASON_LIST = 2
    TRIGGER_REASON_AUCTION = 3

cdef enum:
    RESTATE_REASON_SLID = 1
    RESTATE_REASON_SELF_TRADE = 2

cdef enum:
    TRADE_FLAG_AUCTION = 1

cdef enum:
    KILL_SCOPE_ACCOUNT = 1
    KILL_SCOPE_SESSION = 2

cdef enum:
    ROLE_TRADER = 0
    ROLE_OPERATOR = 1
    ROLE_ADMIN = 2
    ROLE_AUDITOR = 3

cdef enum:
    KEY_KIND_HMAC = 1
    KEY_KIND_ED25519 = 2
    KEY_KIND_RSA = 3

cdef enum:
    KEY_SCOPE_READ = 1
    KEY_SCOPE_TRADE = 2
    KEY_SCOPE_WITHDRAW = 4

cdef enum:
    REGISTRATION_MODE_CLOSED = 0
    REGISTRATION_MODE_OPEN = 1
    REGISTRATION_MODE_APPROVAL = 2

cdef enum:
    DEPOSIT_FLAG_PROPOSAL = 1

cdef enum:
    WITHDRAWAL_STEP_APPROVE = 1
    WITHDRAWAL_STEP_REJECT = 2
    WITHDRAWAL_STEP_PAID = 3
    WITHDRAWAL_STEP_CANCEL = 4

cdef enum:
    WITHDRAWAL_STATE_REQUESTED = 1
    WITHDRAWAL_STATE_APPROVED_ONCE = 2
    WITHDRAWAL_STATE_APPROVED = 3
    WITHDRAWAL_STATE_PAID = 4
    WITHDRAWAL_STATE_REJECTED = 5
    WITHDRAWAL_STATE_CANCELLED = 6

cdef enum:
    CANCEL_REASON_REQUESTED = 1
    CANCEL_REASON_IOC_REMAINDER = 2
    CANCEL_REASON_MARKET_REMAINDER = 3
    CANCEL_REASON_FILL_OR_KILL = 4
    CANCEL_REASON_MINIMUM_QUANTITY = 5
    CANCEL_REASON_SELF_TRADE = 6
    CANCEL_REASON_EXPIRED = 7
    CANCEL_REASON_AUCTION_ENDED = 8
    CANCEL_REASON_PRICE_BAND = 9
    CANCEL_REASON_LIST = 10
    CANCEL_REASON_MASS_CANCEL = 11
    CANCEL_REASON_DELISTED = 12
    CANCEL_REASON_NO_FUNDS = 13
    CANCEL_REASON_VOIDED = 14

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
    CODE_STOP_PRICE_MISSING = 19
    CODE_STOP_PRICE_NOT_ALLOWED = 20
    CODE_TRAIL_MISSING = 21
    CODE_TRAIL_NOT_ALLOWED = 22
    CODE_DISPLAY_NOT_ALLOWED = 23
    CODE_DISPLAY_TOO_LARGE = 24
    CODE_MINIMUM_NOT_ALLOWED = 25
    CODE_MINIMUM_TOO_LARGE = 26
    CODE_EXPIRE_TIME_MISSING = 27
    CODE_EXPIRE_TIME_NOT_ALLOWED = 28
    CODE_EXPIRE_TIME_MALFORMED = 29
    CODE_POST_ONLY_NOT_ALLOWED = 30
    CODE_SLIDE_WITHOUT_POST_ONLY = 31
    CODE_BUDGET_NOT_ALLOWED = 32
    CODE_BUDGET_AND_QUANTITY = 33
    CODE_TIME_IN_FORCE_NOT_ALLOWED = 34
    CODE_UNSUPPORTED_SELF_TRADE = 35
    CODE_TERM_NEGATIVE = 36
    CODE_LIST_NOT_TWO = 37
    CODE_UNSUPPORTED_LIST = 38
    CODE_LIST_SYMBOLS_DIFFER = 39
    CODE_LIST_SIDES_DIFFER = 40
    CODE_LIST_QUANTITIES_DIFFER = 41
    CODE_LIST_TYPES_NOT_ALLOWED = 42
    CODE_LIST_IDS_EQUAL = 43
    CODE_UNSUPPORTED_MASS_CANCEL = 44
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
    CODE_KILL_SWITCH = 112
    CODE_ORDER_RATE = 113
    CODE_TOO_MANY_OPEN_ORDERS = 114
    CODE_POSITION_LIMIT = 115
    CODE_QUANTITY_TOO_LARGE = 116
    CODE_VALUE_TOO_LARGE = 117
    CODE_EXPIRE_TIME_PASSED = 118
    CODE_LIST_ORDER_FIXED = 119
    CODE_NOT_AN_OPERATOR = 120
    CODE_UNKNOWN_PROPOSAL = 121
    CODE_SAME_OPERATOR = 122
    CODE_WOULD_LEAVE_SHORT = 123
    CODE_DELISTED = 124
    CODE_ALREADY_CORRECTED = 125
    CODE_TERMS_MISSING = 126
    CODE_JOURNAL_FULL = 127
    CODE_RESENT_TOO_LATE = 128
    CODE_KEY_UNKNOWN = 129
    CODE_KEY_REVOKED = 130
    CODE_KEY_EXPIRED = 131
    CODE_KEY_SCOPE = 132
    CODE_NAME_USED = 133
    CODE_TOO_MANY_KEYS = 134
    CODE_ROLE_NOT_ALLOWED = 135
    CODE_REGISTRATION_CLOSED = 136
    CODE_FACTOR_UNKNOWN = 137
    CODE_FACTOR_USED = 138
    CODE_ALREADY_WELCOMED = 139
    CODE_UNKNOWN_WITHDRAWAL = 140
    CODE_WITHDRAWAL_STATE = 141
    CODE_OWN_WITHDRAWAL = 142
    CODE_TOO_MANY_WITHDRAWALS = 143
    CODE_DESTINATION_MISSING = 144
    CODE_RESET_NEEDED = 145
    CODE_RESET_UNKNOWN = 146
    CODE_SECOND_NEEDED = 147
    CODE_NO_SECOND = 148
    CODE_OWN_ACCOUNT = 149
    CODE_SESSION_ENDED = 150
    CODE_VALID_UNTIL_PASSED = 151
    CODE_ORDER_CLOSED = 200
    CODE_QUANTITY_BELOW_FILLED = 201
    CODE_WOULD_TAKE = 202
    CODE_PRICE_OUTSIDE_BAND = 203
    CODE_NOT_IN_THIS_PHASE = 204
    CODE_MARKET_CLOSED = 205
    CODE_HALTED = 206
    CODE_CANCEL_ONLY = 207
    CODE_TOO_MANY_TRAILING = 208
    CODE_TERMS_NOT_ALLOWED = 209
    CODE_VOIDED = 210


cdef struct CommandRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
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
    uint16_t ingress
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
    uint16_t ingress
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
    uint16_t ingress
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
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t asset
    uint32_t target
    uint16_t flags
    uint16_t verdict
    int64_t amount
    uint64_t proposal
    uint64_t reserved_2


cdef struct AssetRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
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
    uint16_t ingress
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
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char name[36]
    uint32_t target
    uint8_t role
    uint8_t takes_factor
    uint16_t verdict
    uint32_t reserved_2
    uint8_t reset_code[16]
    uint64_t proposal


cdef struct SessionRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
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
    uint64_t rights
    uint8_t reserved_2[56]


cdef struct TickRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
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
    uint16_t ingress
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
    uint16_t ingress
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
    uint32_t id_window_s
    uint32_t older_ids
    uint8_t reserved[40]


cdef struct ExtClientIdRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
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
    uint16_t ingress
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


cdef struct MassCancelRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
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
    uint32_t target
    uint8_t side
    uint8_t reserved[19]


cdef struct KillSwitchRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t target
    uint8_t scope
    uint8_t is_on
    uint16_t verdict
    uint8_t reserved[28]


cdef struct PhaseChangeRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t instrument
    uint8_t phase
    uint8_t entry
    uint16_t verdict
    uint8_t reserved[28]


cdef struct ScheduleRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t instrument
    uint8_t entry
    uint8_t entries
    uint16_t verdict
    uint32_t time_of_day_s
    uint8_t phase
    uint8_t days
    uint8_t reserved[22]


cdef struct LimitsRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint32_t instrument
    uint32_t volatility_auction_ms
    uint32_t day_end_s
    uint16_t static_band_bps
    uint16_t dynamic_band_bps
    uint8_t band_action
    uint8_t reserved_1
    uint16_t verdict
    uint32_t reserved_2
    int64_t max_quantity_lots
    int64_t max_value
    uint8_t reserved_3[32]


cdef struct AccountLimitsRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t target
    uint32_t max_open_orders
    uint32_t max_orders
    uint32_t window_ms
    uint32_t self_trade_group
    uint8_t self_trade
    uint8_t fee_tier
    uint16_t verdict
    uint8_t reserved[12]


cdef struct PositionLimitRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t target
    uint32_t asset
    uint16_t reserved_1
    uint16_t verdict
    int64_t max_units
    uint8_t reserved_2[16]


cdef struct FeeTierRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint8_t tier
    uint8_t reserved_1
    uint16_t verdict
    int16_t maker_fee_ppm
    int16_t taker_fee_ppm
    uint8_t reserved_2[28]


cdef struct WithdrawalRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t asset
    uint32_t target
    uint16_t flags
    uint16_t verdict
    int64_t amount
    uint64_t proposal
    uint64_t reserved_2


cdef struct AdjustmentRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t asset
    uint32_t target
    uint16_t reserved_1
    uint16_t verdict
    int64_t amount
    uint64_t proposal
    uint64_t reserved_2


cdef struct CorrectionRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint32_t instrument
    uint32_t buyer
    uint32_t seller
    uint8_t matcher
    uint8_t reserved_1
    uint16_t verdict
    uint64_t trade_id
    int64_t price_ticks
    int64_t quantity_lots
    int64_t new_price_ticks
    int64_t buyer_fee
    int64_t seller_fee
    uint64_t proposal


cdef struct ActivateRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint64_t order_id
    uint32_t instrument
    uint16_t reserved_1
    uint16_t verdict
    uint8_t reserved_2[56]


cdef struct SnapshotRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint64_t event_numbers[8]
    uint64_t router_number


cdef struct CorrectionProposalRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint32_t instrument
    uint32_t buyer
    uint32_t seller
    uint8_t matcher
    uint8_t reserved_1
    uint16_t verdict
    uint64_t trade_id
    int64_t price_ticks
    int64_t quantity_lots
    int64_t new_price_ticks
    int64_t buyer_fee
    int64_t seller_fee
    uint64_t reserved_2


cdef struct ReservationRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint32_t generation
    uint32_t first
    uint32_t end
    uint16_t reserved_1
    uint16_t verdict
    uint8_t fix_version
    uint8_t reserved_2[55]


cdef struct ExtTermsRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    int64_t stop_price_ticks
    int64_t trail_ticks
    int64_t display_lots
    int64_t minimum_lots
    uint64_t expire_ns
    uint64_t transact_ns
    uint64_t valid_until_ns
    uint8_t reserved[16]


cdef struct ExtLegRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
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
    uint16_t list_kind
    int64_t price_ticks
    int64_t quantity_lots
    uint32_t msg_seq_num
    int16_t maker_fee_ppm
    int16_t taker_fee_ppm


cdef struct ApiKeyRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char name[36]
    uint32_t key
    uint64_t expiry_ns
    uint32_t target
    uint8_t kind
    uint8_t scopes
    uint16_t verdict
    uint8_t networks
    uint8_t more_materials
    uint8_t reserved[14]


cdef struct KeyRevocationRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char name[36]
    uint32_t key
    uint16_t reserved_1
    uint16_t verdict
    uint8_t reserved_2[28]


cdef struct RegistrationRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint8_t mode
    uint8_t reserved_1
    uint16_t verdict
    uint64_t proposal
    uint8_t reserved_2[24]


cdef struct WelcomeRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t asset
    int64_t amount
    uint16_t reserved_1
    uint16_t verdict
    uint32_t reserved_2
    uint64_t proposal
    uint64_t reserved_3


cdef struct SecondFactorRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint32_t target
    uint8_t size
    uint8_t reserved
    uint16_t verdict
    uint8_t secret[64]


cdef struct FactorUseRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char request[36]
    uint32_t reserved_1
    uint64_t step
    uint8_t code
    uint8_t reserved_2
    uint16_t verdict
    uint8_t reserved_3[20]


cdef struct WithdrawalRequestRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t asset
    uint32_t target
    uint16_t flags
    uint16_t verdict
    int64_t amount
    uint8_t reserved_2[16]


cdef struct WithdrawalDecisionRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint8_t step
    uint8_t reserved_1
    uint16_t verdict
    uint32_t asset
    uint32_t target
    int64_t amount
    uint64_t withdrawal
    uint64_t reserved_2


cdef struct DepositLimitRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t asset
    int64_t amount
    uint16_t reserved_1
    uint16_t verdict
    uint32_t reserved_2
    uint64_t proposal
    uint64_t reserved_3


cdef struct CancelAfterRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t seconds
    uint16_t reserved_1
    uint16_t verdict
    uint8_t reserved_2[28]


cdef struct PasswordResetRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint32_t target
    uint8_t takes_factor
    uint8_t reserved_1
    uint16_t verdict
    uint32_t reserved_2
    uint64_t proposal
    uint8_t code_hash[16]


cdef struct DismissalRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char cl_ord_id[36]
    uint8_t proposed
    uint8_t reserved_1
    uint16_t verdict
    uint64_t proposal
    uint8_t reserved_2[24]


cdef struct ExtKeyMaterialRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint8_t material[64]
    uint8_t size
    uint8_t reserved[7]


cdef struct ExtAddressesRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint8_t addresses[64]
    uint8_t prefixes[4]
    uint8_t count
    uint8_t reserved[3]


cdef struct ExtRecoveryRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    uint8_t hashes[70]
    uint8_t count
    uint8_t reserved


cdef struct ExtDestinationRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char destination[72]


cdef struct ExtListNameRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t ingress
    uint64_t seq
    uint32_t epoch
    uint32_t ingress_incarnation
    uint64_t ingress_seq
    uint64_t time_ns
    uint32_t account
    uint32_t session
    char name[36]
    uint8_t reserved[36]


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
    uint16_t flags
    uint8_t state
    uint8_t reserved


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
    uint8_t flags
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
    uint8_t state
    uint8_t reserved


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
    uint8_t role
    uint8_t takes_factor
    uint16_t reserved_2
    uint32_t asked_by
    uint32_t session
    uint8_t reserved_3[28]


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


cdef struct TriggeredRecord:
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
    int64_t stop_price_ticks
    uint32_t account
    uint8_t side
    uint8_t state
    uint8_t reason
    uint8_t reserved_1
    uint8_t reserved_2[40]


cdef struct RestatedRecord:
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
    uint32_t account
    uint8_t side
    uint8_t state
    uint8_t reason
    uint8_t rested
    uint8_t reserved_2[32]


cdef struct ShownRecord:
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
    int64_t shown_lots
    int64_t old_shown_lots
    int64_t leaves_lots
    uint32_t account
    uint8_t side
    uint8_t is_refresh
    uint16_t reserved_1
    uint8_t reserved_2[32]


cdef struct PhaseChangedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint8_t phase
    uint8_t old_phase
    uint8_t reason
    uint8_t reserved_1
    uint32_t reserved_2
    uint64_t ends_ns
    int64_t auction_price_ticks
    int64_t auction_lots
    int64_t reference_price_ticks
    uint8_t reserved_3[40]


cdef struct IndicativeRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    int64_t price_ticks
    int64_t quantity_lots
    int64_t imbalance_lots
    uint8_t reserved[56]


cdef struct ConfirmedRecord:
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
    uint32_t session
    uint32_t target
    uint8_t command
    uint8_t side
    uint8_t is_on
    uint8_t is_due
    char cl_ord_id[36]
    uint32_t msg_seq_num
    int64_t amount
    uint32_t asset
    uint32_t seconds
    uint64_t proposal


cdef struct CorrectedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint64_t trade_id
    int64_t price_ticks
    int64_t quantity_lots
    int64_t new_price_ticks
    uint32_t buyer
    uint32_t seller
    int64_t buyer_fee
    int64_t seller_fee
    uint8_t matcher
    uint8_t reserved_1
    uint16_t reserved_2
    uint32_t reserved_3
    uint8_t reserved_4[16]


cdef struct SnapshotTakenRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint64_t event_numbers[8]
    uint8_t reserved[16]


cdef struct ReservedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint32_t session
    uint32_t generation
    uint32_t first
    uint32_t end
    uint8_t fix_version
    uint8_t reserved_1[63]


cdef struct ExtTermsEventRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    int64_t stop_price_ticks
    int64_t trail_ticks
    int64_t display_lots
    int64_t minimum_lots
    uint64_t expire_ns
    uint64_t mate_order_id
    uint8_t list_kind
    uint8_t reserved_1[31]


cdef struct SettledRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint64_t event_numbers[8]
    uint8_t reserved[16]


cdef struct KeyDefinedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    char name[36]
    uint32_t key
    uint64_t expiry_ns
    uint32_t account
    uint8_t kind
    uint8_t scopes
    uint8_t networks
    uint8_t reserved_1
    uint32_t asked_by
    uint32_t session
    uint8_t reserved_2[16]


cdef struct KeyRevokedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    char name[36]
    uint32_t key
    uint32_t account
    uint32_t asked_by
    uint32_t session
    uint8_t reserved[28]


cdef struct FactorDefinedRecord:
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
    uint32_t session
    uint8_t size
    uint8_t reserved_1
    uint16_t reserved_2
    uint32_t asked_by
    uint8_t secret[64]


cdef struct FactorUsedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    char request[36]
    uint32_t account
    uint64_t step
    uint32_t session
    uint8_t code
    uint8_t reserved[27]


cdef struct WithdrawalChangedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint64_t withdrawal
    int64_t amount
    uint32_t account
    uint32_t asset
    uint32_t asked_by
    uint32_t session
    char cl_ord_id[36]
    uint8_t state
    uint8_t step
    uint16_t reserved_1
    uint64_t reserved_2


cdef struct PasswordResetChangedRecord:
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
    uint32_t asked_by
    uint32_t session
    uint8_t takes_factor
    uint8_t is_approved
    uint16_t reserved_1
    char cl_ord_id[36]
    uint32_t reserved_2
    uint64_t proposal
    uint8_t code_hash[16]


cdef struct PreventedRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint64_t taker_order_id
    uint64_t maker_order_id
    int64_t price_ticks
    int64_t quantity_lots
    int64_t taker_lots
    int64_t maker_lots
    uint32_t taker_account
    uint32_t maker_account
    uint8_t taker_side
    uint8_t mode
    uint16_t reserved_1
    uint32_t trade_group
    uint8_t reserved_2[16]


cdef struct ExtKeyMaterialEventRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint8_t material[64]
    uint8_t size
    uint8_t reserved[15]


cdef struct ExtAddressesEventRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint8_t addresses[64]
    uint8_t prefixes[4]
    uint8_t count
    uint8_t reserved[11]


cdef struct ExtRecoveryEventRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    uint8_t hashes[70]
    uint8_t count
    uint8_t reserved[9]


cdef struct ExtDestinationEventRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    char destination[72]
    uint64_t reserved


cdef struct ExtListNameEventRecord:
    uint32_t crc
    uint8_t type
    uint8_t version
    uint16_t header_flags
    uint64_t cause
    uint64_t time_ns
    uint64_t number
    uint32_t epoch
    uint32_t instrument
    char name[36]
    uint8_t reserved[44]
