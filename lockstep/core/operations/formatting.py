"""Records of the log and events as people say them: names instead of numbers, decimals instead of ticks and lots.

It words what is there; it judges nothing, and reads no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from msgspec import structs

from lockstep.config.schema import DAYS
from lockstep.core.operations.amounts import step_text
from lockstep.core.operations.directory import Directory
from lockstep.core.schema.alphabet import shown
from lockstep.core.schema.client_ids import meant_id, own_id
from lockstep.core.schema.records import (
    API_SESSION,
    Accepted,
    Account,
    AccountDefined,
    AccountLimits,
    Adjustment,
    Asset,
    AssetDefined,
    Balance,
    BandAction,
    Cancel,
    CancelAfter,
    Cancelled,
    CancelReason,
    Code,
    Command,
    CommandType,
    Confirmed,
    Corrected,
    Correction,
    CorrectionProposal,
    Deposit,
    DepositFlag,
    DepositLimit,
    Dismissal,
    Event,
    EventType,
    ExtClientId,
    ExtLeg,
    ExtListName,
    ExtTerms,
    FeeTier,
    Indicative,
    Instrument,
    InstrumentDefined,
    KillSwitch,
    Limits,
    ListKind,
    Marker,
    MassCancel,
    NewOrder,
    OrderFlag,
    OrderType,
    PasswordReset,
    PasswordResetChanged,
    Phase,
    PhaseChange,
    PhaseChanged,
    PositionLimit,
    Prevented,
    Rejected,
    Replace,
    Replaced,
    Restated,
    Role,
    Schedule,
    SelfTrade,
    Shown,
    Side,
    TimeInForce,
    Traded,
    Triggered,
    Withdrawal,
    WithdrawalDecision,
    WithdrawalRequest,
    WithdrawalStep,
)
from lockstep.procs.router.state import State

NANOSECONDS = 1_000_000_000
HEADER = frozenset(Command.__struct_fields__)
ROLES = {Role.TRADER: "", Role.OPERATOR: ", an operator", Role.ADMIN: ", an admin", Role.AUDITOR: ", an auditor"}


class InstrumentUnits(NamedTuple):
    """What an instrument's amounts are counted in."""

    symbol: str
    matcher: int
    base: int
    quote: int
    tick_mantissa: int
    price_scale: int
    lot_mantissa: int
    quantity_scale: int
    unit_value: int
    lot_units: int


class Names:
    """Accounts, assets and instruments by their numbers. One that is not there is shown by its number."""

    def __init__(
        self, accounts: dict[int, str], assets: dict[int, tuple[str, int]], instruments: dict[int, InstrumentUnits]
    ) -> None:
        self.accounts = accounts
        self.assets = assets
        self.instruments = instruments

    @classmethod
    def of_state(cls, state: State) -> Names:
        """All that the router's state has."""
        return cls(
            {number: name.decode() for name, number in state.accounts.items()},
            {number: (name.decode(), scale) for name, (number, scale) in state.assets.items()},
            {
                number: _listed(symbol.decode(), state.instrument(number))
                for symbol, number in state.instruments.items()
            },
        )

    @classmethod
    def of_directory(cls, directory: Directory) -> Names:
        """All that a directory has."""
        return cls(
            {account.number: name for name, account in directory.accounts.items()},
            {number: (name.decode(), scale) for name, (number, scale) in directory.assets.items()},
            {each.instrument: _listed(symbol, structs.asdict(each)) for symbol, each in directory.instruments.items()},
        )

    def account(self, number: int) -> str:
        return self.accounts.get(number, f"account {number}") if number else "the venue"

    def symbol(self, instrument: int) -> str:
        listed = self.instruments.get(instrument)
        return listed.symbol if listed else f"instrument {instrument}"

    def price(self, instrument: int, ticks: int) -> str:
        listed = self.instruments.get(instrument)
        return step_text(ticks * listed.tick_mantissa, listed.price_scale) if listed else f"{ticks} ticks"

    def quantity(self, instrument: int, lots: int) -> str:
        listed = self.instruments.get(instrument)
        return step_text(lots * listed.lot_mantissa, listed.quantity_scale) if listed else f"{lots} lots"

    def units(self, asset: int, units: int) -> str:
        """An amount of an asset, without its name."""
        return step_text(units, self.assets[asset][1]) if asset in self.assets else str(units)

    def amount(self, asset: int, units: int) -> str:
        """An amount of an asset."""
        name = self.assets[asset][0] if asset in self.assets else f"of asset {asset}"
        return f"{self.units(asset, units)} {name}"


def _listed(symbol: str, terms: dict[str, Any]) -> InstrumentUnits:
    fields = ("matcher", "base_asset", "quote_asset", "tick_mantissa", "price_scale", "lot_mantissa", "quantity_scale",
              "unit_value", "lot_units")  # fmt: skip
    return InstrumentUnits(symbol, *(int(terms[name]) for name in fields))


def time_text(time_ns: int) -> str:
    """A log time: UTC, to the nanosecond."""
    moment = datetime.fromtimestamp(time_ns // NANOSECONDS, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ns % NANOSECONDS:09}Z"


def target_of(command: Cancel | Replace, extensions: Sequence[Command]) -> bytes | None:
    """The client id of the order that a request means; None if the extension that should say so is missing."""
    told = (each.orig_cl_ord_id for each in extensions if isinstance(each, ExtClientId))
    meant = meant_id(command)
    return next(told, None) if meant is None else meant


def of_command(command: Command, extensions: Sequence[Command], names: Names) -> str:
    """What a record asks for, with the extensions right before it."""
    who = names.account(command.account or (command.session if command.session < API_SESSION else 0))
    match command:
        case NewOrder():
            return f"{who} {_order(command, names)}{_terms(command.instrument, extensions, names)}"
        case ExtLeg():
            return f"{who}, second order of a list ({_name(ListKind, command.list_kind)}): {_order(command, names)}"
        case Cancel():
            target = shown(target_of(command, extensions) or b"")
            return f"{who} cancels {target} of {names.symbol(command.instrument)} ({shown(own_id(command))})"
        case Replace():
            target = shown(target_of(command, extensions) or b"")
            return (
                f"{who} replaces {target} of {names.symbol(command.instrument)} by "
                f"{names.quantity(command.instrument, command.quantity_lots)} at "
                f"{names.price(command.instrument, command.price_ticks)} ({shown(own_id(command))})"
                f"{_terms(command.instrument, extensions, names)}"
            )
        case Deposit(flags=DepositFlag.PROPOSAL):
            what = names.amount(command.asset, command.amount)
            return f"{names.account(command.asked_by)} proposes: {what} is deposited for {names.account(command.owner)}"
        case WithdrawalRequest():
            return f"{who} wants {names.amount(command.asset, command.amount)} paid out, and it is held"
        case WithdrawalDecision():
            what = "says that it was paid" if command.step == WithdrawalStep.PAID else _step(command.step)
            amount = f": {names.amount(command.asset, command.amount)}" if command.asset else ""
            return f"{who} {what}: withdrawal {command.withdrawal}{amount}"
        case DepositLimit():
            most = names.amount(command.asset, command.amount)
            return f"{who} lets one operator deposit up to {most} a day"
        case Dismissal():
            return f"{who} dismisses proposal {command.proposal}"
        case Deposit():
            return f"{names.amount(command.asset, command.amount)} is deposited for {names.account(command.owner)}"
        case Withdrawal():
            return f"{names.amount(command.asset, command.amount)} is withdrawn for {names.account(command.owner)}"
        case Adjustment():
            what = f"approves proposal {command.proposal}" if command.proposal else "proposes"
            return f"{who} {what}: {names.amount(command.asset, command.amount)} for {names.account(command.target)}"
        case CorrectionProposal():
            return f"{who} proposes: {_correction(command, names)}"
        case Correction():
            what = f"approves proposal {command.proposal}: " if command.proposal else ""
            return f"{who} {what}{_correction(command, names)}"
        case MassCancel():
            of = f" of {names.account(command.target)}" if command.target else " of everybody"
            where = f" in {names.symbol(command.instrument)}" if command.instrument else ""
            side = f" {_name(Side, command.side).lower()}" if command.side else ""
            if command.ingress == 0:
                return f"the router cancels all orders{of}, as it had asked for"
            return f"{who} cancels all{side} orders{of}{where}"
        case CancelAfter():
            if not command.seconds:
                return f"{who} no more wants its orders cancelled later"
            return f"{who} wants all its orders cancelled in {command.seconds} s, unless it says so again"
        case PasswordReset():
            what = f"approves proposal {command.proposal}" if command.proposal else "proposes"
            factor = ", with its second factor" if command.takes_factor else ""
            return f"{who} {what}: the password of {names.account(command.target)} is reset by a code{factor}"
        case KillSwitch():
            return f"{who} turns the kill switch of {names.account(command.target)} {'on' if command.is_on else 'off'}"
        case PhaseChange():
            by = who if command.account else "the schedule"
            return f"{by} puts {names.symbol(command.instrument)} into {_name(Phase, command.phase)}"
        case Schedule():
            return f"{who} gives {names.symbol(command.instrument)} {_schedule(command)}"
        case Asset():
            return f"{who} lists {shown(command.name)}, with {command.scale} decimals"
        case Instrument():
            return f"{who} lists {_instrument(command, names)}"
        case Account():
            return f"{shown(command.name)} is an account{ROLES[Role(command.role)]}"
        case Limits():
            return f"{who} limits {names.symbol(command.instrument)}: {_limits(command, names)}"
        case PositionLimit():
            most = names.amount(command.asset, command.max_units) if command.max_units else "no limit"
            asset = "" if command.max_units else f" of {names.amount(command.asset, 0).split()[-1]}"
            return f"{who} limits what {names.account(command.target)} may own{asset}: {most}"
        case FeeTier():
            rates = f"maker {command.maker_fee_ppm}, taker {command.taker_fee_ppm} millionths"
            return f"{who} sets the rates of fee tier {command.tier}: {rates}"
        case AccountLimits():
            return f"{who} limits {names.account(command.target)}: {_fields(command)}"
        case Marker():
            return f"the router settles matchers' events up to {command.event_numbers}"
    return f"{CommandType(command.type).name} of {who}" + (f": {fields}" if (fields := _fields(command)) else "")


def _step(step: int) -> str:
    verbs = {WithdrawalStep.APPROVE: "approves", WithdrawalStep.REJECT: "rejects", WithdrawalStep.CANCEL: "cancels"}
    return verbs.get(WithdrawalStep(step), "decides") if step in set(WithdrawalStep) else "decides"


def _correction(command: Correction | CorrectionProposal, names: Names) -> str:
    trade = (
        f"trade {command.trade_id} of {names.symbol(command.instrument)} (matcher {command.matcher}), "
        f"{names.quantity(command.instrument, command.quantity_lots)} at "
        f"{names.price(command.instrument, command.price_ticks)}, bought by {names.account(command.buyer)} from "
        f"{names.account(command.seller)}"
    )
    price = command.new_price_ticks
    return f"{trade}, gets the price {names.price(command.instrument, price)}" if price else f"{trade}, is undone"


def _schedule(command: Schedule) -> str:
    if not command.entries:
        return "no schedule any more"
    days = [day for place, day in enumerate(DAYS) if command.days >> place & 1]
    when = (
        f"{timedelta(seconds=command.time_of_day_s)} UTC, {'every day' if len(days) == len(DAYS) else ', '.join(days)}"
    )
    return f"a schedule, entry {command.entry} of {command.entries}: {_name(Phase, command.phase)} from {when}"


def _instrument(command: Instrument, names: Names) -> str:
    base, quote = (names.amount(asset, 0).split(" ", 1)[1] for asset in (command.base_asset, command.quote_asset))
    tick = step_text(command.tick_mantissa, command.price_scale)
    lot = step_text(command.lot_mantissa, command.quantity_scale)
    reference = step_text(command.reference_price_ticks * command.tick_mantissa, command.price_scale)
    return (
        f"{shown(command.symbol)}: {base} for {quote}, tick {tick}, lot {lot}, on matcher {command.matcher}, "
        f"{f'reference price {reference}, ' if command.reference_price_ticks else ''}collar {command.collar_bps} bps, "
        f"fees of maker {command.maker_fee_ppm} and taker {command.taker_fee_ppm} millionths"
    )


def _limits(command: Limits, names: Names) -> str:
    said = []
    if command.max_quantity_lots:
        said.append(f"orders of at most {names.quantity(command.instrument, command.max_quantity_lots)}")
    if command.max_value:
        listed = names.instruments.get(command.instrument)
        said.append(f"worth at most {names.amount(listed.quote, command.max_value) if listed else command.max_value}")
    for label, bps in (("static", command.static_band_bps), ("dynamic", command.dynamic_band_bps)):
        said += [f"{label} band {bps} bps ({_name(BandAction, command.band_action)})"] if bps else []
    if command.volatility_auction_ms:
        said.append(f"volatility auctions of {command.volatility_auction_ms} ms")
    said.append(f"DAY orders end at {timedelta(seconds=command.day_end_s)} UTC")
    return ", ".join(said)


def _order(order: NewOrder | ExtLeg, names: Names) -> str:
    verb = {Side.BUY: "buys", Side.SELL: "sells"}.get(Side(order.side) if order.side in set(Side) else Side.BUY, "?")
    listed = names.instruments.get(order.instrument)
    quantity = names.quantity(order.instrument, order.quantity_lots)
    if order.flags & OrderFlag.BUDGET and listed:
        quantity = f"for {names.amount(listed.quote, order.quantity_lots)} of"
    price = "" if not order.price_ticks else f" at {names.price(order.instrument, order.price_ticks)}"
    if order.ord_type != OrderType.LIMIT and price:
        price = f", at worst{price}"
    flags = "".join(f", {flag.name.lower()}" for flag in (OrderFlag.POST_ONLY, OrderFlag.SLIDE) if order.flags & flag)
    return (
        f"{verb} {quantity} {names.symbol(order.instrument)}{price}: {_name(OrderType, order.ord_type)} "
        f"{_name(TimeInForce, order.time_in_force)}{flags} ({shown(order.cl_ord_id)})"
    )


def _terms(instrument: int, extensions: Sequence[Command], names: Names) -> str:
    said = []
    for each in extensions:
        if isinstance(each, ExtTerms):
            for label, ticks in (("stop", each.stop_price_ticks), ("trail", each.trail_ticks)):
                said += [f"{label} {names.price(instrument, ticks)}"] if ticks else []
            for label, lots in (("display", each.display_lots), ("minimum", each.minimum_lots)):
                said += [f"{label} {names.quantity(instrument, lots)}"] if lots else []
            said += [f"until {time_text(each.expire_ns)}"] if each.expire_ns else []
            said += [f"entered {time_text(each.transact_ns)}"] if each.transact_ns else []
        elif isinstance(each, ExtLeg):
            said.append(f"with ({_name(ListKind, each.list_kind)}): {_order(each, names)}")
        elif isinstance(each, ExtListName):
            said.append(f"as the list {shown(each.name)}")
    return ", " + ", ".join(said) if said else ""


def of_event(event: Event, names: Names) -> str:
    """What came of a command; the router's words about balances, and a matcher's about orders."""
    instrument = event.instrument
    match event:
        case Accepted():
            return f"order {event.order_id} is accepted"
        case Rejected():
            return f"refused: {Code(event.code).name}"
        case Traded():
            quantity, price = (
                names.quantity(instrument, event.quantity_lots),
                names.price(instrument, event.price_ticks),
            )
            maker, taker = names.account(event.maker_account), names.account(event.taker_account)
            verb = "buys from" if event.taker_side == Side.BUY else "sells to"
            return f"trade {event.number}: {taker} {verb} {maker} {quantity} at {price}"
        case Cancelled():
            quantity = names.quantity(instrument, event.leaves_lots)
            return f"order {event.order_id} ends, {quantity} of it open: {_name(CancelReason, event.reason)}"
        case Replaced():
            quantity, price = names.quantity(instrument, event.leaves_lots), names.price(instrument, event.price_ticks)
            return f"order {event.order_id} is replaced: {quantity} open at {price}"
        case Prevented():
            quantity, price = (
                names.quantity(instrument, event.quantity_lots),
                names.price(instrument, event.price_ticks),
            )
            pair = f"orders {event.taker_order_id} and {event.maker_order_id}"
            return f"self-trade of {pair} prevented, {quantity} at {price}: {_name(SelfTrade, event.mode)}"
        case Restated():
            quantity, price = names.quantity(instrument, event.leaves_lots), names.price(instrument, event.price_ticks)
            return f"order {event.order_id} is restated: {quantity} open at {price}"
        case Triggered():
            return f"order {event.order_id} of {names.account(event.account)} is triggered"
        case Shown():
            return f"order {event.order_id} shows {names.quantity(instrument, event.shown_lots)}"
        case Balance():
            free, held = names.units(event.asset, event.free), names.amount(event.asset, event.held)
            return f"{names.account(event.account)} has {free} free, {held} held"
        case PhaseChanged():
            symbol = names.symbol(instrument)
            return f"{symbol} is in {_name(Phase, event.phase)}, from {_name(Phase, event.old_phase)}"
        case Indicative():
            quantity = names.quantity(instrument, event.quantity_lots)
            return f"the auction would trade {quantity} at {names.price(instrument, event.price_ticks)}"
        case Corrected():
            price = names.price(instrument, event.new_price_ticks)
            became = f"gets the price {price}" if event.new_price_ticks else "is undone"
            return f"trade {event.trade_id} of {names.symbol(instrument)} {became}"
        case AssetDefined():
            return f"{shown(event.name)} is listed"
        case InstrumentDefined():
            return f"{shown(event.symbol)} has these terms, on matcher {event.matcher}"
        case AccountDefined():
            return f"{shown(event.name)} may log on"
        case Confirmed(command=CommandType.CANCEL_AFTER):
            what = f"be cancelled {event.seconds} s later" if event.seconds else "stand, however long it says nothing"
            return f"orders of {names.account(event.account)} will {what}"
        case PasswordResetChanged():
            state = "approved" if event.is_approved else "proposed"
            return f"the reset of {names.account(event.account)}'s password is {state}"
        case Confirmed():
            return f"{CommandType(event.command).name} is carried out"
    return EventType(event.type).name.lower().replace("_", " ")


def _name(enum: Any, value: int) -> str:
    return str(enum(value).name) if value in {int(member) for member in enum} else f"{enum.__name__} {value}"


def _fields(command: Command) -> str:
    """All that a record says of itself, as field=value."""
    said = []
    for name, value in structs.asdict(command).items():
        if name in HEADER or name.startswith("reserved") or name == "verdict" or not value:
            continue
        said.append(f"{name}={shown(value) if isinstance(value, bytes) else value}")
    return ", ".join(said)
