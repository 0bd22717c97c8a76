"""`lockstep bust` and `lockstep correct`: one operator proposes to undo a trade or change its price, another approves.

Each looks the trade up in the journal and repeats it in a record; the router checks that the two agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from procs.operating import trades
from procs.operating.amounts import price_text
from procs.operating.trades import ContradictedError
from procs.recovery.replay import CoreReplayError
from scripts.errors import UsageError
from scripts.operate.channel import Outcome
from scripts.operate.command import Context, Options, RefusedError, Request, Said, Symbol, carry_out
from scripts.operate.proposals import show
from scripts.operate.recorded import trade_of
from scripts.terminal import DEFAULT_CONFIG, ConfigPath, Json
from shm.records import Instrument, Traded

Matcher = Annotated[
    int | None, Parameter(help="Which matcher's trade, if an instrument has moved and two matchers have that number.")
]
Trade = Annotated[int, Parameter(help="The trade's number, as market data and PostgreSQL have it.")]
Price = Annotated[str, Parameter(help="The price that it should have had.")]
Number = Annotated[int, Parameter(help="The proposal's number.")]

bust = App(name="bust", help="Undo a trade: one operator proposes, another approves.")
correct = App(name="correct", help="Change the price of a trade: one operator proposes, another approves.")


@bust.command(name="propose")
def propose_bust(
    symbol: Symbol, trade: Trade, config: ConfigPath = DEFAULT_CONFIG, *, matcher: Matcher = None, options: Options
) -> int:
    """Propose to undo a trade. Nothing changes before another operator approves.

    The trade is looked up in the journal, by a replay from the newest snapshot before it.

    Example: lockstep bust propose BTCUSDT 4711 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    return _propose(config, options, symbol, (trade, matcher), None)


@correct.command(name="propose")
def propose_price(
    symbol: Symbol,
    trade: Trade,
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    price: Price,
    matcher: Matcher = None,
    options: Options,
) -> int:
    """Propose another price for a trade. Nothing changes before another operator approves.

    Example: lockstep correct propose BTCUSDT 4711 --price 60100.50 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    return _propose(config, options, symbol, (trade, matcher), price)


@bust.command(name="approve")
def approve_bust(proposal: Number, config: ConfigPath = DEFAULT_CONFIG, *, options: Options) -> int:
    """Approve another operator's proposal: both sides get back what they gave, fees included. Once for each trade.

    The trade is looked up in the journal again. The approval is refused if the journal differs from the proposal, or if
    a side no longer has what it would have to give back.

    Example: lockstep bust approve 184467 --operator OPERATOR2

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    return _approve(config, options, proposal, is_bust=True)


@correct.command(name="approve")
def approve_price(proposal: Number, config: ConfigPath = DEFAULT_CONFIG, *, options: Options) -> int:
    """Approve another operator's proposal: the difference goes from one side to the other, fees stay. Possible once.

    The trade is looked up in the journal again. The approval is refused if the journal differs from the proposal, or if
    a side no longer has what it would have to pay.

    Example: lockstep correct approve 184467 --operator OPERATOR2

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    return _approve(config, options, proposal, is_bust=False)


@bust.command(name="list")
@correct.command(name="list")
def list_(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Show the trades whose bust or new price waits for approval.

    Exit codes: 0 shown; 1 the venue is not running; 2 the command line or the configuration is wrong.
    """
    return show(
        config, lambda directory: directory.corrections, {"trade": trades.worded, "change": trades.change}, json=json
    )


def _propose(config: Path, options: Options, symbol: str, named: tuple[int, int | None], price: str | None) -> int:
    trade, matcher = named
    replayed = Replayed()

    def request(context: Context) -> Request:
        directory = context.directory
        instrument = directory.instrument(symbol)
        trades.new_ticks(directory, symbol, price)
        matchers = [each for each in directory.matchers[instrument.instrument] if matcher in (None, each)]
        made = replayed.recorded(context, instrument, trade, matchers)
        command = trades.proposal(directory, symbol, *made, price)
        what, change = trades.worded(directory, command), trades.change(directory, command)

        def said(outcomes: Sequence[Outcome]) -> Said:
            seq = outcomes[0].seq
            how = f"lockstep {'bust' if price is None else 'correct'} approve {seq}"
            details: dict[str, object] = {"proposal": seq, "symbol": symbol, "trade": trade, "matcher": made[0]}
            return Said(f"proposal {seq}: {what}: {change}; another operator approves it with {how}", details)

        return Request([command], said)

    return carry_out(config, options, request)


def _approve(config: Path, options: Options, proposal: int, *, is_bust: bool) -> int:
    replayed = Replayed()

    def request(context: Context) -> Request:
        directory = context.directory
        known = directory.corrections.get(proposal)
        kind = "bust" if is_bust else "correct"
        if known is None or is_bust != (known.new_price_ticks == 0):
            raise UsageError(f"there is no proposal {proposal} that {kind} could approve; see lockstep {kind} list")
        instrument = directory.listed(known.instrument)
        _, recorded = replayed.recorded(context, instrument, known.trade_id, [known.matcher])
        what, change = trades.worded(directory, known), trades.change(directory, known)
        try:
            command = trades.approval(directory, known, recorded)
        except ContradictedError as error:
            raise RefusedError(f"{error}: nothing was sent") from None
        details: dict[str, object] = {
            "symbol": instrument.symbol.decode(), "trade": known.trade_id, "matcher": known.matcher,
        }  # fmt: skip
        if known.new_price_ticks:
            details["price"] = price_text(instrument, known.new_price_ticks)

        def said(outcomes: Sequence[Outcome]) -> Said:
            return Said(f"done: {what}: {change}; log record {outcomes[0].seq}", details)

        return Request([command], said, f"Of {what}, fees {trades.fees(directory, known)}: {change}?")

    return carry_out(config, options, request)


class Replayed:
    """The trade as the journal has it, and its matcher: looked up once, however often the command is built."""

    def __init__(self) -> None:
        self._made: tuple[int, Traded] | None = None

    def recorded(
        self, context: Context, instrument: Instrument, trade: int, matchers: Sequence[int]
    ) -> tuple[int, Traded]:
        if self._made is None:  # the next time, others are waiting for the channel
            symbol = instrument.symbol.decode()
            try:
                self._made = trade_of(context.venue, symbol, instrument, trade, matchers)
            except CoreReplayError as error:
                raise RefusedError(f"the trade can't be looked up: {error}; nothing was sent") from error
        return self._made
