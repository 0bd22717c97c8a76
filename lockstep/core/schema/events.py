"""The events that routers and matchers emit: what came of each command.

It defines fixed-width Structs; `schema.layout` derives the bytes; docs/protocols/records.md says what may be relied on.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from lockstep.core.schema.fields import bytes16, bytes32, i16, i64, text16, text36, u8, u16, u32, u64, u64x8


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
    """An order entered its matcher; `quantity_lots` is its whole quantity, or its budget.

    Its `state` says what follows. An EXT_TERMS event before it has its further terms, and an EXT_LIST_NAME event
    before that the name of its list.
    """

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
    flags: u16 = 0  # of OrderFlag
    state: u8 = 0
    reserved: u8 = 0


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
    """One match. Its trade id is its event number. Fees are in the asset each side receives.

    The price is the maker's; in an auction it is the auction's, the taker is the younger order, and the quantity leaves
    the best price of both sides of the book. `taker_leaves_lots` of an order with a budget is what is left of that.
    """

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
    flags: u8 = 0  # of TradeFlag
    reserved_2: u16 = 0
    reserved_3: u32 = 0


class Cancelled(Event, frozen=True, kw_only=True):
    """The rest of an order left the book. `cl_ord_id` is the request's own id, empty if there was no request.

    `session` is the requester's, 0 if there was none.
    """

    order_id: u64
    price_ticks: i64
    leaves_lots: i64  # the quantity taken off
    account: u32
    session: u32
    cl_ord_id: text36
    side: u8
    reason: u8
    rested: u8 = 0  # 1 where leaves_lots stood in the book; 0 if it did not, or SHOWN has taken it off before
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
    state: u8 = 0
    reserved: u8 = 0


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


class EpochBegun(Event, frozen=True, kw_only=True):
    rules_version: u32
    members: u32
    boot_id: bytes16
    reserved: Annotated[bytes, Meta(max_length=56, extra={"c": "uint8_t", "size": 56})] = b""


class ExtClientIdEvent(Event, frozen=True, kw_only=True):
    """Extension of the next event of the same ring: the client id that a refused cancel or replace meant."""

    orig_cl_ord_id: text36
    reserved: Annotated[bytes, Meta(max_length=44, extra={"c": "uint8_t", "size": 44})] = b""


class Triggered(Event, frozen=True, kw_only=True):
    """A waiting order begins to work, up to `price_ticks`; trades, a rest or a cancel follow as its `state` says."""

    order_id: u64
    price_ticks: i64
    leaves_lots: i64
    stop_price_ticks: i64  # as it was last, 0 if it waited for no price
    account: u32
    side: u8
    state: u8
    reason: u8
    reserved_1: u8 = 0
    reserved_2: Annotated[bytes, Meta(max_length=40, extra={"c": "uint8_t", "size": 40})] = b""


class Restated(Event, frozen=True, kw_only=True):
    """The venue itself changed an order's price or quantity; its whole quantity changed by leaves - old_leaves."""

    order_id: u64
    price_ticks: i64
    leaves_lots: i64
    old_price_ticks: i64
    old_leaves_lots: i64
    account: u32
    side: u8
    state: u8
    reason: u8
    rested: u8  # 1: old_leaves_lots stood in the book, and leaves_lots stands there now; 0: of an incoming order
    reserved_2: bytes32 = b""


class Prevented(Event, frozen=True, kw_only=True):
    """Self-trade prevention kept two orders from trading. Its event number is the id of the prevented match.

    The Cancelled and Restated events of both orders follow at once. An order that loses nothing, or has a budget, has
    0 lots here.
    """

    taker_order_id: u64
    maker_order_id: u64
    price_ticks: i64  # of the trade that was prevented
    quantity_lots: i64  # of that trade
    taker_lots: i64  # taken off the incoming order
    maker_lots: i64  # taken off the resting order
    taker_account: u32
    maker_account: u32
    taker_side: u8
    mode: u8  # of SelfTrade
    reserved_1: u16 = 0
    trade_group: u32  # the self-trade group of both accounts; 0: they are one account without a group
    reserved_2: Annotated[bytes, Meta(max_length=16, extra={"c": "uint8_t", "size": 16})] = b""


class Shown(Event, frozen=True, kw_only=True):
    """What the book shows of an order in state EXPLICIT changed, other than by a trade."""

    order_id: u64
    price_ticks: i64
    shown_lots: i64
    old_shown_lots: i64
    leaves_lots: i64
    account: u32
    side: u8
    is_refresh: u8
    reserved_1: u16 = 0
    reserved_2: bytes32 = b""


class PhaseChanged(Event, frozen=True, kw_only=True):
    """An instrument's phase began, before anything that it makes happen. Trades of an auction that ends come before."""

    phase: u8
    old_phase: u8
    reason: u8
    reserved_1: u8 = 0
    reserved_2: u32 = 0
    ends_ns: u64  # of a volatility auction, else 0
    auction_price_ticks: i64  # of the auction that ended: 0 if nothing traded
    auction_lots: i64
    reference_price_ticks: i64  # what static bands stand on now
    reserved_3: Annotated[bytes, Meta(max_length=40, extra={"c": "uint8_t", "size": 40})] = b""


class Indicative(Event, frozen=True, kw_only=True):
    """Where the auction that runs would trade if it ended now; all 0 if nothing would."""

    price_ticks: i64
    quantity_lots: i64
    imbalance_lots: i64  # what buyers want more than sellers give at that price
    reserved: Annotated[bytes, Meta(max_length=56, extra={"c": "uint8_t", "size": 56})] = b""


class Confirmed(Event, frozen=True, kw_only=True):
    """A command that has no event of its own was carried out: mass cancel, kill switch, limits, withdrawal…"""

    account: u32  # who asked
    session: u32
    target: u32
    command: u8
    side: u8 = 0
    is_on: u8 = 0
    is_due: u8 = 0  # of MASS_CANCEL: a CANCEL_AFTER has come due, and is over
    cl_ord_id: text36
    msg_seq_num: u32 = 0
    amount: i64 = 0
    asset: u32 = 0
    seconds: u32 = 0  # of CANCEL_AFTER: due so long after this event's time; 0: turned off
    proposal: u64 = 0


class SnapshotTaken(Event, frozen=True, kw_only=True):
    """Here the log has a Snapshot: who has handled each matcher's events up to these numbers saves its tables."""

    event_numbers: u64x8
    reserved: bytes16 = b""


class Reserved(Event, frozen=True, kw_only=True):
    """A gateway may give a session's messages numbers below `end`: repeats Reservation."""

    session: u32
    generation: u32
    first: u32
    end: u32
    fix_version: u8
    reserved_1: Annotated[bytes, Meta(max_length=63, extra={"c": "uint8_t", "size": 63})] = b""


class Settled(Event, frozen=True, kw_only=True):
    """All that commands up to `cause` and matchers' events up to these numbers changed of balances is announced."""

    event_numbers: u64x8
    reserved: bytes16 = b""


class ExtListNameEvent(Event, frozen=True, kw_only=True):
    """Extension of the next ACCEPTED: repeats ExtListName. Both orders of a list with a name have it."""

    name: text36
    reserved: Annotated[bytes, Meta(max_length=44, extra={"c": "uint8_t", "size": 44})] = b""


class ExtTermsEvent(Event, frozen=True, kw_only=True):
    """Extension of the next event (ACCEPTED or REPLACED): the order's terms beyond price and quantity."""

    stop_price_ticks: i64 = 0
    trail_ticks: i64 = 0
    display_lots: i64 = 0
    minimum_lots: i64 = 0
    expire_ns: u64 = 0
    mate_order_id: u64 = 0  # the other order of its list
    list_kind: u8 = 0
    reserved_1: Annotated[bytes, Meta(max_length=31, extra={"c": "uint8_t", "size": 31})] = b""
