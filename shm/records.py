"""The one schema of every record that Lockstep's processes pass, journal and publish.

It defines fixed-width Structs and the enums they use; it never reads memory or does I/O (`layout` derives the bytes).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from msgspec import Meta, Struct

SLOT_SIZE = 128
RECORD_SIZE = 120
CL_ORD_ID_SIZE = 36
SYMBOL_SIZE = 16
MAX_MATCHERS = 8

_I64_MAX = 2**63 - 1

u8 = Annotated[int, Meta(ge=0, le=2**8 - 1, extra={"c": "uint8_t", "size": 1})]
u16 = Annotated[int, Meta(ge=0, le=2**16 - 1, extra={"c": "uint16_t", "size": 2})]
u32 = Annotated[int, Meta(ge=0, le=2**32 - 1, extra={"c": "uint32_t", "size": 4})]
# Sequences, ids and times stay below 2**63, so that they are exact in PostgreSQL's bigint and in every client.
u64 = Annotated[int, Meta(ge=0, le=_I64_MAX, extra={"c": "uint64_t", "size": 8})]
i16 = Annotated[int, Meta(ge=-(2**15), le=2**15 - 1, extra={"c": "int16_t", "size": 2})]
i64 = Annotated[int, Meta(ge=-(2**63), le=_I64_MAX, extra={"c": "int64_t", "size": 8})]
text8 = Annotated[bytes, Meta(max_length=8, extra={"c": "char", "size": 8})]
text16 = Annotated[bytes, Meta(max_length=16, extra={"c": "char", "size": 16})]
text36 = Annotated[bytes, Meta(max_length=36, extra={"c": "char", "size": 36})]
bytes16 = Annotated[bytes, Meta(max_length=16, extra={"c": "uint8_t", "size": 16})]
bytes32 = Annotated[bytes, Meta(max_length=32, extra={"c": "uint8_t", "size": 32})]
u64x8 = Annotated[tuple[int, ...], Meta(min_length=8, max_length=8, extra={"c": "uint64_t", "size": 64})]


class CommandType(IntEnum):
    """What a record of the log asks for, or, for an extension, which main record it belongs to (the next one)."""

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
    EXT_CLIENT_ID = 64
    EXT_CREDENTIAL = 65


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
    EXT_CLIENT_ID = 64
    EXT_CREDENTIAL = 65


class Side(IntEnum):
    BUY = 1
    SELL = 2


class OrderType(IntEnum):
    MARKET = 1
    LIMIT = 2


class TimeInForce(IntEnum):
    GTC = 1
    IOC = 3


class CancelReason(IntEnum):
    """Why the rest of an order left the book."""

    REQUESTED = 1
    IOC_REMAINDER = 2
    MARKET_REMAINDER = 3


class Code(IntEnum):
    """The one table of reject codes, stamped as a command's verdict or carried by a REJECTED event.

    1–99 are stateless and refused by the gateway; 100–199 need state and are decided by the router, in the log;
    200–299 are decided by a matcher.
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
    ORDER_CLOSED = 200
    QUANTITY_BELOW_FILLED = 201


class NewOrderFlag(IntEnum):
    """Bits of the `flags` of an order command's header."""

    POSS_RESEND = 1


class Command(Struct, frozen=True, kw_only=True):
    """Header of every record of the log (48 bytes). The router writes all but what names the sender."""

    crc: u32 = 0
    type: u8 = 0
    version: u8 = 1
    header_flags: u16 = 0
    seq: u64 = 0
    epoch: u32 = 0
    ingress_incarnation: u32 = 0
    ingress_seq: u64 = 0
    time_ns: u64 = 0  # arrival at the gateway in an ingress ring; the router's log time in the log
    account: u32 = 0
    session: u32 = 0


class NewOrder(Command, frozen=True, kw_only=True):
    """An order. `price_ticks` of a market order is its collar, stamped by the router."""

    cl_ord_id: text36
    instrument: u32
    side: u8
    ord_type: u8
    time_in_force: u8
    stp: u8 = 0
    flags: u16 = 0
    verdict: u16 = 0
    price_ticks: i64 = 0
    quantity_lots: i64 = 0
    msg_seq_num: u32 = 0
    maker_fee_ppm: i16 = 0
    taker_fee_ppm: i16 = 0


class Cancel(Command, frozen=True, kw_only=True):
    """Cancels the order whose client id the EXT_CLIENT_ID record before it names; the router stamps its order_id."""

    cl_ord_id: text36
    instrument: u32
    msg_seq_num: u32 = 0
    flags: u16 = 0
    verdict: u16 = 0
    order_id: u64 = 0
    side: u8 = 0
    reserved: Annotated[bytes, Meta(max_length=15, extra={"c": "uint8_t", "size": 15})] = b""


class Replace(Command, frozen=True, kw_only=True):
    """Replaces price and total quantity (filled part included) of the order named as in Cancel."""

    cl_ord_id: text36
    instrument: u32
    msg_seq_num: u32 = 0
    flags: u16 = 0
    verdict: u16 = 0
    price_ticks: i64
    quantity_lots: i64
    order_id: u64 = 0


class Deposit(Command, frozen=True, kw_only=True):
    """Adds `amount` smallest units of an asset to the header's account; `cl_ord_id` is its idempotency key."""

    cl_ord_id: text36
    asset: u32
    reserved_1: u32 = 0
    flags: u16 = 0
    verdict: u16 = 0
    amount: i64
    reserved_2: bytes16 = b""


class Asset(Command, frozen=True, kw_only=True):
    """Lists an asset; `scale` is the number of decimals of its smallest unit."""

    name: text16
    asset: u32
    scale: u8
    reserved_1: u8 = 0
    verdict: u16 = 0
    reserved_2: Annotated[bytes, Meta(max_length=48, extra={"c": "uint8_t", "size": 48})] = b""


class Instrument(Command, frozen=True, kw_only=True):
    """Lists an instrument.

    tick = tick_mantissa / 10**price_scale quote; lot = lot_mantissa / 10**quantity_scale base; both in decimal.
    `unit_value` is what one tick times one lot is worth in the quote asset's smallest units; `lot_units` is one lot in
    the base asset's smallest units. Both are whole (rule 11).
    """

    symbol: text16
    instrument: u32
    base_asset: u32
    quote_asset: u32
    tick_mantissa: u32
    lot_mantissa: u32
    price_scale: u8
    quantity_scale: u8
    matcher: u8
    reserved_1: u8 = 0
    reference_price_ticks: i64
    unit_value: i64
    lot_units: i64
    verdict: u16 = 0
    collar_bps: u16
    maker_fee_ppm: i16
    taker_fee_ppm: i16


class Account(Command, frozen=True, kw_only=True):
    """Defines the header's account: its owner's name, which is username and SenderCompID.

    An EXT_CREDENTIAL record before it carries the password's hash.
    """

    name: text36
    reserved_1: u32 = 0
    flags: u16 = 0
    verdict: u16 = 0
    reserved_2: u32 = 0
    reserved_3: Annotated[bytes, Meta(max_length=24, extra={"c": "uint8_t", "size": 24})] = b""


class Session(Command, frozen=True, kw_only=True):
    """A FIX session logged on, or reset its numbers: what follows counts from `next_msg_seq_num`."""

    next_msg_seq_num: u32
    up: u8
    reset: u8
    verdict: u16 = 0
    reserved_2: Annotated[bytes, Meta(max_length=64, extra={"c": "uint8_t", "size": 64})] = b""


class Tick(Command, frozen=True, kw_only=True):
    """The clock, sequenced only while something is due: now the publication of changed balances."""

    reserved: Annotated[bytes, Meta(max_length=72, extra={"c": "uint8_t", "size": 72})] = b""


class Marker(Command, frozen=True, kw_only=True):
    """Settlement: the ledger has applied each matcher's events up to and including these event numbers."""

    event_numbers: u64x8
    reserved: u64 = 0


class Epoch(Command, frozen=True, kw_only=True):
    """A router began to lead, under the header's epoch."""

    rules_version: u32
    members: u32
    boot_id: bytes16
    reserved: Annotated[bytes, Meta(max_length=48, extra={"c": "uint8_t", "size": 48})] = b""


class ExtClientId(Command, frozen=True, kw_only=True):
    """Extension: the client id of the order that the next record (Cancel, Replace) means (FIX OrigClOrdID)."""

    orig_cl_ord_id: text36
    reserved: Annotated[bytes, Meta(max_length=36, extra={"c": "uint8_t", "size": 36})] = b""


class ExtCredential(Command, frozen=True, kw_only=True):
    """Extension: an argon2id hash (version 19) of the next record's account, with its parameters."""

    salt: bytes16
    hash: bytes32
    memory_kib: u32
    time_cost: u32
    parallelism: u32
    reserved: Annotated[bytes, Meta(max_length=12, extra={"c": "uint8_t", "size": 12})] = b""


class Event(Struct, frozen=True, kw_only=True):
    """Header of every event (40 bytes). `number` counts the events of one ring from 1; `cause` is a log sequence."""

    crc: u32 = 0
    type: u8 = 0
    version: u8 = 1
    header_flags: u16 = 0
    cause: u64 = 0
    time_ns: u64 = 0
    number: u64 = 0
    epoch: u32 = 0
    instrument: u32 = 0


class Accepted(Event, frozen=True, kw_only=True):
    """An order entered its matcher; `quantity_lots` is its whole quantity. Trades, a rest or a cancel follow."""

    order_id: u64
    price_ticks: i64
    quantity_lots: i64
    account: u32
    session: u32
    cl_ord_id: text36
    side: u8
    ord_type: u8
    time_in_force: u8
    stp: u8 = 0
    msg_seq_num: u32 = 0
    reserved: u32 = 0


class Rejected(Event, frozen=True, kw_only=True):
    """A command was refused with `code`. For a cancel or replace, an EXT_CLIENT_ID event before it names the target."""

    order_id: u64  # of the target, 0 where unknown; of the refused order itself (its cause) for a new order
    price_ticks: i64
    quantity_lots: i64
    account: u32
    session: u32
    cl_ord_id: text36
    side: u8
    command: u8
    code: u16
    msg_seq_num: u32 = 0
    ord_type: u8 = 0
    time_in_force: u8 = 0
    reserved: u16 = 0


class Traded(Event, frozen=True, kw_only=True):
    """One match, at the maker's price. Its trade id is its event number. Fees are in the asset each side receives."""

    maker_order_id: u64
    taker_order_id: u64
    price_ticks: i64
    quantity_lots: i64
    maker_leaves_lots: i64
    taker_leaves_lots: i64
    maker_fee: i64
    taker_fee: i64
    maker_account: u32
    taker_account: u32
    taker_side: u8
    reserved_1: u8 = 0
    reserved_2: u16 = 0
    reserved_3: u32 = 0


class Cancelled(Event, frozen=True, kw_only=True):
    """The rest of an order left the book. `cl_ord_id` is the request's own id, empty where there was no request."""

    order_id: u64
    price_ticks: i64
    leaves_lots: i64  # the quantity taken off
    account: u32
    session: u32
    cl_ord_id: text36
    side: u8
    reason: u8
    rested: u8 = 0  # 1 where the quantity stood in the book, 0 where it never did (the rest of an IOC or market order)
    reserved_1: u8 = 0
    msg_seq_num: u32 = 0
    reserved_2: u32 = 0


class Replaced(Event, frozen=True, kw_only=True):
    """An order took new terms under the id `cl_ord_id`; its whole quantity changed by leaves - old_leaves."""

    order_id: u64
    price_ticks: i64
    leaves_lots: i64
    old_price_ticks: i64
    old_leaves_lots: i64
    cl_ord_id: text36
    side: u8
    kept_priority: u8
    reserved: u16 = 0


class Balance(Event, frozen=True, kw_only=True):
    """An account's balance of one asset after `cause`, in smallest units."""

    account: u32
    asset: u32
    free: i64
    held: i64
    reserved: Annotated[bytes, Meta(max_length=56, extra={"c": "uint8_t", "size": 56})] = b""


class AssetDefined(Event, frozen=True, kw_only=True):
    name: text16
    asset: u32
    scale: u8
    reserved_1: u8 = 0
    reserved_2: u16 = 0
    reserved_3: Annotated[bytes, Meta(max_length=56, extra={"c": "uint8_t", "size": 56})] = b""


class InstrumentDefined(Event, frozen=True, kw_only=True):
    """Repeats Instrument; its id is in the header."""

    symbol: text16
    base_asset: u32
    quote_asset: u32
    tick_mantissa: u32
    lot_mantissa: u32
    price_scale: u8
    quantity_scale: u8
    matcher: u8
    reserved_1: u8 = 0
    collar_bps: u16
    maker_fee_ppm: i16
    taker_fee_ppm: i16
    reserved_2: u16 = 0
    reserved_3: u32 = 0
    reference_price_ticks: i64
    unit_value: i64
    lot_units: i64
    reserved_4: u64 = 0


class AccountDefined(Event, frozen=True, kw_only=True):
    """Repeats Account; an EXT_CREDENTIAL event precedes it."""

    account: u32
    name: text36
    reserved: Annotated[bytes, Meta(max_length=40, extra={"c": "uint8_t", "size": 40})] = b""


class EpochBegun(Event, frozen=True, kw_only=True):
    rules_version: u32
    members: u32
    boot_id: bytes16
    reserved: Annotated[bytes, Meta(max_length=56, extra={"c": "uint8_t", "size": 56})] = b""


class ExtClientIdEvent(Event, frozen=True, kw_only=True):
    """Extension of the next event of the same ring: the client id that a refused cancel or replace meant."""

    orig_cl_ord_id: text36
    reserved: Annotated[bytes, Meta(max_length=44, extra={"c": "uint8_t", "size": 44})] = b""


class ExtCredentialEvent(Event, frozen=True, kw_only=True):
    """Extension of the next event: the password hash of the account it defines."""

    salt: bytes16
    hash: bytes32
    memory_kib: u32
    time_cost: u32
    parallelism: u32
    reserved: Annotated[bytes, Meta(max_length=20, extra={"c": "uint8_t", "size": 20})] = b""


COMMANDS: dict[CommandType, type[Command]] = {
    CommandType.NEW_ORDER: NewOrder,
    CommandType.CANCEL: Cancel,
    CommandType.REPLACE: Replace,
    CommandType.DEPOSIT: Deposit,
    CommandType.ASSET: Asset,
    CommandType.INSTRUMENT: Instrument,
    CommandType.ACCOUNT: Account,
    CommandType.SESSION: Session,
    CommandType.TICK: Tick,
    CommandType.MARKER: Marker,
    CommandType.EPOCH: Epoch,
    CommandType.EXT_CLIENT_ID: ExtClientId,
    CommandType.EXT_CREDENTIAL: ExtCredential,
}

EVENTS: dict[EventType, type[Event]] = {
    EventType.ACCEPTED: Accepted,
    EventType.REJECTED: Rejected,
    EventType.TRADED: Traded,
    EventType.CANCELLED: Cancelled,
    EventType.REPLACED: Replaced,
    EventType.BALANCE: Balance,
    EventType.ASSET_DEFINED: AssetDefined,
    EventType.INSTRUMENT_DEFINED: InstrumentDefined,
    EventType.ACCOUNT_DEFINED: AccountDefined,
    EventType.EPOCH_BEGUN: EpochBegun,
    EventType.EXT_CLIENT_ID: ExtClientIdEvent,
    EventType.EXT_CREDENTIAL: ExtCredentialEvent,
}

ENUMS: tuple[type[IntEnum], ...] = (
    CommandType, EventType, Side, OrderType, TimeInForce, CancelReason, Code, NewOrderFlag,
)  # fmt: skip
