"""`lockstep list-asset`, `list-instrument`, `limits`, `schedule`, `delist` and `move`: instruments at run time.

What they say goes through the log, like everything that a configuration says; the file itself is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from msgspec import structs

from config.checks import check
from config.schema import AssetSection, Config, InstrumentSection, ScheduleEntry
from procs.router import config_records
from scripts.errors import UsageError
from scripts.operate.amounts import step_text
from scripts.operate.command import Context, Options, Request, Symbol, carry_out, overruled, saying, section_of
from scripts.operate.directory import Directory
from scripts.operate.trading import change
from scripts.terminal import DEFAULT_CONFIG, ConfigPath, load
from shm.records import Asset, BandAction, Code, Command, Instrument, Phase


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
    section = section_of(AssetSection, {"name": name, "scale": scale})

    def request(context: Context) -> Request:
        assets = context.directory.assets
        if name.encode() in assets:
            raise UsageError(f"there is an asset {name} already")
        command = Asset(name=section.name.encode(), asset=len(assets) + 1, scale=section.scale)
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
    section = section_of(InstrumentSection, fixed | asked)

    def request(context: Context) -> Request:
        directory = context.directory
        _check(directory, section)
        known = directory.instruments.get(symbol)
        number = known.instrument if known else len(directory.instruments) + 1
        terms = structs.asdict(known) if known else None
        command = config_records.instrument(section, directory.assets, number, terms)
        if matcher not in (None, command.matcher):
            raise UsageError(f"{symbol} is on matcher {command.matcher}: see lockstep move")
        _check_matcher(context, command.matcher)
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
        directory = context.directory
        instrument = directory.instrument(symbol)
        amounts: dict[str, Any] = {name: named[name] for name in ("max_quantity", "max_value") if name in named}
        _check(directory, _with(directory, instrument, amounts))
        section = _with(directory, instrument, named)
        command = config_records.limits(section, instrument.instrument, directory.limits_of(instrument.instrument),
                                     directory.assets)  # fmt: skip
        # Bands and their auction depend on each other: what results is checked as if a file said all of it.
        bands = {
            "static_band_bps": command.static_band_bps,
            "dynamic_band_bps": command.dynamic_band_bps,
            "band_action": BandAction(command.band_action).name.lower(),
            "volatility_auction_ms": command.volatility_auction_ms,
        }
        _check(directory, _with(directory, instrument, named | bands))
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
    entries = [_entry(text) for text in entry or ()]

    def request(context: Context) -> Request:
        instrument = context.directory.instrument(symbol)
        raw = [{"time": each.time, "phase": each.phase, "days": each.days} for each in entries]
        _check(context.directory, _with(context.directory, instrument, {"schedule": raw}))
        commands = config_records.schedule(entries, instrument.instrument)
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
        known = context.directory.instrument(symbol)
        _check_matcher(context, matcher)
        if matcher == known.matcher:
            raise UsageError(f"{symbol} is on matcher {matcher} already")
        fresh = {name: 0 for name in Command.__struct_fields__ if name not in ("type", "version")}
        command = structs.replace(known, matcher=matcher, verdict=0, **fresh)
        why = {Code.INVALID_DEFINITION: f"{symbol} is not in HALT: lockstep halt {symbol} first"}
        return Request([command], saying(f"{symbol} is on matcher {matcher}"), why=why)

    return carry_out(config, options, request)


def _check_matcher(context: Context, matcher: int) -> None:
    if matcher not in context.venue.matchers:
        running = ", ".join(map(str, context.venue.matchers))
        raise UsageError(f"matcher {matcher} does not run; there are {running}: more come with the configuration")


def _entry(text: str) -> ScheduleEntry:
    parts = text.split()
    if len(parts) not in (2, 3):
        raise UsageError(
            f'{text!r} is no entry: give a time, a phase and maybe days, such as "08:00 continuous mon,tue"'
        )
    values: dict[str, Any] = {"time": parts[0], "phase": parts[1]}
    return section_of(ScheduleEntry, values | ({"days": parts[2].split(",")} if len(parts) == 3 else {}))


def _with(directory: Directory, listed: Instrument, named: dict[str, Any]) -> InstrumentSection:
    """A listed instrument as a section of the configuration, with `named` keys besides."""
    values = {
        "symbol": listed.symbol.decode(),
        "base": directory.name_of_asset(listed.base_asset)[0],
        "quote": directory.name_of_asset(listed.quote_asset)[0],
        "tick": step_text(listed.tick_mantissa, listed.price_scale),
        "lot": step_text(listed.lot_mantissa, listed.quantity_scale),
        "matcher": listed.matcher,
    }
    return section_of(InstrumentSection, values | named)


def _check(directory: Directory, section: InstrumentSection) -> None:
    """UsageError with all that the configuration's own checks find wrong with an instrument."""
    assets = [AssetSection(name=name.decode(), scale=scale) for name, (_, scale) in directory.assets.items()]
    key = f"instruments[{section.symbol}]"
    found = [problem for problem in check(Config(assets=assets, instruments=[section])) if problem.key.startswith(key)]
    if found:
        raise UsageError("\n".join(f"{problem.key.removeprefix(key + '.')}: {problem.message}" for problem in found))


def _overruled(config: Path, symbol: str, named: Mapping[str, Any]) -> str:
    return overruled(
        config, next((each for each in load(config, secrets=False).instruments if each.symbol == symbol), None), named
    )
