"""A busy market in a process of its own: three instruments of the demo venue, until its input ends.

    python -m bench.busy_market FIX_PORT TAKES_PER_S QUOTES_PER_S

It says `ready` when the books are there.
"""

from __future__ import annotations

import select
import sys

from bench.quotes import Quotes, play
from lockstep.cli.flow.initiator import Initiator
from lockstep.cli.flow.terms import Market, Party

MARKETS = (("BTCUSDT", 6_000_000), ("ETHUSDT", 300_000), ("SOLUSDT", 15_000))  # and their middles, in cents
QUANTITY_DECIMALS = 4
TURN_S = 0.2


def main() -> None:
    """Quote and take until the input ends."""
    port, takes_per_s, quotes_per_s = (int(word) for word in sys.argv[1:])
    markets = []
    for number, (symbol, middle) in enumerate(MARKETS, start=1):
        session = Initiator(
            "127.0.0.1", port, Party(f"TRADER{number}", "LOCKSTEP", "demo"), Market(symbol, 2, QUANTITY_DECIMALS)
        )
        markets.append(Quotes(session, middle, number))
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        play(markets, takes_per_s, quotes_per_s, TURN_S)


if __name__ == "__main__":
    main()
