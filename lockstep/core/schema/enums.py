"""The enums of the schema: what kinds of records, orders, phases, outcomes and refusals there are.

Values are part of journals and never change their meaning. Where FIX has a character for it, the value is FIX's.
"""

from __future__ import annotations

from enum import IntEnum


class CommandType(IntEnum):
    """What a record of the log asks for, or, for an extension, what it adds to the main record that follows."""

    NEW_ORDER = 1
    CANCEL = 2
    REPLACE = 3
    DEPOSIT = 4
    ASSET = 5
    INSTRUMENT = 6
    ACCOUNT = 7
    SESSION = 8
    TICK = 9
    MARKER = 10
    EPOCH = 11
    MASS_CANCEL = 12
    KILL_SWITCH = 13
    PHASE = 14
    SCHEDULE = 15
    LIMITS = 16
    ACCOUNT_LIMITS = 17
    POSITION_LIMIT = 18
    FEE_TIER = 19
    WITHDRAWAL = 20
    ADJUSTMENT = 21
    CORRECTION = 22
    ACTIVATE = 23
    SNAPSHOT = 24
    CORRECTION_PROPOSAL = 25
    RESERVATION = 26
    API_KEY = 27
    KEY_REVOCATION = 28
    REGISTRATION = 29
    WELCOME = 30
    SECOND_FACTOR = 31
    FACTOR_USE = 32
    WITHDRAWAL_REQUEST = 33
    WITHDRAWAL_DECISION = 34
    DEPOSIT_LIMIT = 35
    CANCEL_AFTER = 36
    PASSWORD_RESET = 37
    DISMISSAL = 38
    EXT_CLIENT_ID = 64
    EXT_CREDENTIAL = 65
    EXT_TERMS = 66
    EXT_LEG = 67
    EXT_KEY_MATERIAL = 68
    EXT_ADDRESSES = 69
    EXT_RECOVERY = 70
    EXT_DESTINATION = 71
    EXT_LIST_NAME = 72


class EventType(IntEnum):
    """What came of a command. Definition events repeat the body of the command that caused them."""

    ACCEPTED = 1
    REJECTED = 2
    TRADED = 3
    CANCELLED = 4
    REPLACED = 5
    BALANCE = 6
    ASSET_DEFINED = 7
    INSTRUMENT_DEFINED = 8
    ACCOUNT_DEFINED = 9
    EPOCH_BEGUN = 10
    TRIGGERED = 11
    RESTATED = 12
    SHOWN = 13
    PHASE_CHANGED = 14
    INDICATIVE = 15
    CONFIRMED = 16
    CORRECTED = 17
    SNAPSHOT = 18
    RESERVED = 19
    SETTLED = 20
    KEY_DEFINED = 21
    KEY_REVOKED = 22
    FACTOR_DEFINED = 23
    FACTOR_USED = 24
    WITHDRAWAL = 25
    PASSWORD_RESET = 26
    PREVENTED = 27
    EXT_CLIENT_ID = 64
    EXT_CREDENTIAL = 65
    EXT_TERMS = 66
    EXT_KEY_MATERIAL = 68
    EXT_ADDRESSES = 69
    EXT_RECOVERY = 70
    EXT_DESTINATION = 71
    EXT_LIST_NAME = 72


class EventFlag(IntEnum):
    """Bits of the `header_flags` of an event."""

    API = 1  # of REPLACED, ASSET_DEFINED, INSTRUMENT_DEFINED and CORRECTED: the api asked for it


class Side(IntEnum):
    BUY = 1
    SELL = 2


class OrderType(IntEnum):
    """FIX OrdType, except the trailing stop (FIX: P with ExecInst a)."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4
    TRAILING_STOP = 5


class TimeInForce(IntEnum):
    """FIX TimeInForce."""

    DAY = 0
    GTC = 1
    AT_THE_OPEN = 2
    IOC = 3
    FOK = 4
    GTD = 6
    AT_THE_CLOSE = 7


class SelfTrade(IntEnum):
    """What an incoming order does where it meets one of its account or group. DEFAULT in a request: the account's."""

    DEFAULT = 0
    NONE = 1
    CANCEL_NEWEST = 2
    CANCEL_OLDEST = 3
    CANCEL_BOTH = 4
    DECREMENT = 5


class OrderFlag(IntEnum):
    """Bits of the `flags` of an order command."""

    POSS_RESEND = 1
    BUDGET = 2  # the quantity of a market order is an amount of the quote asset, in its smallest units
    POST_ONLY = 4  # refused where it would trade at once
    SLIDE = 8  # with POST_ONLY: takes the best price at which it does not, instead of being refused
    TERMS = 16  # an EXT_TERMS record belongs to it
    LIST = 32  # an EXT_LEG record belongs to it
    BOTH_IDS = 64  # of a cancel or replace: `cl_ord_id` has the id of the order that it means, too (schema.client_ids)
    LIST_NAME = 128  # with LIST: an EXT_LIST_NAME record belongs to it


class ListKind(IntEnum):
    """FIX ContingencyType, of a list of two orders."""

    OCO = 1  # one cancels the other
    OTO = 2  # the main order's complete fill activates the other


class Phase(IntEnum):
    """What an instrument lets happen: see docs/rules.md."""

    CLOSED = 1
    PRE_OPEN = 2
    OPENING_AUCTION = 3
    CONTINUOUS = 4
    VOLATILITY_AUCTION = 5
    CLOSING_AUCTION = 6
    HALT = 7
    CANCEL_ONLY = 8
    DELISTED = 9


class PhaseReason(IntEnum):
    """Why the phase changed."""

    COMMAND = 1
    PRICE_BAND = 2
    TIMER = 3


class BandAction(IntEnum):
    """What happens where an order would trade outside its instrument's price bands."""

    REJECT = 1
    AUCTION = 2


class OrderState(IntEnum):
    """How an order stands after an event, for consumers that rebuild the book."""

    PLAIN = 0  # it trades; what is left when its command is done rests whole, unless it may not rest
    WAITING = 1  # not in the book, until TRIGGERED
    EXPLICIT = 2  # it trades; what it shows in the book is told by SHOWN events


class TriggerReason(IntEnum):
    STOP = 1
    LIST = 2
    AUCTION = 3


class RestateReason(IntEnum):
    SLID = 1
    SELF_TRADE = 2


class TradeFlag(IntEnum):
    AUCTION = 1


class KillScope(IntEnum):
    ACCOUNT = 1
    SESSION = 2


class Role(IntEnum):
    """What an account may do. An admin may do all that an operator may."""

    TRADER = 0
    OPERATOR = 1
    ADMIN = 2
    AUDITOR = 3  # nothing but read


class KeyKind(IntEnum):
    """How a request is signed with an API key."""

    HMAC = 1  # HMAC-SHA256, by a secret that the log has sealed
    ED25519 = 2
    RSA = 3  # RSASSA-PKCS1-v1_5 with SHA-256; the public exponent is 65537


class KeyScope(IntEnum):
    """Bits of what an API key may be used for."""

    READ = 1
    TRADE = 2
    WITHDRAW = 4


class RegistrationMode(IntEnum):
    """Who may define an account for himself."""

    CLOSED = 0
    OPEN = 1
    APPROVAL = 2  # the account is blocked until an operator turns its kill switch off


class DepositFlag(IntEnum):
    """Bits of the `flags` of a DEPOSIT, which the router stamps."""

    PROPOSAL = 1  # above what one operator may deposit: it moves nothing before a second one approves it


class WithdrawalStep(IntEnum):
    """What is decided of a withdrawal that was requested."""

    APPROVE = 1
    REJECT = 2
    PAID = 3
    CANCEL = 4  # by its owner


class WithdrawalState(IntEnum):
    """How far a withdrawal is. Its money is held in the first three."""

    REQUESTED = 1
    APPROVED_ONCE = 2
    APPROVED = 3  # by two operators: it may be paid
    PAID = 4  # the money has left the venue
    REJECTED = 5
    CANCELLED = 6


class CancelReason(IntEnum):
    """Why the rest of an order left the book, or never came into it."""

    REQUESTED = 1
    IOC_REMAINDER = 2
    MARKET_REMAINDER = 3
    FILL_OR_KILL = 4
    MINIMUM_QUANTITY = 5
    SELF_TRADE = 6
    EXPIRED = 7
    AUCTION_ENDED = 8
    PRICE_BAND = 9
    LIST = 10
    MASS_CANCEL = 11
    DELISTED = 12
    NO_FUNDS = 13
    VOIDED = 14


class Code(IntEnum):
    """The one table of reject codes, stamped as a command's verdict or carried by a REJECTED event.

    1–99 are stateless and refused by the gateway; 100–199 need state and are decided by the router, in the log;
    200–299 are decided by a matcher. docs/protocols/codes.md has what each means and what to do about it.
    """

    OK = 0
    UNKNOWN_SYMBOL = 1
    PRICE_OFF_TICK = 2
    QUANTITY_OFF_LOT = 3
    PRICE_NOT_POSITIVE = 4
    QUANTITY_NOT_POSITIVE = 5
    TOO_MANY_DECIMALS = 6
    NUMBER_TOO_LARGE = 7
    UNSUPPORTED_ORDER_TYPE = 8
    UNSUPPORTED_TIME_IN_FORCE = 9
    UNSUPPORTED_SIDE = 10
    CLIENT_ID_TOO_LONG = 11
    NOTIONAL_OVERFLOW = 12
    PRICE_MISSING = 13
    PRICE_NOT_ALLOWED = 14
    NO_CHANCE_OF_BALANCE = 15
    NOT_A_NUMBER = 16
    VENUE_BUSY = 17
    CLIENT_ID_EMPTY = 18
    STOP_PRICE_MISSING = 19
    STOP_PRICE_NOT_ALLOWED = 20
    TRAIL_MISSING = 21
    TRAIL_NOT_ALLOWED = 22
    DISPLAY_NOT_ALLOWED = 23
    DISPLAY_TOO_LARGE = 24
    MINIMUM_NOT_ALLOWED = 25
    MINIMUM_TOO_LARGE = 26
    EXPIRE_TIME_MISSING = 27
    EXPIRE_TIME_NOT_ALLOWED = 28
    EXPIRE_TIME_MALFORMED = 29
    POST_ONLY_NOT_ALLOWED = 30
    SLIDE_WITHOUT_POST_ONLY = 31
    BUDGET_NOT_ALLOWED = 32
    BUDGET_AND_QUANTITY = 33
    TIME_IN_FORCE_NOT_ALLOWED = 34
    UNSUPPORTED_SELF_TRADE = 35
    TERM_NEGATIVE = 36
    LIST_NOT_TWO = 37
    UNSUPPORTED_LIST = 38
    LIST_SYMBOLS_DIFFER = 39
    LIST_SIDES_DIFFER = 40
    LIST_QUANTITIES_DIFFER = 41
    LIST_TYPES_NOT_ALLOWED = 42
    LIST_IDS_EQUAL = 43
    UNSUPPORTED_MASS_CANCEL = 44
    DUPLICATE_CLIENT_ID = 100
    UNKNOWN_ORDER = 101
    INSUFFICIENT_BALANCE = 102
    UNKNOWN_ACCOUNT = 103
    UNKNOWN_INSTRUMENT = 104
    NO_REFERENCE_PRICE = 105
    TOO_OLD = 106
    BALANCE_OVERFLOW = 107
    SYMBOL_MISMATCH = 108
    INVALID_DEFINITION = 109
    SIDE_MISMATCH = 110
    LIMIT_REACHED = 111
    KILL_SWITCH = 112
    ORDER_RATE = 113
    TOO_MANY_OPEN_ORDERS = 114
    POSITION_LIMIT = 115
    QUANTITY_TOO_LARGE = 116
    VALUE_TOO_LARGE = 117
    EXPIRE_TIME_PASSED = 118
    LIST_ORDER_FIXED = 119
    NOT_AN_OPERATOR = 120
    UNKNOWN_PROPOSAL = 121
    SAME_OPERATOR = 122
    WOULD_LEAVE_SHORT = 123
    DELISTED = 124
    ALREADY_CORRECTED = 125
    TERMS_MISSING = 126
    JOURNAL_FULL = 127
    RESENT_TOO_LATE = 128
    KEY_UNKNOWN = 129
    KEY_REVOKED = 130
    KEY_EXPIRED = 131
    KEY_SCOPE = 132
    NAME_USED = 133
    TOO_MANY_KEYS = 134
    ROLE_NOT_ALLOWED = 135
    REGISTRATION_CLOSED = 136
    FACTOR_UNKNOWN = 137
    FACTOR_USED = 138
    ALREADY_WELCOMED = 139
    UNKNOWN_WITHDRAWAL = 140
    WITHDRAWAL_STATE = 141
    OWN_WITHDRAWAL = 142
    TOO_MANY_WITHDRAWALS = 143
    DESTINATION_MISSING = 144
    RESET_NEEDED = 145
    RESET_UNKNOWN = 146
    SECOND_NEEDED = 147
    NO_SECOND = 148
    OWN_ACCOUNT = 149
    SESSION_ENDED = 150
    VALID_UNTIL_PASSED = 151
    ORDER_CLOSED = 200
    QUANTITY_BELOW_FILLED = 201
    WOULD_TAKE = 202
    PRICE_OUTSIDE_BAND = 203
    NOT_IN_THIS_PHASE = 204
    MARKET_CLOSED = 205
    HALTED = 206
    CANCEL_ONLY = 207
    TOO_MANY_TRAILING = 208
    TERMS_NOT_ALLOWED = 209
    VOIDED = 210
