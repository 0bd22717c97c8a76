"""The intervals of candles: publisher, batcher, history and the web page all work from this table.

`python -m lockstep.core.rules.intervals` prints it as the TypeScript that the page is built with.
"""

from __future__ import annotations

from collections.abc import Iterable

DAY_S = 86_400
# Names, as Binance has them, and lengths. A week begins on a Monday; of months, this is the longest.
SECONDS = {
    "1s": 1, "1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "2h": 7200, "4h": 14_400,
    "6h": 21_600, "8h": 28_800, "12h": 43_200, "1d": DAY_S, "3d": 3 * DAY_S, "1w": 7 * DAY_S, "1M": 31 * DAY_S,
}  # fmt: skip
MONTH = "1M"
STORED = ("1s", "1m", "5m", "1h", "1d")  # in PostgreSQL; candles of the others are sums of these


def longest_part(interval: str, among: Iterable[str]) -> str:
    """Return the longest of `among` that an interval is a whole number of."""
    return max((name for name in among if SECONDS[interval] % SECONDS[name] == 0), key=SECONDS.__getitem__)


if __name__ == "__main__":
    print("// Made from lockstep/core/rules/intervals.py: candles' intervals in milliseconds; of months, the longest.")
    print("export const INTERVAL_MS = {")
    for name, seconds in SECONDS.items():
        print(f'  "{name}": {1000 * seconds},')
    print("} as const;")
