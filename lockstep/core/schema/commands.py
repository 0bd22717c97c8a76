"""The records of the log: commands about orders and markets, extensions before them, and the router's own.

It defines fixed-width Structs; `schema.layout` derives the bytes, and the router decides what becomes of a command.
Commands about persons and money are in `schema.identity` and `schema.money`, with their events.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from lockstep.core.schema.fields import bytes16, bytes32, i16, i64, text16, text36, u8, u16, u32, u64, u64x8


class Command(Struct, frozen=True, kw_only=True):
    """Header of every record of the log (48 bytes). The router writes all but what names the sender."""

    crc: u32 = 0
    type: u8 = 0
    version: u8 = 1
    ingress: u16 = 0  # which ingress ring it came by: its number, 0 for the router's own
    seq: u64 = 0
    epoch: u32 = 0
    ingress_incarnation: u32 = 0
    ingress_seq: u64 = 0
    time_ns: u64 = 0  # arrival at the gateway in an ingress ring; the router's log time in the log
    account: u32 = 0
    session: u32 = 0


class NewOrder(Command, frozen=True, kw_only=True):
    """An order. The router stamps the price of a market or stop order: the worst at which it may trade.

    It also stamps the self-trade mode, if that is DEFAULT, and the fee rates. Further terms are in the EXT_TERMS record
    right before it, the other order of a list in the EXT_LEG record before that, and the list's name before all.
    """

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
    """Cancels the order that it names by client id (`schema.client_ids` says where); the router stamps its order_id."""

    cl_ord_id: text36
    instrument: u32
    msg_seq_num: u32 = 0
    flags: u16 = 0
    verdict: u16 = 0
    order_id: u64 = 0
    side: u8 = 0
    reserved: Annotated[bytes, Meta(max_length=15, extra={"c": "uint8_t", "size": 15})] = b""


class Replace(Command, frozen=True, kw_only=True):
    """Replaces price and total quantity (filled part included) of the order named as in Cancel.

    The router stamps the price of an order that has none of its own (stop, trailing stop). An EXT_TERMS record
    before it, and before its EXT_CLIENT_ID if it has one, changes those of its terms that are not 0.
    """

    cl_ord_id: text36
    instrument: u32
    msg_seq_num: u32 = 0
    flags: u16 = 0
    verdict: u16 = 0
    price_ticks: i64
    quantity_lots: i64
    order_id: u64 = 0


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
    the base asset's smallest units. Both are whole (LOG-11).
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


class Session(Command, frozen=True, kw_only=True):
    """A FIX session logged on (`up`), reset its numbers or lost its connection: its next message has that number."""

    next_msg_seq_num: u32
    up: u8
    reset: u8
    verdict: u16 = 0
    rights: u64 = 0  # of the account, as the gateway knew them when it checked the password: see AccountDefined
    reserved_2: Annotated[bytes, Meta(max_length=56, extra={"c": "uint8_t", "size": 56})] = b""


class Tick(Command, frozen=True, kw_only=True):
    """The clock, sequenced only while something is due: expiry, the end of an auction, balances to publish."""

    reserved: Annotated[bytes, Meta(max_length=72, extra={"c": "uint8_t", "size": 72})] = b""


class Marker(Command, frozen=True, kw_only=True):
    """Settlement: the ledger has applied each matcher's events up to and including these event numbers."""

    event_numbers: u64x8
    reserved: u64 = 0


class Snapshot(Command, frozen=True, kw_only=True):
    """The venue is settled here, and each stage saves what it holds: nothing before this record is on its way.

    The event numbers are each matcher's last, and the router's: that of the SnapshotTaken event.
    """

    event_numbers: u64x8
    router_number: u64


class Epoch(Command, frozen=True, kw_only=True):
    """A router began to lead, under the header's epoch. `members`: see `venue.node.in_epoch`."""

    rules_version: u32
    members: u32
    boot_id: bytes16
    id_window_s: u32 = 0  # how long closed client ids are kept beyond each account's last ones,
    older_ids: u32 = 0  # and how many such, of all accounts
    reserved: Annotated[bytes, Meta(max_length=40, extra={"c": "uint8_t", "size": 40})] = b""


class ExtClientId(Command, frozen=True, kw_only=True):
    """Extension: the client id of the order that the next record (Cancel, Replace) means (FIX OrigClOrdID).

    Only where one of both ids is too long for both to be in that record.
    """

    orig_cl_ord_id: text36
    reserved: Annotated[bytes, Meta(max_length=36, extra={"c": "uint8_t", "size": 36})] = b""


class MassCancel(Command, frozen=True, kw_only=True):
    """Cancels all orders of an account, an instrument, a side, or any combination of these.

    An account may cancel its own; an operator any account's, and all accounts' with `target` 0; the router itself those
    of an account whose CANCEL_AFTER is due.
    """

    cl_ord_id: text36
    instrument: u32  # 0: all
    msg_seq_num: u32 = 0
    flags: u16 = 0
    verdict: u16 = 0
    target: u32  # account, 0: all
    side: u8 = 0  # 0: both
    reserved: Annotated[bytes, Meta(max_length=19, extra={"c": "uint8_t", "size": 19})] = b""


class KillSwitch(Command, frozen=True, kw_only=True):
    """Blocks an account's or a session's new orders and replaces, or lets them through again. Cancels always pass."""

    cl_ord_id: text36
    target: u32
    scope: u8
    is_on: u8
    verdict: u16 = 0
    reserved: Annotated[bytes, Meta(max_length=28, extra={"c": "uint8_t", "size": 28})] = b""


class PhaseChange(Command, frozen=True, kw_only=True):
    """Begins a phase of an instrument: by an operator, or by the router when the schedule says so (account 0)."""

    cl_ord_id: text36
    instrument: u32
    phase: u8
    entry: u8 = 0  # of the schedule, where it says so
    verdict: u16 = 0
    reserved: Annotated[bytes, Meta(max_length=28, extra={"c": "uint8_t", "size": 28})] = b""


class Schedule(Command, frozen=True, kw_only=True):
    """One entry of an instrument's daily schedule, which has `entries` of them; the first one clears what was there."""

    cl_ord_id: text36
    instrument: u32
    entry: u8  # from 1; 0 with 0 entries: no schedule any more
    entries: u8
    verdict: u16 = 0
    time_of_day_s: u32  # UTC
    phase: u8
    days: u8  # bit 0 Monday … bit 6 Sunday
    reserved: Annotated[bytes, Meta(max_length=22, extra={"c": "uint8_t", "size": 22})] = b""


class Limits(Command, frozen=True, kw_only=True):
    """What an instrument allows. 0 stands for no limit, no band."""

    instrument: u32
    volatility_auction_ms: u32
    day_end_s: u32  # when DAY orders expire: seconds after midnight, UTC
    static_band_bps: u16
    dynamic_band_bps: u16
    band_action: u8
    reserved_1: u8 = 0
    verdict: u16 = 0
    reserved_2: u32 = 0
    max_quantity_lots: i64
    max_value: i64  # price x quantity, in the quote asset's smallest units
    reserved_3: bytes32 = b""


class AccountLimits(Command, frozen=True, kw_only=True):
    """What an account may do, and its defaults. 0 stands for no limit."""

    cl_ord_id: text36
    target: u32
    max_open_orders: u32
    max_orders: u32  # new orders and replaces in each window
    window_ms: u32
    self_trade_group: u32  # accounts of one group count as one where orders meet; 0: alone
    self_trade: u8
    fee_tier: u8
    verdict: u16 = 0
    reserved: Annotated[bytes, Meta(max_length=12, extra={"c": "uint8_t", "size": 12})] = b""


class PositionLimit(Command, frozen=True, kw_only=True):
    """The most of an asset that an account may own, open buy orders counted as filled. 0: no limit."""

    cl_ord_id: text36
    target: u32
    asset: u32
    reserved_1: u16 = 0
    verdict: u16 = 0
    max_units: i64
    reserved_2: bytes16 = b""


class FeeTier(Command, frozen=True, kw_only=True):
    """The rates of a tier, 1 to 255: accounts that have it pay them instead of their instruments' rates."""

    cl_ord_id: text36
    tier: u8
    reserved_1: u8 = 0
    verdict: u16 = 0
    maker_fee_ppm: i16
    taker_fee_ppm: i16
    reserved_2: Annotated[bytes, Meta(max_length=28, extra={"c": "uint8_t", "size": 28})] = b""


class Reservation(Command, frozen=True, kw_only=True):
    """A gateway may give numbers below `end` to messages of the header's session; it has given those below `first`."""

    generation: u32  # how often the session's numbers were reset
    first: u32
    end: u32
    reserved_1: u16 = 0
    verdict: u16 = 0
    fix_version: u8  # 42 or 44, in which the session is written to
    reserved_2: Annotated[bytes, Meta(max_length=55, extra={"c": "uint8_t", "size": 55})] = b""


class CancelAfter(Command, frozen=True, kw_only=True):
    """Cancels all open orders of the header's account, unless it gives another one within `seconds`; 0: not any more.

    When that time has come the router sequences a MASS_CANCEL of its own (ingress 0).
    """

    cl_ord_id: text36
    seconds: u32  # 0 to MAX_CANCEL_AFTER_S
    reserved_1: u16 = 0
    verdict: u16 = 0
    reserved_2: Annotated[bytes, Meta(max_length=28, extra={"c": "uint8_t", "size": 28})] = b""


class Dismissal(Command, frozen=True, kw_only=True):
    """Ends a proposal that was not carried out, of any kind: its proposer withdraws it, or another operator rejects it.

    What only admins may approve, only its proposer and admins end. A withdrawal that its owner has asked for is none.
    """

    cl_ord_id: text36
    proposed: u8 = 0  # the CommandType of the proposal, which the router stamps
    reserved_1: u8 = 0
    verdict: u16 = 0
    proposal: u64
    reserved_2: Annotated[bytes, Meta(max_length=24, extra={"c": "uint8_t", "size": 24})] = b""


class Activate(Command, frozen=True, kw_only=True):
    """The router's own: the order that an OTO list kept waiting begins to work, if its account can pay for it."""

    order_id: u64
    instrument: u32
    reserved_1: u16 = 0
    verdict: u16 = 0
    reserved_2: Annotated[bytes, Meta(max_length=56, extra={"c": "uint8_t", "size": 56})] = b""


class ExtTerms(Command, frozen=True, kw_only=True):
    """Extension: terms of the next order, leg or replace. 0 if it has no such term.

    `transact_ns` is when its sender says that it was entered; only of one that may be a repetition (PossResend).
    """

    stop_price_ticks: i64 = 0
    trail_ticks: i64 = 0
    display_lots: i64 = 0
    minimum_lots: i64 = 0
    expire_ns: u64 = 0
    transact_ns: u64 = 0
    valid_until_ns: u64 = 0  # the order or replace is refused if it is sequenced later
    reserved: Annotated[bytes, Meta(max_length=16, extra={"c": "uint8_t", "size": 16})] = b""


class ExtLeg(Command, frozen=True, kw_only=True):
    """Extension: the second order of a list; the next NEW_ORDER is the first, and carries both their verdict.

    Laid out as NewOrder; `list_kind` stands where that has its verdict. Its sequence is its order id.
    """

    cl_ord_id: text36
    instrument: u32
    side: u8
    ord_type: u8
    time_in_force: u8
    stp: u8 = 0
    flags: u16 = 0
    list_kind: u16
    price_ticks: i64 = 0
    quantity_lots: i64 = 0
    msg_seq_num: u32 = 0
    maker_fee_ppm: i16 = 0
    taker_fee_ppm: i16 = 0


class ExtListName(Command, frozen=True, kw_only=True):
    """Extension: the name that a client gives a list of two orders, the first record of its group."""

    name: text36
    reserved: Annotated[bytes, Meta(max_length=36, extra={"c": "uint8_t", "size": 36})] = b""
