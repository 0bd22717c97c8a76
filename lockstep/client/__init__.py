"""A client of a Lockstep venue, and of nothing else of it: REST, streams and FIX, asynchronous and typed.

`Binance` signs requests of Binance's dialect, `V1` is a person at the venue's own API, `Market` has market data,
`Events` an account's, `FixClient` a FIX session. `run` and `each` are their blocking face. docs/client.md has the rest.
"""

from lockstep.client.binance import Binance
from lockstep.client.blocking import each, run
from lockstep.client.errors import VenueError
from lockstep.client.events import AccountEvent, Events
from lockstep.client.fix.client import FixClient
from lockstep.client.fix.orders import Report
from lockstep.client.keys import Ed25519Key, HmacKey, Key, RsaKey
from lockstep.client.market import Book, Market
from lockstep.client.v1 import V1

__all__ = [
    "V1", "AccountEvent", "Binance", "Book", "Ed25519Key", "Events", "FixClient", "HmacKey", "Key", "Market", "Report",
    "RsaKey", "VenueError", "each", "run",
]  # fmt: skip
