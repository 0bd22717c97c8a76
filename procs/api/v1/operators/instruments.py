"""Assets, instruments and fee tiers, for operators: what is listed and allowed, in full, and what changes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from litestar import Controller, get, post, put
from litestar.params import Parameter
from msgspec import Meta, Struct, field, structs

from config.schema import DAYS, Bps, Day, FeePpm, ScheduleEntry, TimeOfDay
from procs.api.v1.auth import Body
from procs.api.v1.caller import Caller, Services
from procs.api.v1.operators.carried import (
    NAMELESS,
    Amount,
    AssetName,
    Done,
    Named,
    all_carried,
    done,
    given,
    known,
    seen,
)
from procs.api.v1.problems import refused
from procs.operating import accounts, instruments
from procs.operating.amounts import price_text, quantity_text, step_text
from procs.operating.directory import Directory
from procs.operating.instruments import PhaseName
from shm.records import BandAction, Code, Instrument, Phase, PhaseChange, Schedule

PlannedPhase = Literal["closed", "pre_open", "opening_auction", "continuous", "closing_auction", "halt", "cancel_only"]
MatcherNumber = Annotated[int, Meta(ge=1, le=8)]
Tier = Annotated[int, Parameter(ge=1, le=255)]
DAY_S = 86_400


class NewAsset(Body, frozen=True, kw_only=True):
    """An asset, listed for good; `scale` is the number of decimals of its smallest unit."""

    name: Annotated[str, Meta(max_length=16, description="1 to 16 capital letters or digits")]
    scale: Annotated[int, Meta(ge=0, le=18)]


class NewInstrument(Body, frozen=True, kw_only=True):
    """An instrument: `base` is traded against `quote`, in steps of `tick` (price) and `lot` (quantity), for good. It
    trades at once, until it is halted."""

    symbol: Annotated[str, Meta(max_length=16, description="1 to 16 capital letters or digits")]
    base: AssetName
    quote: AssetName
    tick: Amount
    lot: Amount
    matcher: MatcherNumber | None = None
    reference_price: Amount | None = None
    collar_bps: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    maker_fee_ppm: FeePpm | None = None
    taker_fee_ppm: FeePpm | None = None


class NewTerms(Body, frozen=True, kw_only=True):
    """What can change of an instrument; what is left out stays. Fees are in parts of a million of what a side
    receives."""

    reference_price: Amount | None = None
    collar_bps: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    maker_fee_ppm: FeePpm | None = None
    taker_fee_ppm: FeePpm | None = None


class LimitsWanted(Body, frozen=True, kw_only=True):
    """What an instrument allows; what is left out stays. 0 stands for no limit, and for no band."""

    max_quantity: Amount | None = None
    max_value: Amount | None = None
    static_band_bps: Bps | None = None
    dynamic_band_bps: Bps | None = None
    band_action: Literal["reject", "auction"] | None = None
    volatility_auction_ms: Annotated[int, Meta(ge=0, le=86_400_000)] | None = None
    day_end: TimeOfDay | None = None


class Entry(Body, frozen=True, kw_only=True):
    """A phase that begins at a time of day (UTC), on some days of the week; on all where they are left out."""

    time: TimeOfDay
    phase: PlannedPhase
    days: Annotated[list[Day], Meta(min_length=1, max_length=7)] = field(default_factory=lambda: list(DAYS))


class NewSchedule(Named, frozen=True, kw_only=True):
    """A schedule in place of the one that an instrument has; without entries, phases change by command only."""

    entries: Annotated[list[Entry], Meta(max_length=32)]


class NewPhase(Named, frozen=True, kw_only=True):
    """Which phase begins."""

    phase: PhaseName


class NewMatcher(Named, frozen=True, kw_only=True):
    """The matcher that keeps the instrument's book from now on."""

    matcher: MatcherNumber


class NewRates(Named, frozen=True, kw_only=True):
    """The rates of a fee tier, in parts of a million of what a side receives."""

    maker_fee_ppm: FeePpm
    taker_fee_ppm: FeePpm


class AssetListed(Struct, frozen=True):
    """An asset; `scale` is the number of decimals of its smallest unit."""

    name: str
    asset: int
    scale: int


class EntryShown(Struct, frozen=True):
    """A phase that begins at a time of day (UTC), on these days."""

    time: str
    phase: str
    days: list[str]


class InstrumentInFull(Struct, frozen=True):
    """An instrument with all that is set of it. Limits and bands are null where there is none, and so is
    `reference_price`, the one that it was listed with; `day_end` (UTC) is when DAY orders expire."""

    symbol: str
    instrument: int
    base: str
    quote: str
    tick: str
    lot: str
    matcher: int
    phase: str
    reference_price: str | None
    collar_bps: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    max_quantity: str | None
    max_value: str | None
    static_band_bps: int | None
    dynamic_band_bps: int | None
    band_action: str | None
    volatility_auction_ms: int
    day_end: str
    schedule: list[EntryShown]


class TierShown(Struct, frozen=True):
    """A fee tier's rates, in parts of a million of what a side receives."""

    tier: int
    maker_fee_ppm: int
    taker_fee_ppm: int


class InstrumentsController(Controller):
    """What is traded, and by which rules."""

    path = "/v1/operator"
    tags = ["operator: instruments"]  # noqa: RUF012 - Litestar's name

    @get("/assets")
    async def assets(self, caller: Caller, services: Services) -> list[AssetListed]:
        """All assets."""
        directory = await seen(caller, services, "assets")
        return [AssetListed(name.decode(), number, scale) for name, (number, scale) in directory.assets.items()]

    @post("/assets", status_code=201)
    async def list_asset(self, data: NewAsset, caller: Caller, services: Services) -> Done:
        """List an asset for good. Put it into the configuration too."""
        command = instruments.asset(await known(caller, services), data.name, data.scale)
        return await done(caller, services, command)

    @get("/instruments")
    async def instruments(self, caller: Caller, services: Services) -> list[InstrumentInFull]:
        """All instruments with their terms, limits and schedules."""
        directory = await seen(caller, services, "instruments")
        return [_shown(services, directory, each) for each in directory.instruments.values()]

    @post("/instruments", status_code=201)
    async def list_instrument(self, data: NewInstrument, caller: Caller, services: Services) -> Done:
        """List an instrument. It trades at once, until it is halted. Put it into the configuration too."""
        directory = await known(caller, services)
        if data.symbol in directory.instruments:
            raise refused(Code.NAME_USED, "symbol", "This symbol is listed already.")
        return await done(
            caller, services, instruments.instrument(directory, given(data), services.directories.matchers)
        )

    @put("/instruments/{symbol:str}")
    async def change(self, symbol: str, data: NewTerms, caller: Caller, services: Services) -> Done:
        """Change fees, collar or reference price, for orders that come after this."""
        directory = await known(caller, services)
        services.instrument(symbol)
        listed = directory.instruments[symbol]
        fixed = _fixed(directory, listed)
        wanted = given(data) | {name: fixed[name] for name in ("symbol", "base", "quote", "tick", "lot")}
        return await done(caller, services, instruments.instrument(directory, wanted, services.directories.matchers))

    @put("/instruments/{symbol:str}/limits")
    async def limits(self, symbol: str, data: LimitsWanted, caller: Caller, services: Services) -> Done:
        """Change what an instrument allows. Open orders stay."""
        directory = await known(caller, services)
        services.instrument(symbol)
        return await done(caller, services, instruments.limits(directory, symbol, given(data)))

    @put("/instruments/{symbol:str}/schedule")
    async def schedule(self, symbol: str, data: NewSchedule, caller: Caller, services: Services) -> Done:
        """Give an instrument another schedule, or none. Its present phase stays until the next one begins."""
        directory = await known(caller, services)
        services.instrument(symbol)
        entries = [ScheduleEntry(time=each.time, phase=each.phase, days=each.days) for each in data.entries]
        commands = instruments.schedule(directory, symbol, entries)
        return await all_carried(caller, services, commands, data.client_id)

    @put("/instruments/{symbol:str}/phase")
    async def phase(self, symbol: str, data: NewPhase, caller: Caller, services: Services) -> Done:
        """Begin a phase: halt, continuous (resume), an auction. If there is a schedule, its next phase ends it."""
        return await _begin(caller, services, symbol, Phase[data.phase.upper()], data.client_id)

    @post("/instruments/{symbol:str}/delist", status_code=201)
    async def delist(self, symbol: str, caller: Caller, services: Services, data: Named = NAMELESS) -> Done:
        """Delist an instrument for ever: all its orders are cancelled, and it never trades again."""
        return await _begin(caller, services, symbol, Phase.DELISTED, data.client_id)

    @put("/instruments/{symbol:str}/matcher")
    async def move(self, symbol: str, data: NewMatcher, caller: Caller, services: Services) -> Done:
        """Move an instrument, with all its orders, to another matcher: it must be in halt, and is resumed
        afterwards."""
        directory = await known(caller, services)
        if services.desk.phases.get(services.instrument(symbol)) != Phase.HALT:
            raise refused(Code.INVALID_DEFINITION, "symbol", "It is not in halt: only then can it move.")
        command = instruments.moved(directory, symbol, data.matcher, services.directories.matchers)
        return await done(caller, services, command)

    @get("/fee-tiers")
    async def tiers(self, caller: Caller, services: Services) -> list[TierShown]:
        """All fee tiers. An account has one by its limits, or none."""
        directory = await seen(caller, services, "fee tiers")
        return [
            TierShown(each.tier, each.maker_fee_ppm, each.taker_fee_ppm)
            for _, each in sorted(directory.fee_tiers.items())
        ]

    @put("/fee-tiers/{tier:int}")
    async def set_tier(self, tier: Tier, data: NewRates, caller: Caller, services: Services) -> Done:
        """Set the rates of a fee tier, for orders that come after this."""
        caller.may_operate()
        command = accounts.fee_tier(tier, data.maker_fee_ppm, data.taker_fee_ppm)
        return await done(caller, services, structs.replace(command, cl_ord_id=data.client_id))


async def _begin(caller: Caller, services: Services, symbol: str, phase: Phase, id: bytes) -> Done:
    caller.may_operate()
    command = PhaseChange(cl_ord_id=id, instrument=services.instrument(symbol), phase=phase)
    return await done(caller, services, command)


def _fixed(directory: Directory, known: Instrument) -> Mapping[str, Any]:
    """What can't change of an instrument."""
    return {
        "symbol": known.symbol.decode(),
        "instrument": known.instrument,
        "base": directory.name_of_asset(known.base_asset)[0],
        "quote": directory.name_of_asset(known.quote_asset)[0],
        "tick": step_text(known.tick_mantissa, known.price_scale),
        "lot": step_text(known.lot_mantissa, known.quantity_scale),
    }


def _shown(services: Services, directory: Directory, known: Instrument) -> InstrumentInFull:
    limits = directory.limits_of(known.instrument)
    _, scale = directory.name_of_asset(known.quote_asset)
    lots, value, action = limits["max_quantity_lots"], limits["max_value"], limits["band_action"]
    return InstrumentInFull(
        **_fixed(directory, known),
        matcher=known.matcher,
        phase=Phase(services.desk.phases.get(known.instrument, Phase.CONTINUOUS)).name.lower(),
        reference_price=price_text(known, known.reference_price_ticks) if known.reference_price_ticks else None,
        collar_bps=known.collar_bps,
        maker_fee_ppm=known.maker_fee_ppm,
        taker_fee_ppm=known.taker_fee_ppm,
        max_quantity=quantity_text(known, lots) if lots else None,
        max_value=step_text(value, scale) if value else None,
        static_band_bps=limits["static_band_bps"] or None,
        dynamic_band_bps=limits["dynamic_band_bps"] or None,
        band_action=BandAction(action).name.lower() if action else None,
        volatility_auction_ms=limits["volatility_auction_ms"],
        day_end=_time(limits["day_end_s"]),
        schedule=[_entry(each) for each in directory.schedules.get(known.instrument, ())],
    )


def _entry(entry: Schedule) -> EntryShown:
    days: list[str] = [day for place, day in enumerate(DAYS) if entry.days & 1 << place]
    return EntryShown(_time(entry.time_of_day_s), Phase(entry.phase).name.lower(), days)


def _time(seconds: int) -> str:
    """A time of day, with seconds only where it has some."""
    minutes, rest = divmod(seconds, 60)
    text = f"{minutes // 60:02}:{minutes % 60:02}"
    return f"{text}:{rest:02}" if rest else text
