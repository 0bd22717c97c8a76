"""The instrument that tests trade if they have no reason for another: tick 0.01, lot 0.0001, worth 100 units a tick."""

from __future__ import annotations

from typing import Any

from lockstep.core.schema.records import Instrument

TERMS: dict[str, Any] = {
    "base_asset": 1, "quote_asset": 2, "tick_mantissa": 1, "lot_mantissa": 1, "price_scale": 2, "quantity_scale": 4,
    "matcher": 1, "collar_bps": 500, "maker_fee_ppm": 0, "taker_fee_ppm": 0, "reference_price_ticks": 0,
    "unit_value": 100, "lot_units": 10_000,
}  # fmt: skip


def terms_of(command: Instrument) -> dict[str, Any]:
    """What a router says of the instrument that a command defines."""
    return {name: getattr(command, name) for name in TERMS}
