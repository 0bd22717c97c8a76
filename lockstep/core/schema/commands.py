"""The records of the log: commands, and the extensions before them.

It defines fixed-width Structs; `schema.layout` derives the bytes, and the router decides what becomes of a command.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from lockstep.core.schema.fields import (
    API_SESSION,
    bytes16,
    bytes32,
    bytes64,
    i16,
    i64,
    text16,
    text36,
    text72,
    u8,
    u16,
    u32,
    u64,
    u64x8,
)


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


class Payment(Command, frozen=True, kw_only=True):
    """Money that enters or leaves the venue; `cl_ord_id` is its idempotency key."""

    cl_ord_id: text36
    asset: u32
    target: u32 = 0  # by the api: whose balance; 0: the header's account
    flags: u16 = 0
    verdict: u16 = 0
    amount: i64

    @property
    def owner(self) -> int:
        """Whose balance it changes."""
        return self.target or self.account

    @property
    def asked_by(self) -> int:
        """Who asks: the header's session, an operator's, or, by the api, its account. 0: the configuration."""
        return self.account if self.session >= API_SESSION else self.session


class Deposit(Payment, frozen=True, kw_only=True):
    """Adds `amount` smallest units of an asset to a balance.

    Above what the asset's DEPOSIT_LIMIT leaves its operator that day, or for the operator's own account, it is a
    proposal, which the router stamps into `flags`, and moves nothing; another operator's, which names it, approves it.
    """

    proposal: u64 = 0  # sequence of what is approved
    reserved_2: u64 = 0


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


class Account(Command, frozen=True, kw_only=True):
    """Defines an account: its owner's name, which is username and SenderCompID; or changes its password or role.

    An EXT_CREDENTIAL record before it carries the password's hash. It is the header's account that it defines, but
    by the api `target`, which the header's account, 0 for the venue itself (a registration, or a PASSWORD_RESET's
    end), asks for.
    """

    name: text36
    target: u32 = 0  # by the api; 0: a new one, whose number the router stamps
    role: u8 = 0
    takes_factor: u8 = 0  # the reset takes the second factor away, too; which the router stamps
    verdict: u16 = 0
    reserved_2: u32 = 0
    reset_code: bytes16 = b""  # of the PASSWORD_RESET that this carries out, by the venue itself; else empty
    proposal: u64 = 0  # sequence of the same record of another admin, refused as SECOND_NEEDED, that this approves

    @property
    def number(self) -> int:
        """Which account it defines."""
        return self.target or self.account


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


class ExtCredential(Command, frozen=True, kw_only=True):
    """Extension: an argon2id hash (version 19) of the next record's account, with its parameters."""

    salt: bytes16
    hash: bytes32
    memory_kib: u32
    time_cost: u32
    parallelism: u32
    reserved: Annotated[bytes, Meta(max_length=12, extra={"c": "uint8_t", "size": 12})] = b""


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


class Withdrawal(Payment, frozen=True, kw_only=True):
    """Takes `amount` smallest units of an asset from a free balance, at once: two operators' word, or the owner's."""

    proposal: u64 = 0  # sequence of the same record of another operator, refused as SECOND_NEEDED, that this approves
    reserved_2: u64 = 0


class Adjustment(Command, frozen=True, kw_only=True):
    """An operator proposes to change a balance by `amount`; or, naming the proposal, a second one approves it."""

    cl_ord_id: text36
    asset: u32
    target: u32
    reserved_1: u16 = 0
    verdict: u16 = 0
    amount: i64
    proposal: u64 = 0  # sequence of what is approved; 0: this is a proposal
    reserved_2: u64 = 0


class CorrectionTerms(Command, frozen=True, kw_only=True):
    """What a trade becomes: nothing (`new_price_ticks` 0), or one at another price. All else repeats the trade."""

    instrument: u32
    buyer: u32
    seller: u32
    matcher: u8
    reserved_1: u8 = 0
    verdict: u16 = 0
    trade_id: u64
    price_ticks: i64
    quantity_lots: i64
    new_price_ticks: i64
    buyer_fee: i64
    seller_fee: i64


class Correction(CorrectionTerms, frozen=True, kw_only=True):
    """Undoes a trade, or corrects its price: approves another operator's proposal, and says the same."""

    proposal: u64 = 0  # sequence of what is approved


class CorrectionProposal(CorrectionTerms, frozen=True, kw_only=True):
    """What a second operator's Correction carries out; it changes nothing by itself."""

    reserved_2: u64 = 0


class Reservation(Command, frozen=True, kw_only=True):
    """A gateway may give numbers below `end` to messages of the header's session; it has given those below `first`."""

    generation: u32  # how often the session's numbers were reset
    first: u32
    end: u32
    reserved_1: u16 = 0
    verdict: u16 = 0
    fix_version: u8  # 42 or 44, in which the session is written to
    reserved_2: Annotated[bytes, Meta(max_length=55, extra={"c": "uint8_t", "size": 55})] = b""


class ApiKey(Command, frozen=True, kw_only=True):
    """Defines a key that signs requests for the account `target`. Its name is unique, for ever.

    EXT_KEY_MATERIAL records are before it, one or, of an RSA key, as many as its modulus takes; before them up to two
    EXT_ADDRESSES, the networks that it may be used from.
    """

    name: text36
    key: u32 = 0  # its number, which the router stamps
    expiry_ns: u64 = 0  # 0: never
    target: u32
    kind: u8
    scopes: u8  # of KeyScope
    verdict: u16 = 0
    networks: u8 = 0
    more_materials: u8 = 0  # EXT_KEY_MATERIAL records besides the one that each key has
    reserved: Annotated[bytes, Meta(max_length=14, extra={"c": "uint8_t", "size": 14})] = b""


class KeyRevocation(Command, frozen=True, kw_only=True):
    """Ends a key, for ever."""

    name: text36
    key: u32 = 0  # its number, which the router stamps
    reserved_1: u16 = 0
    verdict: u16 = 0
    reserved_2: Annotated[bytes, Meta(max_length=28, extra={"c": "uint8_t", "size": 28})] = b""


class Registration(Command, frozen=True, kw_only=True):
    """Who may register from now on."""

    cl_ord_id: text36
    mode: u8
    reserved_1: u8 = 0
    verdict: u16 = 0
    proposal: u64 = 0  # as a WITHDRAWAL's: opening registration where there is a welcome takes two admins
    reserved_2: Annotated[bytes, Meta(max_length=24, extra={"c": "uint8_t", "size": 24})] = b""


class Welcome(Command, frozen=True, kw_only=True):
    """What the venue itself may deposit, once, for each account that has registered; 0: nothing."""

    cl_ord_id: text36
    asset: u32
    amount: i64
    reserved_1: u16 = 0
    verdict: u16 = 0
    reserved_2: u32 = 0
    proposal: u64 = 0  # as a WITHDRAWAL's: more than before takes two admins
    reserved_3: u64 = 0


class SecondFactor(Command, frozen=True, kw_only=True):
    """Gives the account `target` a second factor in place of the one it has; takes it away where `size` is 0.

    Two EXT_RECOVERY records before it have the hashes of ten recovery codes.
    """

    target: u32
    size: u8  # of `secret`
    reserved: u8 = 0
    verdict: u16 = 0
    secret: bytes64 = b""  # of the one-time codes (TOTP), sealed with the venue's key


class FactorUse(Command, frozen=True, kw_only=True):
    """A one-time code of the header's account was right, or a recovery code: refused where that was used before."""

    request: text36  # by which its sender knows it again
    reserved_1: u32 = 0
    step: u64 = 0  # of time, of a one-time code; 0: of a recovery code
    code: u8 = 0  # which recovery code, from 1
    reserved_2: u8 = 0
    verdict: u16 = 0
    reserved_3: Annotated[bytes, Meta(max_length=20, extra={"c": "uint8_t", "size": 20})] = b""


class WithdrawalRequest(Payment, frozen=True, kw_only=True):
    """Its owner wants money paid out: it is held from here on, and its sequence is the withdrawal's number.

    An EXT_DESTINATION record is before it.
    """

    reserved_2: bytes16 = b""


class WithdrawalDecision(Command, frozen=True, kw_only=True):
    """An operator approves or rejects a withdrawal, or says that it was paid; or its owner cancels it.

    The router stamps whose it is, and what.
    """

    cl_ord_id: text36
    step: u8  # of WithdrawalStep
    reserved_1: u8 = 0
    verdict: u16 = 0
    asset: u32 = 0
    target: u32 = 0
    amount: i64 = 0
    withdrawal: u64  # sequence of the request
    reserved_2: u64 = 0


class DepositLimit(Command, frozen=True, kw_only=True):
    """The most of an asset that one operator deposits alone in a day (UTC). 0: every deposit takes two operators."""

    cl_ord_id: text36
    asset: u32
    amount: i64
    reserved_1: u16 = 0
    verdict: u16 = 0
    reserved_2: u32 = 0
    proposal: u64 = 0  # as a WITHDRAWAL's: a higher limit takes two admins
    reserved_3: u64 = 0


class CancelAfter(Command, frozen=True, kw_only=True):
    """Cancels all open orders of the header's account, unless it gives another one within `seconds`; 0: not any more.

    When that time has come the router sequences a MASS_CANCEL of its own (ingress 0).
    """

    cl_ord_id: text36
    seconds: u32  # 0 to MAX_CANCEL_AFTER_S
    reserved_1: u16 = 0
    verdict: u16 = 0
    reserved_2: Annotated[bytes, Meta(max_length=28, extra={"c": "uint8_t", "size": 28})] = b""


class PasswordReset(Command, frozen=True, kw_only=True):
    """An operator proposes that `target` may take a new password, by a code; or, naming that, a second one approves it.

    The code is shown to who proposes, and works once it is approved: once, until RESET_LIFE_S after the proposal.
    """

    cl_ord_id: text36
    target: u32
    takes_factor: u8 = 0  # whether its second factor goes, too. This and the hash the router stamps into an approval
    reserved_1: u8 = 0
    verdict: u16 = 0
    reserved_2: u32 = 0
    proposal: u64 = 0  # sequence of what is approved; 0: this is a proposal
    code_hash: bytes16 = b""  # the first half of the code's SHA-256


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


class ExtKeyMaterial(Command, frozen=True, kw_only=True):
    """Extension: what proves signatures of the next record's key, or a part of it.

    A public key of 32 bytes as it is, a secret sealed with the venue's key (venue/venue_key.py), or 64 bytes of
    an RSA key's modulus (big-endian, 256 to 512 bytes; the last part may be shorter).
    """

    material: bytes64
    size: u8
    reserved: Annotated[bytes, Meta(max_length=7, extra={"c": "uint8_t", "size": 7})] = b""


class ExtAddresses(Command, frozen=True, kw_only=True):
    """Extension: up to four networks that the next key may be used from.

    Each has 16 bytes, an IPv4 address as ::ffff:a.b.c.d, and the length of its prefix, of 128 bits.
    """

    addresses: bytes64
    prefixes: Annotated[bytes, Meta(max_length=4, extra={"c": "uint8_t", "size": 4})]
    count: u8
    reserved: Annotated[bytes, Meta(max_length=3, extra={"c": "uint8_t", "size": 3})] = b""


class ExtRecovery(Command, frozen=True, kw_only=True):
    """Extension: hashes of five recovery codes, of 14 bytes each."""

    hashes: Annotated[bytes, Meta(max_length=70, extra={"c": "uint8_t", "size": 70})]
    count: u8
    reserved: u8 = 0


class ExtDestination(Command, frozen=True, kw_only=True):
    """Extension: where the next record's withdrawal is to be paid to, in its owner's words. The venue only keeps it."""

    destination: text72


class ExtListName(Command, frozen=True, kw_only=True):
    """Extension: the name that a client gives a list of two orders, the first record of its group."""

    name: text36
    reserved: Annotated[bytes, Meta(max_length=36, extra={"c": "uint8_t", "size": 36})] = b""
