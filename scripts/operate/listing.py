"""`lockstep list-asset`, `list-instrument`, `limits`, `schedule`, `delist` and `move`: instruments at run time.

What they say goes through the log, like everything that a configuration says; the file itself is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from config.schema import AssetSection, InstrumentSection, ScheduleEntry
from procs.operating import instruments
from procs.operating.sections import section_of
from scripts.errors import UsageError
from scripts.operate.command import Context, Options, Request, Symbol, as_usage, carry_out, overruled, saying
from scripts.operate.trading import change
from scripts.terminal import DEFAULT_CONFIG, ConfigPath, load
from shm.records import Code, Phase


def list_asset(
    name: Annotated[str, Parameter(help="Its name, 1 to 16 capital letters or digits.")],
    scale: Annotated[int, Parameter(help="The number of decimals of its smallest unit, 0 to 18.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    options: Options,
) -> int:
    """List an asset for good. Put it into the configuration file too.

    Example: lockstep list-asset DOGE 8 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    with as_usage():
        section_of(AssetSection, {"name": name, "scale": scale})

    def request(context: Context) -> Request:
        command = instruments.asset(context.directory, name, scale)
        return Request([command], saying(f"{name} is listed"))

    return carry_out(config, options, request)


def list_instrument(
    symbol: Annotated[str, Parameter(help="Its symbol, 1 to 16 capital letters or digits.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    base: Annotated[str, Parameter(help="The asset that is bought and sold.")],
    quote: Annotated[str, Parameter(help="The asset that it is paid in.")],
    tick: Annotated[str, Parameter(help="Step of the price.")],
    lot: Annotated[str, Parameter(help="Step of the quantity.")],
    matcher: Annotated[int | None, Parameter(help="Which of the running matchers keeps its book; at first 1.")] = None,
    reference_price: Annotated[str | None, Parameter(help="What market orders start from before a trade.")] = None,
    collar_bps: Annotated[int | None, Parameter(help="How far from the last trade they trade; at first 500.")] = None,
    maker_fee_ppm: Annotated[int | None, Parameter(help="In 1/1,000,000 of what it receives; at first 0.")] = None,
    taker_fee_ppm: Annotated[int | None, Parameter(help="Likewise, of the taker.")] = None,
    options: Options,
) -> int:
    """List an instrument, or change fees, collar and reference price of one. It trades at once, until it is halted.

    Its assets, tick and lot can't change any more. Put it into the configuration file too.

    Example: lockstep list-instrument DOGEUSDT --base DOGE --quote USDT --tick 0.00001 --lot 1 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    asked = {
        "reference_price": reference_price, "collar_bps": collar_bps, "maker_fee_ppm": maker_fee_ppm,
        "taker_fee_ppm": taker_fee_ppm,
    }  # fmt: skip
    fixed = {"symbol": symbol, "base": base, "quote": quote, "tick": tick, "lot": lot, "matcher": matcher}
    with as_usage():
        section_of(InstrumentSection, fixed | asked)

    def request(context: Context) -> Request:
        known = context.directory.instruments.get(symbol)
        command = instruments.instrument(context.directory, fixed | asked, context.venue.matchers)
        done = f"{symbol} has its new terms" if known else f"{symbol} is listed, on matcher {command.matcher}"
        return Request([command], saying(f"{done}{_overruled(config, symbol, asked)}"))

    return carry_out(config, options, request)


def limits(
    symbol: Symbol,
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    max_quantity: Annotated[str | None, Parameter(help="Of an order; 0: no limit.")] = None,
    max_value: Annotated[str | None, Parameter(help="Of an order, in the quote asset; 0: no limit.")] = None,
    static_band_bps: Annotated[int | None, Parameter(help="Band around the reference price; 0: none.")] = None,
    dynamic_band_bps: Annotated[int | None, Parameter(help="Band around the last trade; 0: none.")] = None,
    band_action: Annotated[Literal["reject", "auction"] | None, Parameter(help="What a trade outside does.")] = None,
    volatility_auction_ms: Annotated[int | None, Parameter(help="How long such an auction lasts.")] = None,
    day_end: Annotated[str | None, Parameter(help="When DAY orders expire, such as 22:00 (UTC).")] = None,
    options: Options,
) -> int:
    """Change what an instrument allows. Anything not named stays; open orders stay too.

    The next start applies the configuration file: if it names the same keys, change them there too.

    Example: lockstep limits BTCUSDT --max-quantity 25 --static-band-bps 1000 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    asked = {
        "max_quantity": max_quantity, "max_value": max_value, "static_band_bps": static_band_bps,
        "dynamic_band_bps": dynamic_band_bps, "band_action": band_action,
        "volatility_auction_ms": volatility_auction_ms, "day_end": day_end,
    }  # fmt: skip
    named = {name: value for name, value in asked.items() if value is not None}
    if not named:
        raise UsageError("name at least one limit to change; lockstep limits --help lists them")

    def request(context: Context) -> Request:
        command = instruments.limits(context.directory, symbol, named)
        words = ", ".join(f"{name} {value}" for name, value in named.items())
        return Request([command], saying(f"{symbol} now has {words}{_overruled(config, symbol, named)}", named))

    return carry_out(config, options, request)


def schedule(
    symbol: Symbol,
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    entry: Annotated[
        list[str] | None,
        Parameter(help='A time (UTC), its phase and maybe days, such as "08:00 continuous mon,tue"; once for each.'),
    ] = None,
    none: Annotated[bool, Parameter(negative=(), help="End the schedule: phases change by command only.")] = False,
    options: Options,
) -> int:
    """Give an instrument a new schedule of phases, or none. Its present phase stays until the next one begins.

    Example: lockstep schedule BTCUSDT --entry "08:00 continuous" --entry "16:30 closing_auction" --entry "16:35 closed"
    --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    if none == bool(entry):
        raise UsageError("give at least one --entry, or --none")
    with as_usage():
        entries = [_entry(text) for text in entry or ()]

    def request(context: Context) -> Request:
        commands = instruments.schedule(context.directory, symbol, entries)
        done = f"{symbol} has a schedule of {len(entries)} phases" if entries else f"{symbol} has no schedule"
        return Request(commands, saying(f"{done}{_overruled(config, symbol, {'schedule': entries})}"))

    return carry_out(config, options, request)


def delist(symbol: Symbol, config: ConfigPath = DEFAULT_CONFIG, *, options: Options) -> int:
    """Delist an instrument for good: all its orders are cancelled, and it never trades again.

    Example: lockstep delist BTCUSDT --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    question = f"Delist {symbol}, for ever, and cancel all its orders?"
    return carry_out(config, options, lambda context: change(context, symbol, Phase.DELISTED, question))


def move(
    symbol: Symbol,
    matcher: Annotated[int, Parameter(help="The matcher that keeps its book from now on.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    options: Options,
) -> int:
    """Move a halted instrument, with all its orders, to another matcher. Halt it first, and resume it afterwards.

    Example: lockstep move SOLUSDT 1 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """

    def request(context: Context) -> Request:
        command = instruments.moved(context.directory, symbol, matcher, context.venue.matchers)
        why = {Code.INVALID_DEFINITION: f"{symbol} is not in HALT: lockstep halt {symbol} first"}
        return Request([command], saying(f"{symbol} is on matcher {matcher}"), why=why)

    return carry_out(config, options, request)


def _entry(text: str) -> ScheduleEntry:
    parts = text.split()
    if len(parts) not in (2, 3):
        raise UsageError(
            f'{text!r} is no entry: give a time, a phase and maybe days, such as "08:00 continuous mon,tue"'
        )
    values: dict[str, Any] = {"time": parts[0], "phase": parts[1]}
    return section_of(ScheduleEntry, values | ({"days": parts[2].split(",")} if len(parts) == 3 else {}))


def _overruled(config: Path, symbol: str, named: Mapping[str, Any]) -> str:
    return overruled(
        config, next((each for each in load(config, secrets=False).instruments if each.symbol == symbol), None), named
    )
