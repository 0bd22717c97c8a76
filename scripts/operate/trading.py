"""`lockstep halt`, `resume`, `phase`, `cancel` and `kill`: what stops trading, and lets it go on.

Each makes one record; the router judges it and the matchers carry it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from cyclopts import Parameter

from procs.operating.amounts import price_text, quantity_text
from procs.operating.instruments import PhaseName
from scripts.errors import UsageError
from scripts.operate.channel import Outcome
from scripts.operate.command import Context, Options, Request, Said, Symbol, carry_out
from scripts.terminal import DEFAULT_CONFIG, ConfigPath, counted
from shm.records import Cancelled, Instrument, KillScope, KillSwitch, MassCancel, Phase, PhaseChange, PhaseChanged, Side


def halt(symbol: Symbol, config: ConfigPath = DEFAULT_CONFIG, *, options: Options) -> int:
    """Halt an instrument: no new orders, replaces or cancels, and no trades, until it is resumed.

    Survives restarts. If there is a schedule, its next phase ends the halt.

    Example: lockstep halt BTCUSDT --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    return carry_out(config, options, lambda context: change(context, symbol, Phase.HALT))


def resume(symbol: Symbol, config: ConfigPath = DEFAULT_CONFIG, *, options: Options) -> int:
    """Resume continuous trading, from any phase; orders that cross trade at one price first.

    To collect orders before that, begin an auction: lockstep phase SYMBOL opening_auction.

    Example: lockstep resume BTCUSDT --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    return carry_out(config, options, lambda context: change(context, symbol, Phase.CONTINUOUS))


def phase(
    symbol: Symbol,
    phase: Annotated[PhaseName, Parameter(help="The phase that begins.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    options: Options,
) -> int:
    """Begin a phase of an instrument outside its schedule.

    Example: lockstep phase BTCUSDT closing_auction --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    return carry_out(config, options, lambda context: change(context, symbol, Phase[phase.upper()]))


def change(context: Context, symbol: str, phase: Phase, question: str = "") -> Request:
    """The request that begins a phase."""
    instrument = context.directory.instrument(symbol)
    command = PhaseChange(cl_ord_id=b"", instrument=instrument.instrument, phase=phase)
    return Request([command], lambda outcomes: _changed(symbol, instrument, phase, outcomes[0]), question)


def _changed(symbol: str, instrument: Instrument, phase: Phase, outcome: Outcome) -> Said:
    found = next((event for event in outcome.events if isinstance(event, PhaseChanged)), None)
    cancelled = sum(isinstance(event, Cancelled) for event in outcome.events)
    details: dict[str, object] = {"symbol": symbol, "phase": phase.name, "cancelled": cancelled}
    if found is None:
        said = f"{symbol} was in {phase.name} already" if outcome.is_whole else f"{symbol} is in {phase.name}"
        return Said(f"{said}; log record {outcome.seq}", details)
    details["from"] = Phase(found.old_phase).name
    said = f"{symbol} is in {phase.name}, from {Phase(found.old_phase).name}"
    if found.auction_lots:
        quantity = quantity_text(instrument, found.auction_lots)
        price = price_text(instrument, found.auction_price_ticks)
        details |= {"auction_price": price, "auction_quantity": quantity}
        said += f"; the auction traded {quantity} at {price}"
    if cancelled:
        said += f"; {counted(cancelled, 'order')} cancelled"
    return Said(f"{said}; log record {outcome.seq}", details)


def cancel(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    account: Annotated[str | None, Parameter(help="Only orders of this account.")] = None,
    symbol: Annotated[str | None, Parameter(help="Only orders of this instrument.")] = None,
    side: Annotated[Literal["buy", "sell"] | None, Parameter(help="Only orders of this side.")] = None,
    all: Annotated[bool, Parameter(negative=(), help="Every order of the venue.")] = False,
    options: Options,
) -> int:
    """Cancel all orders of an account, of an instrument, of a side, or of any combination of these.

    Waiting orders and halted instruments are included. New orders can still come in: see kill and halt.

    Examples: lockstep cancel --account TRADER3 --operator OPERATOR1;
    lockstep cancel --symbol BTCUSDT --side buy --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    if all == any((account, symbol, side)):
        raise UsageError(
            "say whose orders (--account), which (--symbol, --side), or --all for every order of the venue"
        )

    def request(context: Context) -> Request:
        command = MassCancel(
            cl_ord_id=b"",
            target=context.directory.account(account).number if account else 0,
            instrument=context.directory.instrument(symbol).instrument if symbol else 0,
            side=Side[side.upper()] if side else 0,
        )
        which = " ".join(word for word in (side, symbol, "orders", f"of {account}" if account else "") if word)
        return Request([command], _cancelled, f"Cancel all {which}?")

    return carry_out(config, options, request)


def _cancelled(outcomes: Sequence[Outcome]) -> Said:
    count = sum(isinstance(event, Cancelled) for event in outcomes[0].events)
    least = "" if outcomes[0].is_whole else "at least "
    return Said(f"{least}{counted(count, 'order')} cancelled; log record {outcomes[0].seq}", {"cancelled": count})


def kill(
    account: Annotated[str, Parameter(help="Whose orders.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    on: Annotated[bool, Parameter(name="--on", negative="--off", help="Block them, or let them through again.")],
    session: Annotated[
        bool, Parameter(negative=(), help="Switch the account's FIX session, instead of the account.")
    ] = False,
    options: Options,
) -> int:
    """Block an account's new orders and replaces, or let them through again. Cancels always pass.

    Survives restarts, until it is switched off. Open orders stay open: see cancel.

    Examples: lockstep kill TRADER3 --on --operator OPERATOR1; lockstep kill TRADER3 --off --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """

    def request(context: Context) -> Request:
        target = context.directory.account(account).number
        scope = KillScope.SESSION if session else KillScope.ACCOUNT
        what = f"the FIX session of {account}" if session else account
        command = KillSwitch(cl_ord_id=b"", target=target, scope=scope, is_on=on)
        state = "on" if on else "off"
        details: dict[str, object] = {"account": account, "scope": scope.name, "on": on}

        def said(outcomes: Sequence[Outcome]) -> Said:
            return Said(f"the kill switch of {what} is {state}; log record {outcomes[0].seq}", details)

        return Request([command], said)

    return carry_out(config, options, request)
