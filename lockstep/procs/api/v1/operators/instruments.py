"""Views of assets, instruments and fee tiers for operators, in full."""

from __future__ import annotations

from litestar import Controller, get
from msgspec import Struct

from lockstep.config.schema import DAYS
from lockstep.core.operations.amounts import price_text, quantity_text, step_text
from lockstep.core.operations.directory import Directory
from lockstep.core.operations.sections import fixed_terms
from lockstep.core.schema.records import BandAction, Instrument, Phase, Schedule
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.operators.readers import seen


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

    @get("/instruments")
    async def instruments(self, caller: Caller, services: Services) -> list[InstrumentInFull]:
        """All instruments with their terms, limits and schedules."""
        directory = await seen(caller, services, "instruments")
        return [_shown(services, directory, each) for each in directory.instruments.values()]

    @get("/fee-tiers")
    async def tiers(self, caller: Caller, services: Services) -> list[TierShown]:
        """All fee tiers. An account has one by its limits, or none."""
        directory = await seen(caller, services, "fee tiers")
        return [
            TierShown(each.tier, each.maker_fee_ppm, each.taker_fee_ppm)
            for _, each in sorted(directory.fee_tiers.items())
        ]


def _shown(services: Services, directory: Directory, known: Instrument) -> InstrumentInFull:
    limits = directory.limits_of(known.instrument)
    _, scale = directory.name_of_asset(known.quote_asset)
    lots, value, action = limits["max_quantity_lots"], limits["max_value"], limits["band_action"]
    return InstrumentInFull(
        instrument=known.instrument,
        **fixed_terms(directory, known),
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
