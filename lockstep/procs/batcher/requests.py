"""Who asked for money, corrections and limits, and who approved: rows from the log's own records, with every value.

Their events say that they were carried out, not all that was asked for. It writes nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from lockstep.core.journal.journal import segment_seqs
from lockstep.core.journal.select import Selection
from lockstep.core.schema.alphabet import shown
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import (
    AccountLimits,
    Adjustment,
    BandAction,
    Code,
    Command,
    CommandType,
    Correction,
    CorrectionProposal,
    Deposit,
    DepositFlag,
    DepositLimit,
    Dismissal,
    ExtDestination,
    FeeTier,
    Limits,
    PasswordReset,
    Payment,
    PositionLimit,
    SelfTrade,
    WithdrawalDecision,
    WithdrawalRequest,
    WithdrawalStep,
)

PROPOSED = "_PROPOSAL"  # what `requests` has behind the name of a command that waits for a second operator

REQUESTED = (
    CommandType.DEPOSIT, CommandType.WITHDRAWAL, CommandType.ADJUSTMENT, CommandType.CORRECTION_PROPOSAL,
    CommandType.CORRECTION, CommandType.LIMITS, CommandType.ACCOUNT_LIMITS, CommandType.POSITION_LIMIT,
    CommandType.FEE_TIER, CommandType.WITHDRAWAL_REQUEST, CommandType.WITHDRAWAL_DECISION, CommandType.DEPOSIT_LIMIT,
    CommandType.EXT_DESTINATION, CommandType.PASSWORD_RESET, CommandType.DISMISSAL,
)  # fmt: skip
REQUEST_COLUMNS = (
    "seq", "request", "asked_by", "approves", "target_id", "symbol", "asset", "amount", "cl_ord_id", "terms", "time",
)  # fmt: skip
EXACT = Context(prec=60)  # more digits than any amount has

# The log's records of those types, from one sequence to another, both included; those before the journal are not there.
Records = Callable[[int, int], Iterable[bytes]]


def records_of(journal: Path) -> Records:
    """Those of the journal in a folder, from where it begins on. JournalError, OSError."""
    selection = Selection(journal, REQUESTED)
    begins = 0  # above 1 if segments were removed; none that is needed is removed while this reads

    def between(first: int, last: int) -> list[bytes]:
        nonlocal begins
        begins = begins or segment_seqs(journal)[0]
        return selection.between(max(first, begins), last) if last >= begins else []

    return between


class Listing(NamedTuple):
    """An instrument: what a record's ticks and lots are worth."""

    symbol: str
    base: int
    quote: int
    tick: tuple[int, int]  # mantissa, decimals
    lot: tuple[int, int]


class Listings(NamedTuple):
    """What is listed, by number: an asset's name and scale."""

    assets: Mapping[int, tuple[str, int]]
    instruments: Mapping[int, Listing]


def rows(records: Iterable[bytes], listings: Listings, behind: int = 0) -> list[tuple[Any, ...]]:
    """The row of each record after that sequence which was carried out or proposed. Extensions have none: they are
    told with their main record, and may come before it."""
    made = []
    where = ""
    for record in records:
        command = unpack_command(record)
        if isinstance(command, ExtDestination):
            where = shown(command.destination)
        elif command.seq > behind and getattr(command, "verdict", Code.OK) in (Code.OK, Code.SECOND_NEEDED):
            made.append(_row(command, listings, where))
    return made


def _row(command: Command, listings: Listings, where: str) -> tuple[Any, ...]:
    symbol, asset, amount, terms = _said(command, listings)
    if isinstance(command, WithdrawalRequest):
        terms = {"destination": where}
    is_proposal = getattr(command, "verdict", Code.OK) == Code.SECOND_NEEDED or (
        isinstance(command, Deposit) and bool(command.flags & DepositFlag.PROPOSAL)
    )
    approves = command.withdrawal if isinstance(command, WithdrawalDecision) else getattr(command, "proposal", 0)
    if isinstance(command, Dismissal):
        approves = 0
    target = command.owner if isinstance(command, Payment) else getattr(command, "target", None)
    id = getattr(command, "cl_ord_id", b"")
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=command.time_ns // 1000)
    asked_by = command.asked_by if isinstance(command, Payment) else command.account
    return (
        command.seq, CommandType(command.type).name + PROPOSED * is_proposal, asked_by or None,
        approves or None, target, symbol, asset, amount, shown(id) if id else None,
        Jsonb(terms), time,
    )  # fmt: skip


def _said(command: Command, listings: Listings) -> tuple[str | None, str | None, Decimal | None, dict[str, Any]]:
    """Symbol, asset, amount and terms of a request, as far as it has them."""
    match command:
        case WithdrawalDecision():
            name, scale = listings.assets[command.asset]
            return None, name, _units(command.amount, scale), {"step": WithdrawalStep(command.step).name}
        case Payment() | Adjustment() | DepositLimit():
            name, scale = listings.assets[command.asset]
            return None, name, _units(command.amount, scale), {}
        case PositionLimit():
            name, scale = listings.assets[command.asset]
            return None, name, _units(command.max_units, scale), {}
        case Limits():
            listed = listings.instruments[command.instrument]
            return listed.symbol, None, None, _limits(command, listed, listings)
        case AccountLimits():
            terms = {
                "max_open_orders": command.max_open_orders, "max_orders": command.max_orders,
                "window_ms": command.window_ms, "self_trade": SelfTrade(command.self_trade).name,
                "self_trade_group": command.self_trade_group, "fee_tier": command.fee_tier,
            }  # fmt: skip
            return None, None, None, terms
        case Dismissal():
            return None, None, None, {
                "proposal": command.proposal, "proposed": CommandType(command.proposed).name,
            }  # fmt: skip
        case PasswordReset():
            return None, None, None, {"takes_factor": bool(command.takes_factor)}
        case FeeTier():
            names = ("tier", "maker_fee_ppm", "taker_fee_ppm")
            return None, None, None, {name: getattr(command, name) for name in names}
        case Correction() | CorrectionProposal():
            listed = listings.instruments[command.instrument]
            return listed.symbol, None, None, _correction(command, listed, listings)
        case _:
            raise ValueError(f"{type(command).__name__} is no request")


def _limits(command: Limits, listed: Listing, listings: Listings) -> dict[str, Any]:
    return {
        "max_quantity": str(_units(command.max_quantity_lots * listed.lot[0], listed.lot[1])),
        "max_value": str(_units(command.max_value, listings.assets[listed.quote][1])),
        "static_band_bps": command.static_band_bps,
        "dynamic_band_bps": command.dynamic_band_bps,
        "band_action": BandAction(command.band_action).name,
        "volatility_auction_ms": command.volatility_auction_ms,
        "day_end": str(timedelta(seconds=command.day_end_s)),
    }


def _correction(command: Correction | CorrectionProposal, listed: Listing, listings: Listings) -> dict[str, Any]:
    def price(ticks: int) -> str:
        return str(_units(ticks * listed.tick[0], listed.tick[1]))

    return {
        "matcher": command.matcher,
        "trade_id": command.trade_id,
        "price": price(command.price_ticks),
        "quantity": str(_units(command.quantity_lots * listed.lot[0], listed.lot[1])),
        "new_price": price(command.new_price_ticks) if command.new_price_ticks else None,
        "buyer_id": command.buyer,
        "seller_id": command.seller,
        "buyer_fee": str(_units(command.buyer_fee, listings.assets[listed.base][1])),
        "seller_fee": str(_units(command.seller_fee, listings.assets[listed.quote][1])),
    }


def _units(count: int, scale: int) -> Decimal:
    return Decimal(count).scaleb(-scale, EXACT)
