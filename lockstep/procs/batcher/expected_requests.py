"""What operators asked for, as rows of `actions` and `requests`, worked out again from the log's records alone.

It shares only the record schema with the loader, and never looks at an event: `verify` works each row out on its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

from psycopg.types.json import Jsonb

from lockstep.core.schema.alphabet import shown
from lockstep.core.schema.records import (
    AccountLimits,
    BandAction,
    Code,
    Command,
    CommandType,
    Correction,
    CorrectionProposal,
    Deposit,
    DepositFlag,
    Dismissal,
    FeeTier,
    KillScope,
    KillSwitch,
    Limits,
    MassCancel,
    PasswordReset,
    Payment,
    SelfTrade,
    Side,
    WithdrawalDecision,
    WithdrawalRequest,
    WithdrawalStep,
)

PROPOSALS = (CommandType.ADJUSTMENT, CommandType.CORRECTION_PROPOSAL)
REQUESTS = (
    *PROPOSALS, CommandType.DEPOSIT, CommandType.WITHDRAWAL, CommandType.CORRECTION, CommandType.LIMITS,
    CommandType.ACCOUNT_LIMITS, CommandType.POSITION_LIMIT, CommandType.FEE_TIER, CommandType.WITHDRAWAL_REQUEST,
    CommandType.WITHDRAWAL_DECISION, CommandType.DEPOSIT_LIMIT, CommandType.PASSWORD_RESET, CommandType.DISMISSAL,
)  # fmt: skip
COMMANDS = (
    *REQUESTS, CommandType.MASS_CANCEL, CommandType.KILL_SWITCH, CommandType.PHASE, CommandType.SCHEDULE,
    CommandType.REGISTRATION, CommandType.WELCOME, CommandType.EXT_DESTINATION,
)  # fmt: skip
# More digits than ticks × mantissa can have, so that nothing is rounded.
EXACT = Context(prec=60)


@dataclass(kw_only=True)
class ListedRows:
    """What is listed so far, by number, as rows of the database; it turns ticks, lots and units into amounts."""

    assets: dict[int, dict[str, Any]] = field(default_factory=dict)
    instruments: dict[int, dict[str, Any]] = field(default_factory=dict)
    destination: bytes = b""  # of the withdrawal whose request comes next

    def price(self, instrument: int, ticks: int) -> Decimal:
        terms = self.instruments[instrument]
        return Decimal(ticks * terms["tick_mantissa"]).scaleb(-terms["price_scale"], EXACT)

    def quantity(self, instrument: int, lots: int) -> Decimal:
        terms = self.instruments[instrument]
        return Decimal(lots * terms["lot_mantissa"]).scaleb(-terms["quantity_scale"], EXACT)

    def money(self, asset: int, units: int) -> Decimal:
        return Decimal(units).scaleb(-self.assets[asset]["scale"], EXACT)

    def symbol_of(self, command: Command) -> str | None:
        number = getattr(command, "instrument", 0)
        return self.instruments[number]["symbol"] if number else None


def action_of(command: Command, listed: ListedRows) -> dict[str, Any]:
    """What `actions` has of a command that was carried out."""
    asset = getattr(command, "asset", 0)
    units = getattr(command, "max_units", getattr(command, "amount", 0))
    proposal = command.seq if command.type in PROPOSALS or is_proposal(command) else 0
    switch = command if isinstance(command, KillSwitch) else None
    return {
        "action": CommandType(command.type).name,
        "user_id": command.account,
        "session_id": command.session,
        "target_id": (command.owner if isinstance(command, Payment) else getattr(command, "target", 0)) or None,
        "symbol": listed.symbol_of(command),
        "side": Side(command.side).name if isinstance(command, MassCancel) and command.side else None,
        "scope": KillScope(switch.scope).name if switch else None,
        "is_on": bool(switch.is_on) if switch else None,
        "cl_ord_id": shown(getattr(command, "cl_ord_id", b"")),
        "asset": listed.assets[asset]["asset"] if asset else None,
        "amount": listed.money(asset, units) if asset else None,
        "proposal": getattr(command, "proposal", 0) or proposal or None,
        "time": moment(command.time_ns),
        "seq": command.seq,
    }


def is_proposal(command: Command) -> bool:
    """Whether a second operator has to approve it before anything changes."""
    waits = getattr(command, "verdict", Code.OK) == Code.SECOND_NEEDED
    return waits or (isinstance(command, Deposit) and command.flags == DepositFlag.PROPOSAL)


def request_of(command: Command, listed: ListedRows) -> dict[str, Any]:
    """What `requests` has of a command that was carried out."""
    asset = getattr(command, "asset", 0)
    units = getattr(command, "max_units", getattr(command, "amount", 0))
    id = getattr(command, "cl_ord_id", b"")
    return {
        "seq": command.seq,
        "request": f"{CommandType(command.type).name}{'_PROPOSAL' if is_proposal(command) else ''}",
        "asked_by": (command.asked_by if isinstance(command, Payment) else command.account) or None,
        "approves": None
        if isinstance(command, Dismissal)
        else getattr(command, "withdrawal", getattr(command, "proposal", 0)) or None,
        "target_id": command.owner if isinstance(command, Payment) else getattr(command, "target", None),
        "symbol": listed.symbol_of(command),
        "asset": listed.assets[asset]["asset"] if asset else None,
        "amount": listed.money(asset, units) if asset else None,
        "cl_ord_id": shown(id) if id else None,
        "terms": Jsonb(terms_of(command, listed)),
        "time": moment(command.time_ns),
    }


def terms_of(command: Command, listed: ListedRows) -> dict[str, Any]:
    """The rest of a request; what is no amount has its name in the schema."""
    match command:
        case Limits():
            quote = listed.instruments[command.instrument]["quote_asset"]
            return {
                "static_band_bps": command.static_band_bps,
                "dynamic_band_bps": command.dynamic_band_bps,
                "volatility_auction_ms": command.volatility_auction_ms,
                "band_action": BandAction(command.band_action).name,
                "max_quantity": str(listed.quantity(command.instrument, command.max_quantity_lots)),
                "max_value": str(listed.money(quote, command.max_value)),
                "day_end": str(timedelta(seconds=command.day_end_s)),
            }
        case AccountLimits():
            names = ("max_open_orders", "max_orders", "window_ms", "self_trade_group", "fee_tier")
            counts = {name: getattr(command, name) for name in names}
            return counts | {"self_trade": SelfTrade(command.self_trade).name}
        case WithdrawalRequest():
            return {"destination": shown(listed.destination)}
        case Dismissal():
            return {"proposal": command.proposal, "proposed": CommandType(command.proposed).name}
        case PasswordReset():
            return {"takes_factor": bool(command.takes_factor)}
        case WithdrawalDecision():
            return {"step": WithdrawalStep(command.step).name}
        case FeeTier():
            return {name: getattr(command, name) for name in ("tier", "maker_fee_ppm", "taker_fee_ppm")}
        case Correction() | CorrectionProposal():
            terms = listed.instruments[command.instrument]
            new = command.new_price_ticks
            return {
                "matcher": command.matcher,
                "trade_id": command.trade_id,
                "buyer_id": command.buyer,
                "seller_id": command.seller,
                "price": str(listed.price(command.instrument, command.price_ticks)),
                "quantity": str(listed.quantity(command.instrument, command.quantity_lots)),
                "new_price": str(listed.price(command.instrument, new)) if new else None,
                "buyer_fee": str(listed.money(terms["base_asset"], command.buyer_fee)),
                "seller_fee": str(listed.money(terms["quote_asset"], command.seller_fee)),
            }
        case _:
            return {}


def moment(time_ns: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_ns // 1000)
