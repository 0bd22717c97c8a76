"""An instrument's steps of price and quantity: ticks and lots as the decimals that go over the wire, and back."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from lockstep.core.schema.decimals import decimal


class Step(Struct, frozen=True):
    """`units` of the decimal place `scale`."""

    units: int
    scale: int

    @classmethod
    def of(cls, text: str) -> Step:
        """A step as the venue writes it, such as "0.0100"."""
        value = Decimal(text).normalize()
        scale = max(0, -int(value.as_tuple().exponent))
        return cls(int(value.scaleb(scale)), scale)

    def text(self, count: int) -> str:
        """So many steps, exactly."""
        return decimal(count * self.units, self.scale, 0)

    def count(self, text: str) -> int:
        """How many whole steps a decimal number is."""
        return int(Decimal(text).scaleb(self.scale)) // self.units


class Steps(Struct, frozen=True):
    """Of one instrument, and what is exchanged there."""

    symbol: str
    base: str
    quote: str
    tick: Step
    lot: Step
