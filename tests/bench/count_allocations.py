"""Prints how often the allocator is asked for memory while a steady mix of commands runs, under a library that counts.

python -m tests.bench.count_allocations matcher|core COMMANDS LIBRARY
"""

from __future__ import annotations

import ctypes
import sys

from bench import drive
from bench.core import Inside
from bench.encode import Encoder
from bench.growth_load import Steady
from bench.matcher_w1 import Rig

RESTING = 10_000


def main() -> None:
    """The first half of the commands warms up: tables come to the size that this many orders need."""
    what, commands, library = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    allocations = ctypes.CDLL(library).allocations
    allocations.restype = ctypes.c_ulong
    load = Steady(RESTING, 1, 100, 2 * commands, False)
    encoder = Encoder(load)
    if what == "matcher":
        rig = Rig()
        drive.in_one_thread(encoder, rig.log, rig.matcher, rig.events, load.count - commands)
        before = allocations()
        drive.in_one_thread(encoder, rig.log, rig.matcher, rig.events, load.count)
    else:
        core = Inside(1)
        core.run(encoder, load.count - commands)
        before = allocations()
        core.run(encoder, load.count)
    print(allocations() - before)


if __name__ == "__main__":
    main()
