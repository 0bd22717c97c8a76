"""Who trades in a FIX session, and what."""

from __future__ import annotations

from typing import NamedTuple


class Party(NamedTuple):
    """The CompIDs of a session, and its password."""

    sender: str
    target: str
    password: str


class Market(NamedTuple):
    """An instrument, and the decimals of its prices and quantities."""

    symbol: str
    price_decimals: int
    quantity_decimals: int
