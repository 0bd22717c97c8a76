"""An edge of one's own: prints the volume that each symbol has traded since the journal began, as it grows.

    python docs/examples/volume_edge.py [DATA]

It runs beside the venue whose data folder is DATA, reads its journal and writes nothing. Like every edge it applies
released events only, each of them once, in the one order that docs/ARCHITECTURE.md describes: the reader sees to that,
and what is left to write is what an event means to this edge.

Its events come from a replay of its own, which follows the journal, so the venue never waits for it. An edge that the
venue starts itself subclasses `ReleasedEvents` in Cython, in place of `EventHandler`: see publisher/feed.pyx.
"""

from __future__ import annotations

import sys
import time
from decimal import Decimal
from pathlib import Path

from lockstep.core.edge.released_events import EventHandler
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.schema.layout import unpack_event
from lockstep.core.schema.records import InstrumentDefined, Traded
from lockstep.core.venue.snapshot_parts import Start
from lockstep.core.venue.venue import Manifest, Venue, manifest_of

WAIT_S = 0.01  # between two looks at a journal in which nothing is new


class Volumes:
    """What the edge keeps: how much of each symbol was traded."""

    def __init__(self) -> None:
        self.traded: dict[str, Decimal] = {}
        self._listed: dict[int, tuple[str, Decimal]] = {}  # by instrument: its symbol, and what a lot is

    def apply(self, _ring: int, record: bytes) -> None:
        event = unpack_event(record)
        if isinstance(event, InstrumentDefined):
            symbol = event.symbol.rstrip(b"\0").decode()
            self._listed[event.instrument] = symbol, Decimal(event.lot_mantissa).scaleb(-event.quantity_scale)
        elif isinstance(event, Traded):
            symbol, lot = self._listed[event.instrument]
            self.traded[symbol] = self.traded.get(symbol, Decimal(0)) + event.quantity_lots * lot


def main(data: Path) -> None:
    venue = Venue.attach(Manifest.load(manifest_of(data)))
    board = venue.board
    replay = ReplayedCore(venue.config, data, Start.genesis(), board.release_position(), follows=True)
    volumes = Volumes()
    edge = EventHandler(volumes.apply, replay.consumers, replay.venue.board)
    shown: dict[str, Decimal] = {}
    while True:
        replay.extend(board.release_position())
        if replay.step() + edge.poll():
            continue
        for symbol, volume in volumes.traded.items():
            if shown.get(symbol) != volume:
                print(f"{symbol} {volume}", flush=True)
        shown = dict(volumes.traded)
        time.sleep(WAIT_S)  # nothing wakes a process outside the venue: it looks again


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "lockstep-data"))
