"""What an account had at moments of the past, and what the last trades' prices were then.

Balances are reckoned back as a statement's are. Prices are those of candles, so of trades as corrections left them;
where nothing had traded yet there is none, and none is made up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from decimal import ROUND_DOWN, Context, Decimal

from msgspec import Struct

from lockstep.procs.api.history.intervals import time_of
from lockstep.procs.api.history.rows import Read
from lockstep.procs.api.history.statements import EXACT, listed_assets, movements
from lockstep.procs.api.history.tables import History, Snapshot

MOST_MOMENTS = 400
CUT = Context(prec=100, rounding=ROUND_DOWN)  # more digits than any value has
# The last close before each moment: that of a candle which ends there, or earlier.
CLOSES = """
    SELECT m.number - 1, c.close FROM unnest(%(moments)s::timestamptz[]) WITH ORDINALITY AS m ("time", number)
    CROSS JOIN LATERAL (
        SELECT close FROM candles WHERE symbol = %(symbol)s AND "interval" = %(interval)s AND "time" < m."time"
        ORDER BY "time" DESC LIMIT 1
    ) AS c
"""


class Past(Struct, frozen=True):
    """Balances and their values in one asset, by asset, after all that came before a time; of an asset that nothing
    had traded for that one yet the value is None. Assets that the account did not have are left out."""

    time_us: int
    balances: dict[str, Decimal]
    values: dict[str, Decimal | None]

    @property
    def unpriced(self) -> list[str]:
        return sorted(asset for asset, value in self.values.items() if value is None)

    @property
    def value(self) -> Decimal | None:
        """Of all balances; None where one has none."""
        total = Decimal(0)
        for value in self.values.values():
            if value is None:
                return None
            total = EXACT.add(total, value)
        return total


async def past_balances(
    history: History, account: int, moments_us: list[int], interval: str, quote: str, scale: int
) -> Read[Past]:
    """What an account had at moments in their order, at most MOST_MOMENTS, each a multiple of a stored interval, and
    what that was worth in an asset of so many decimals: cut, as a portfolio's values are. HistoryUnavailableError."""
    if not moments_us:
        return Read([], (await history.watermark()).at)
    async with history.snapshot() as at:
        listed = await listed_assets(at)
        now, parts = await movements(at, account, moments_us, listed)
        ways = {asset: _ways(listed, asset, quote) for asset in now}
        closes = await _closes(at, {symbol for some in ways.values() for symbol, _ in some}, moments_us, interval)
        found = []
        for i in range(len(moments_us) - 1, -1, -1):
            for asset, sums in parts[i + 1].items():
                now[asset] = EXACT.subtract(now[asset], sums.moved)
            balances = {asset: amount for asset, amount in sorted(now.items()) if amount}
            values: dict[str, Decimal | None] = {}
            for asset, amount in balances.items():
                prices = [(closes[symbol].get(i), is_direct) for symbol, is_direct in ways[asset]]
                values[asset] = amount if asset == quote else _value(amount, prices, scale)
            found.append(Past(moments_us[i], balances, values))
            await asyncio.sleep(0)  # others have their turn
        return Read(found[::-1], at.at)


async def _closes(
    at: Snapshot, symbols: Iterable[str], moments_us: list[int], interval: str
) -> dict[str, dict[int, Decimal]]:
    """The last price before each moment that has one, by the moment's place, of each symbol."""
    key = {"moments": [time_of(moment) for moment in moments_us], "interval": interval}
    return {symbol: dict(await at.rows(_pair, CLOSES, key | {"symbol": symbol})) for symbol in sorted(symbols)}


def _ways(listed: dict[str, tuple[str, str]], asset: str, quote: str) -> list[tuple[str, bool]]:
    """The instruments that trade an asset for another, then those that trade that one for it; whether it is one of the
    first."""
    direct = [(symbol, True) for symbol, pair in sorted(listed.items()) if pair == (asset, quote)]
    return direct + [(symbol, False) for symbol, pair in sorted(listed.items()) if pair == (quote, asset)]


def _value(amount: Decimal, prices: list[tuple[Decimal | None, bool]], scale: int) -> Decimal | None:
    for price, is_direct in prices:
        if price is not None:
            whole = CUT.multiply(amount, price) if is_direct else CUT.divide(amount, price)
            return whole.quantize(Decimal(1).scaleb(-scale), context=CUT)
    return None


def _pair(place: int, close: Decimal) -> tuple[int, Decimal]:
    return place, close
