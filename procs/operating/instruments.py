"""The commands that list and change assets and instruments: what is asked for, over what is listed, or why it can't be.

Each function gives the records that the router then judges; their sender and client ids are the caller's to add.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from msgspec import structs

from config.schema import AssetSection, InstrumentSection, ScheduleEntry
from procs.operating.directory import Directory
from procs.operating.errors import NotPossibleError
from procs.operating.sections import listed, must_be_right, section_of
from procs.router import config_records
from shm.records import Asset, BandAction, Command, Instrument, Limits, Schedule

# What an operator may begin: all phases but the end of an instrument, which is a command of its own.
PhaseName = Literal[
    "closed",
    "pre_open",
    "opening_auction",
    "continuous",
    "volatility_auction",
    "closing_auction",
    "halt",
    "cancel_only",
]
LIMITS = ("max_quantity", "max_value", "static_band_bps", "dynamic_band_bps", "band_action", "volatility_auction_ms",
          "day_end")  # fmt: skip


def asset(directory: Directory, name: str, scale: int) -> Asset:
    """An asset that is listed for good. NotPossibleError."""
    section = section_of(AssetSection, {"name": name, "scale": scale})
    if name.encode() in directory.assets:
        raise NotPossibleError(f"there is an asset {name} already", "name")
    return Asset(name=section.name.encode(), asset=len(directory.assets) + 1, scale=section.scale)


def instrument(directory: Directory, wanted: Mapping[str, Any], matchers: Collection[int]) -> Instrument:
    """An instrument, or other fees, collar and reference price of one, by the keys of its section. NotPossibleError."""
    section = section_of(InstrumentSection, wanted)
    must_be_right(directory, section)
    known = directory.instruments.get(section.symbol)
    number = known.instrument if known else len(directory.instruments) + 1
    command = config_records.instrument(section, directory.assets, number, structs.asdict(known) if known else None)
    if wanted.get("matcher") not in (None, command.matcher):
        raise NotPossibleError(f"{section.symbol} is on matcher {command.matcher}: it has to be moved", "matcher")
    _must_run(command.matcher, matchers)
    return command


def limits(directory: Directory, symbol: str, named: Mapping[str, Any]) -> Limits:
    """What an instrument allows: what is not `named` (of LIMITS) stays as it is. NotPossibleError."""
    known = directory.instrument(symbol)
    amounts = {name: named[name] for name in ("max_quantity", "max_value") if name in named}
    must_be_right(directory, listed(directory, known, amounts))
    section = listed(directory, known, named)
    command = config_records.limits(
        section, known.instrument, directory.limits_of(known.instrument), directory.assets
    )  # fmt: skip
    # Bands and their auction depend on each other: what results is checked as if a file said all of it.
    bands = {
        "static_band_bps": command.static_band_bps,
        "dynamic_band_bps": command.dynamic_band_bps,
        "band_action": BandAction(command.band_action).name.lower(),
        "volatility_auction_ms": command.volatility_auction_ms,
    }
    must_be_right(directory, listed(directory, known, {**named, **bands}))
    return command


def schedule(directory: Directory, symbol: str, entries: Sequence[ScheduleEntry]) -> list[Schedule]:
    """A schedule in place of the one that there is; no entries end it. NotPossibleError."""
    known = directory.instrument(symbol)
    raw = [{"time": each.time, "phase": each.phase, "days": each.days} for each in entries]
    must_be_right(directory, listed(directory, known, {"schedule": raw}))
    return config_records.schedule(entries, known.instrument)


def moved(directory: Directory, symbol: str, matcher: int, matchers: Collection[int]) -> Instrument:
    """A halted instrument, with all its orders, on another matcher. NotPossibleError."""
    known = directory.instrument(symbol)
    _must_run(matcher, matchers)
    if matcher == known.matcher:
        raise NotPossibleError(f"{symbol} is on matcher {matcher} already", "matcher")
    fresh = {name: 0 for name in Command.__struct_fields__ if name not in ("type", "version")}
    return structs.replace(known, matcher=matcher, verdict=0, **fresh)


def _must_run(matcher: int, matchers: Collection[int]) -> None:
    if matcher not in matchers:
        running = ", ".join(map(str, matchers))
        says = f"matcher {matcher} does not run; there are {running}: more come with the configuration"
        raise NotPossibleError(says, "matcher")
