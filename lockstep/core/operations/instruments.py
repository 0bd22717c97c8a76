"""Assets and instruments: their terms, limits and schedules, and the matchers that keep their books."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any

from msgspec import Meta, field, structs

from lockstep.config.schema import (
    DAYS,
    MAX_SCHEDULE,
    AssetName,
    AuctionMs,
    BandActionName,
    Bps,
    CollarBps,
    Config,
    Day,
    FeePpm,
    InstrumentSection,
    MatcherNumber,
    Scale,
    ScheduleEntry,
    Section,
    Symbol,
    TimeOfDay,
)
from lockstep.core.operations.directory import Directory, unsent
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.operations.operation import (
    Amount,
    Asked,
    Operation,
    Outcome,
    Said,
    SomeAsset,
    WhichInstrument,
    texts_of,
)
from lockstep.core.operations.sections import fixed_terms, listed, must_be_right, section_of
from lockstep.core.schema.records import Asset, BandAction, Code, Command, Instrument, Schedule
from lockstep.procs.router import config_records


class ListAsset(Operation, frozen=True, kw_only=True):
    """List an asset for good. Put it into the configuration too: a start applies what that says."""

    command = "list-asset"
    example = "DOGE 8"
    route = "POST /assets"
    subject = "instruments"
    title = "List an asset"
    verb = "List it"
    typed = "name"
    effect = "{name} is listed"
    is_once = False

    name: Annotated[AssetName, Asked("Name", "Its name, 1 to 16 capital letters or digits.")]
    scale: Annotated[
        Scale,
        Asked("Decimals of its smallest unit", "The number of decimals of its smallest unit, 0 to 18."),
    ]

    def records(self, directory: Directory) -> Sequence[Command]:
        if self.name.encode() in directory.assets:
            raise NotPossibleError(f"there is an asset {self.name} already", "name")
        return [Asset(name=self.name.encode(), asset=len(directory.assets) + 1, scale=self.scale)]


class Terms(Operation, frozen=True, kw_only=True):
    """Base of what can change of an instrument."""

    subject = "instruments"
    is_once = False

    reference_price: Annotated[
        Amount | None, Asked("Reference price, if any", "What market orders start from before a trade.")
    ] = None
    collar_bps: Annotated[
        CollarBps | None,
        Asked("Collar of market orders, 1/10,000", "How far from the last trade they trade; at first 500."),
    ] = None
    maker_fee_ppm: Annotated[
        FeePpm | None, Asked("Maker fee, parts of a million", "In 1/1,000,000 of what it receives; at first 0.")
    ] = None
    taker_fee_ppm: Annotated[FeePpm | None, Asked("Taker fee, parts of a million", "Fee of the taker.")] = None


class ChangeTerms(Terms, frozen=True, kw_only=True):
    """Change fees, collar or reference price, for orders that come after this. Anything left out stays as it is."""

    route = "PUT /instruments/{symbol}"
    title = "Terms of {symbol}"
    verb = "Change them"

    symbol: WhichInstrument

    def __post_init__(self) -> None:
        self.must_name()

    def records(self, directory: Directory) -> Sequence[Command]:
        return [defined(directory, fixed_terms(directory, directory.instrument(self.symbol)) | self.named())]


class DefineInstrument(Terms, frozen=True, kw_only=True):
    """List an instrument. It trades at once, until it is halted; its steps are for good.

    Put it into the configuration too: a start applies what that says.
    """

    route = "POST /instruments"
    title = "List an instrument"
    verb = "List it"
    typed = "symbol"

    symbol: Annotated[Symbol, Asked("Symbol", "Its symbol, 1 to 16 capital letters or digits.")]
    base: Annotated[SomeAsset, Asked("Base asset", "The asset that is bought and sold.", is_option=True)]
    quote: Annotated[SomeAsset, Asked("Quote asset", "The asset that it is paid in.", is_option=True)]
    tick: Annotated[Amount, Asked("Tick size", "Step of the price.", is_option=True)]
    lot: Annotated[Amount, Asked("Lot size", "Step of the quantity.", is_option=True)]
    matcher: Annotated[
        MatcherNumber | None,
        Asked("Matcher, if not the first", "Which of the running matchers keeps its book; at first 1."),
    ] = None

    def records(self, directory: Directory) -> Sequence[Command]:
        if self.symbol in directory.instruments:
            raise NotPossibleError(f"{self.symbol} is listed already", "symbol", Code.NAME_USED)
        return [defined(directory, structs.asdict(self))]


class ListInstrument(DefineInstrument, frozen=True, kw_only=True):
    """List an instrument, or change fees, collar and reference price of one. It trades at once, until it is halted.

    Its assets, tick and lot can no longer change. Put it into the configuration file too.
    """

    command = "list-instrument"
    example = "DOGEUSDT --base DOGE --quote USDT --tick 0.00001 --lot 1"
    route = ""

    def records(self, directory: Directory) -> Sequence[Command]:
        return [defined(directory, structs.asdict(self))]

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        if self.symbol in directory.instruments:
            return Said(f"{self.symbol} has its new terms", {})
        command = outcomes[0].command
        assert isinstance(command, Instrument)
        return Said(f"{self.symbol} is listed, on matcher {command.matcher}", {})

    def named(self) -> dict[str, Any]:
        found = super().named()
        found.pop("matcher", None)  # a file says only the first one
        return found

    def next_start(self, config: Config) -> Section | None:
        return of_file(config, self.symbol)


class LimitInstrument(Operation, frozen=True, kw_only=True):
    """Change what an instrument allows. Anything not named stays; open orders stay too.

    The next start applies the configuration file: if it names the same keys, change them there too.
    """

    command = "limits"
    example = "BTCUSDT --max-quantity 25 --static-band-bps 1000"
    route = "PUT /instruments/{symbol}/limits"
    subject = "instruments"
    title = "Limits of {symbol}"
    verb = "Change them"
    is_once = False

    symbol: WhichInstrument
    max_quantity: Annotated[
        Amount | None, Asked("Maximum quantity of an order (0: any)", "Of an order; 0: no limit.")
    ] = None
    max_value: Annotated[
        Amount | None, Asked("Maximum value of an order (0: any)", "Of an order, in the quote asset; 0: no limit.")
    ] = None
    static_band_bps: Annotated[
        Bps | None, Asked("Band around the reference price, 1/10,000", "Band around the reference price; 0: none.")
    ] = None
    dynamic_band_bps: Annotated[
        Bps | None, Asked("Band around the last trade, 1/10,000", "Band around the last trade; 0: none.")
    ] = None
    band_action: Annotated[
        BandActionName | None,
        Asked(
            "At a band", "What a trade outside does.",
            words={"reject": "the rest is cancelled", "auction": "a volatility auction begins"},
        ),
    ] = None  # fmt: skip
    volatility_auction_ms: Annotated[
        AuctionMs | None, Asked("How long that auction lasts, ms", "How long such an auction lasts.")
    ] = None
    day_end: Annotated[
        TimeOfDay | None, Asked("When DAY orders expire (UTC)", "When DAY orders expire, such as 22:00 (UTC).")
    ] = None

    def __post_init__(self) -> None:
        self.must_name()

    def records(self, directory: Directory) -> Sequence[Command]:
        known, named = directory.instrument(self.symbol), self.named()
        amounts: dict[str, Any] = {name: named[name] for name in ("max_quantity", "max_value") if name in named}
        must_be_right(directory, listed(directory, known, amounts))
        section = listed(directory, known, named)
        command = config_records.limits(
            section, known.instrument, directory.limits_of(known.instrument), directory.assets
        )
        # Bands and their auction depend on each other: what results is checked as if a file said all of it.
        bands = {
            "static_band_bps": command.static_band_bps,
            "dynamic_band_bps": command.dynamic_band_bps,
            "band_action": BandAction(command.band_action).name.lower(),
            "volatility_auction_ms": command.volatility_auction_ms,
        }
        must_be_right(directory, listed(directory, known, {**named, **bands}))
        return [command]

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        return Said(f"{self.symbol} now has {texts_of(self.named())}", self.named())

    def next_start(self, config: Config) -> Section | None:
        return of_file(config, self.symbol)


class Entry(ScheduleEntry, frozen=True, kw_only=True):
    """A phase that begins at a time of day (UTC), on some days of the week; on all where they are left out."""

    days: Annotated[list[Day], Meta(min_length=1, max_length=7)] = field(default_factory=lambda: list(DAYS))


class ReplaceSchedule(Operation, frozen=True, kw_only=True):
    """Give an instrument a new schedule of phases, or none. Its present phase stays until the next one begins."""

    route = "PUT /instruments/{symbol}/schedule"
    subject = "instruments"
    title = "Schedule of {symbol}"
    verb = "Replace it"

    symbol: WhichInstrument
    entries: Annotated[list[Entry], Meta(max_length=MAX_SCHEDULE), Asked("Schedule (UTC)")]

    def records(self, directory: Directory) -> Sequence[Command]:
        return planned(directory, self.symbol, self.entries)


class ScheduleTyped(Operation, frozen=True, kw_only=True):
    """Give an instrument a new schedule of phases, or none. Its present phase stays until the next one begins."""

    command = "schedule"
    example = 'BTCUSDT --entry "08:00 continuous" --entry "16:30 closing_auction" --entry "16:35 closed"'

    symbol: WhichInstrument
    entry: Annotated[
        list[str] | None,
        Asked("", 'A time (UTC), its phase and maybe days, such as "08:00 continuous mon,tue"; once for each.'),
    ] = None
    none: Annotated[bool, Asked("", "End the schedule: phases change by command only.")] = False

    def __post_init__(self) -> None:
        if self.none == bool(self.entry):
            raise NotPossibleError("give at least one --entry, or --none")
        self.entries()

    def entries(self) -> list[Entry]:
        """What is typed as text. NotPossibleError."""
        return [_entry(text) for text in self.entry or ()]

    def records(self, directory: Directory) -> Sequence[Command]:
        return planned(directory, self.symbol, self.entries())

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        phases = f"a schedule of {len(self.entry)} phases" if self.entry else "no schedule"
        return Said(f"{self.symbol} has {phases}", {})

    def next_start(self, config: Config) -> Section | None:
        return of_file(config, self.symbol)

    def named(self) -> dict[str, Any]:
        return {"schedule": self.entries()}


class Move(Operation, frozen=True, kw_only=True):
    """Move a halted instrument, with all its orders, to another matcher. Halt it first, and resume it afterwards."""

    command = "move"
    example = "SOLUSDT 1"
    route = "PUT /instruments/{symbol}/matcher"
    subject = "instruments"
    title = "Move {symbol} to another matcher"
    verb = "Move it"
    effect = "{symbol} is on matcher {matcher}"

    symbol: WhichInstrument
    matcher: Annotated[MatcherNumber, Asked("Matcher", "The matcher that keeps its book from now on.")]

    def records(self, directory: Directory) -> Sequence[Command]:
        known = directory.instrument(self.symbol)
        must_run(self.matcher, directory.running)
        if self.matcher == known.matcher:
            raise NotPossibleError(f"{self.symbol} is on matcher {self.matcher} already", "matcher")
        return [structs.replace(unsent(known), matcher=self.matcher, verdict=0)]

    def why(self) -> dict[Code, str]:
        return {Code.INVALID_DEFINITION: f"{self.symbol} is not in HALT: lockstep halt {self.symbol} first"}


def defined(directory: Directory, wanted: dict[str, Any]) -> Instrument:
    """An instrument, or other fees, collar and reference price of one, by the keys of its section. NotPossibleError."""
    section = section_of(InstrumentSection, wanted)
    must_be_right(directory, section)
    known = directory.instruments.get(section.symbol)
    number = known.instrument if known else len(directory.instruments) + 1
    command = config_records.instrument(section, directory.assets, number, structs.asdict(known) if known else None)
    if wanted.get("matcher") not in (None, command.matcher):
        raise NotPossibleError(f"{section.symbol} is on matcher {command.matcher}: it has to be moved", "matcher")
    must_run(command.matcher, directory.running)
    return command


def planned(directory: Directory, symbol: str, entries: Sequence[Entry]) -> list[Schedule]:
    """A schedule in place of the one that there is; no entries end it. NotPossibleError."""
    known = directory.instrument(symbol)
    raw = [structs.asdict(each) for each in entries]
    section = listed(directory, known, {"schedule": raw})
    must_be_right(directory, section)
    return config_records.schedule(section.schedule or (), known.instrument)


def must_run(matcher: int, running: Collection[int]) -> None:
    """NotPossibleError if a matcher does not run."""
    if matcher not in running:
        there = ", ".join(map(str, running))
        says = f"matcher {matcher} does not run; there are {there}: more come with the configuration"
        raise NotPossibleError(says, "matcher")


def of_file(config: Config, symbol: str) -> InstrumentSection | None:
    return next((each for each in config.instruments if each.symbol == symbol), None)


def _entry(text: str) -> Entry:
    parts = text.split()
    if len(parts) not in (2, 3):
        raise NotPossibleError(
            f'{text!r} is no entry: give a time, a phase and maybe days, such as "08:00 continuous mon,tue"'
        )
    values: dict[str, Any] = {"time": parts[0], "phase": parts[1]}
    return section_of(Entry, values | ({"days": parts[2].split(",")} if len(parts) == 3 else {}))
