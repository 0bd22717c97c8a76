"""`python -m tests.adversary fix|feed NAME PORT SEED LOG`: one client that means harm, until it is ended.

Each act is a line of LOG, with the monotonic time at which it began: a failure then shows what was going on. The
seed draws all that is sent; when it arrives is the machine's.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from random import Random
from typing import TextIO

from tests.adversary import feed_acts, fix_acts
from tests.adversary.feed_acts import Reader
from tests.adversary.peer import Peer

KINDER = 5  # its CPU is not the venue's: in life it is another machine's
PAUSE_S = 0.02
REFUSED_S = 0.2


def main() -> None:
    kind, name, port, seed, log = sys.argv[1:]
    os.nice(KINDER)
    draw = Random(f"{seed} {kind} {name}")
    with Path(log).open("w", buffering=1) as told:
        if kind == "fix":
            fix(Peer(int(port), name, draw), told)
        else:
            feed(Reader(int(port), draw), told)


def fix(peer: Peer, told: TextIO) -> None:
    while True:
        act = peer.draw.choice(fix_acts.ACTS)
        print(f"{time.monotonic():.3f} {peer.name} {act.__name__}", file=told)
        try:
            if peer.socket is None:
                peer.log_on()
                peer.read(0.05)
            act(peer)
            time.sleep(PAUSE_S * peer.draw.random())
        except OSError as error:  # the venue had enough of it
            print(f"{time.monotonic():.3f} {peer.name} {error!r}", file=told)
            peer.close(rudely=peer.draw.random() < 0.5)
            time.sleep(REFUSED_S * peer.draw.random())


def feed(reader: Reader, told: TextIO) -> None:
    while True:
        act = reader.draw.choice(feed_acts.ACTS)
        print(f"{time.monotonic():.3f} feed {act.__name__}", file=told)
        try:
            act(reader)
            time.sleep(PAUSE_S * reader.draw.random())
        except OSError as error:
            print(f"{time.monotonic():.3f} feed {error!r}", file=told)
            time.sleep(REFUSED_S * reader.draw.random())


if __name__ == "__main__":
    main()
