"""The log records that a configuration's sections stand for.

It words and merges. Callers say what is listed or allowed already, and decide whether anything is sequenced:
the router at a start, an operator's command at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lockstep.config.schema import DAYS, AccountSection, InstrumentSection, ScheduleEntry
from lockstep.config.units import seconds_of_day
from lockstep.core.diagnostics.refusal import FinalError
from lockstep.core.schema.decimals import InexactError, in_steps, in_units, unit_value
from lockstep.core.schema.records import AccountLimits, BandAction, Instrument, Limits, Phase, Schedule, SelfTrade

Assets = Mapping[bytes, tuple[int, int]]  # name -> (number, scale)

PHASES = {phase.name.lower(): phase for phase in Phase}
BAND_ACTIONS = {action.name.lower(): action for action in BandAction}
SELF_TRADES = {mode.name.lower(): mode for mode in SelfTrade if mode}

# What can change of an instrument, with its defaults.
TERMS = {"reference_price_ticks": 0, "collar_bps": 500, "maker_fee_ppm": 0, "taker_fee_ppm": 0}
LIMITS = ("static_band_bps", "dynamic_band_bps", "band_action", "volatility_auction_ms", "max_quantity_lots",
          "max_value", "day_end_s")  # fmt: skip
ACCOUNT_LIMITS = ("max_open_orders", "max_orders", "window_ms", "self_trade_group", "self_trade", "fee_tier")


class GenesisError(FinalError, ValueError):
    """The configuration asks for something that can't be, or no longer can: names what, and the rule."""


def instrument(
    section: InstrumentSection, assets: Assets, number: int, known: Mapping[str, Any] | None = None
) -> Instrument:
    """The definition that `section` asks for, over what is `known` of a listed one (by the record's fields).

    Its matcher stays. GenesisError if an asset is missing or a step is not whole.
    """
    base, base_scale = _asset(section, section.base, assets)
    quote, quote_scale = _asset(section, section.quote, assets)
    try:
        tick_mantissa, price_scale = mantissa(section.tick)
        lot_mantissa, quantity_scale = mantissa(section.lot)
        asked = {
            "reference_price_ticks": _given(section.reference_price, lambda price: in_steps(price, section.tick)),
            "collar_bps": section.collar_bps,
            "maker_fee_ppm": section.maker_fee_ppm,
            "taker_fee_ppm": section.taker_fee_ppm,
        }
        return Instrument(
            symbol=section.symbol.encode(),
            instrument=number,
            base_asset=base,
            quote_asset=quote,
            tick_mantissa=tick_mantissa,
            lot_mantissa=lot_mantissa,
            price_scale=price_scale,
            quantity_scale=quantity_scale,
            matcher=section.matcher if known is None else known["matcher"],
            unit_value=unit_value(section.tick, section.lot, quote_scale),
            lot_units=in_units(section.lot, base_scale),
            **_merge(asked, TERMS if known is None else known),
        )
    except InexactError as error:
        raise GenesisError(f"instrument {section.symbol}: {error}; tick x lot and lot must be whole units") from error


def limits(section: InstrumentSection, number: int, known: Mapping[str, Any], assets: Assets) -> Limits:
    """What is `known` of an instrument's limits (by the record's fields), overridden by `section`."""
    asked = {
        "static_band_bps": section.static_band_bps,
        "dynamic_band_bps": section.dynamic_band_bps,
        "band_action": BAND_ACTIONS[section.band_action] if section.band_action else None,
        "volatility_auction_ms": section.volatility_auction_ms,
        "max_quantity_lots": _given(section.max_quantity, lambda amount: in_steps(amount, section.lot)),
        "max_value": _given(section.max_value, lambda amount: in_units(amount, assets[section.quote.encode()][1])),
        "day_end_s": _given(section.day_end, seconds_of_day),
    }
    merged = _merge(asked, known)
    # An instrument that never had limits has no action: take the first one.
    merged["band_action"] = merged["band_action"] or BandAction.REJECT
    return Limits(instrument=number, **merged)


def account_limits(section: AccountSection, number: int, known: Mapping[str, Any]) -> AccountLimits:
    """What is `known` of an account's limits (by the record's fields), overridden by `section`."""
    asked = {name: getattr(section, name) for name in ACCOUNT_LIMITS}
    if section.self_trade is not None:
        asked["self_trade"] = SELF_TRADES[section.self_trade]
    merged = _merge(asked, known)
    merged["self_trade"] = merged["self_trade"] or SelfTrade.NONE
    return AccountLimits(cl_ord_id=b"", target=number, **merged)


def schedule(entries: Sequence[ScheduleEntry], number: int) -> list[Schedule]:
    """The records that give an instrument this schedule in place of the one it has; no entries end it."""
    if not entries:
        return [Schedule(cl_ord_id=b"", instrument=number, entry=0, entries=0, time_of_day_s=0, phase=0, days=0)]
    return [
        Schedule(
            cl_ord_id=b"",
            instrument=number,
            entry=place,
            entries=len(entries),
            time_of_day_s=seconds_of_day(entry.time),
            phase=PHASES[entry.phase],
            days=sum(1 << DAYS.index(day) for day in set(entry.days)),
        )
        for place, entry in enumerate(entries, 1)
    ]


def mantissa(amount: str) -> tuple[int, int]:
    """A decimal as (mantissa, scale): mantissa / 10**scale, without trailing zeros after the point."""
    whole, _, decimals = amount.partition(".")
    decimals = decimals.rstrip("0")
    return int(whole + decimals), len(decimals)


def _merge(asked: Mapping[str, int | None], known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: known[name] if value is None else value for name, value in asked.items()}


def _given(text: str | None, count: Callable[[str], int]) -> int | None:
    return None if text is None else count(text)


def _asset(section: InstrumentSection, name: str, assets: Assets) -> tuple[int, int]:
    try:
        return assets[name.encode()]
    except KeyError:
        raise GenesisError(f"instrument {section.symbol}: there is no asset {name}") from None
