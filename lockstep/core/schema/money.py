"""Money that comes in, goes out or is corrected: its commands, and their events."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from lockstep.core.schema.commands import Command
from lockstep.core.schema.events import Event
from lockstep.core.schema.fields import API_SESSION, bytes16, i64, text36, text72, u8, u16, u32, u64


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


class Withdrawal(Payment, frozen=True, kw_only=True):
    """Takes `amount` smallest units of an asset from a free balance, at once: two operators' word, or the owner's."""

    proposal: u64 = 0  # sequence of the same record of another operator, refused as SECOND_NEEDED, that this approves
    reserved_2: u64 = 0


class WithdrawalRequest(Payment, frozen=True, kw_only=True):
    """Its owner wants money paid out: it is held from here on, and its sequence is the withdrawal's number.

    An EXT_DESTINATION record is before it.
    """

    reserved_2: bytes16 = b""


class ExtDestination(Command, frozen=True, kw_only=True):
    """Extension: where the next record's withdrawal is to be paid to, in its owner's words. The venue only keeps it."""

    destination: text72


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


class CorrectionProposal(CorrectionTerms, frozen=True, kw_only=True):
    """What a second operator's Correction carries out; it changes nothing by itself."""

    reserved_2: u64 = 0


class Correction(CorrectionTerms, frozen=True, kw_only=True):
    """Undoes a trade, or corrects its price: approves another operator's proposal, and says the same."""

    proposal: u64 = 0  # sequence of what is approved


class Balance(Event, frozen=True, kw_only=True):
    """An account's balance of one asset after `cause`, in smallest units."""

    account: u32
    asset: u32
    free: i64
    held: i64
    reserved: Annotated[bytes, Meta(max_length=56, extra={"c": "uint8_t", "size": 56})] = b""


class WithdrawalChanged(Event, frozen=True, kw_only=True):
    """A withdrawal came into `state`. An EXT_DESTINATION event precedes the first one, of its request."""

    withdrawal: u64  # sequence of the request
    amount: i64
    account: u32  # whose it is
    asset: u32
    asked_by: u32  # of this step
    session: u32
    cl_ord_id: text36  # of this step
    state: u8
    step: u8 = 0  # of WithdrawalStep; 0: it was requested
    reserved_1: u16 = 0
    reserved_2: u64 = 0


class ExtDestinationEvent(Event, frozen=True, kw_only=True):
    """Extension of the next WITHDRAWAL: repeats ExtDestination."""

    destination: text72
    reserved: u64 = 0


class Corrected(Event, frozen=True, kw_only=True):
    """A trade was undone, or its price corrected, by an operator: repeats Correction."""

    trade_id: u64
    price_ticks: i64
    quantity_lots: i64
    new_price_ticks: i64
    buyer: u32
    seller: u32
    buyer_fee: i64  # as they are after the correction
    seller_fee: i64
    matcher: u8
    reserved_1: u8 = 0
    reserved_2: u16 = 0
    reserved_3: u32 = 0
    reserved_4: bytes16 = b""
