"""A host process for tests of the supervisor: behaves as a host must, or misbehaves as it is told.

    python -I -S stand_in.py BEHAVIOUR BOARD SUPERVISOR LISTENERS SLOT,… HOST

It shows the health of its agents' slots on the real board, and opens as many listeners as it is told; the journal
follows the core from generation to generation, as if there was nothing to drain. It knows no order.

A run of the tests starts hundreds, and of a start imports cost the most: so it imports none of the project, and writes
to the board by the layout that `lockstep/shm/board.pyx` and `lockstep/shm/board.pxd` give.
"""

from __future__ import annotations

import mmap
import os
import signal
import socket
import struct
import sys
import time

BEAT_S = 0.02
LINE = 128
AT_WORDS = LINE
AT_HEALTH = 279_680
EPOCH, JOURNAL_READY, GENERATION = 4, 6, 10  # words
RUNNING = 2


class Board:
    """The shared memory at `path`."""

    def __init__(self, path: str) -> None:
        with open(path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)

    def get(self, word: int) -> int:
        return int(struct.unpack_from("<Q", self._memory, AT_WORDS + word * LINE)[0])

    def set(self, word: int, value: int) -> None:
        struct.pack_into("<Q", self._memory, AT_WORDS + word * LINE, value)

    def beat(self, slot: int, started_ns: int) -> None:
        """Show that the agent of a slot runs: into the copy that is not the good one, which it is then."""
        cell = AT_HEALTH + slot * LINE
        version = struct.unpack_from("<Q", self._memory, cell)[0] + 1
        values = (time.monotonic_ns(), os.getpid(), 0, 0, RUNNING, started_ns, 0)
        struct.pack_into("<7Q", self._memory, cell + 8 + (version & 1) * 56, *values)
        struct.pack_into("<Q", self._memory, cell, version)


def main() -> None:
    behaviour, path, supervisor, listeners, slots, name = sys.argv[1:]
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    board = Board(path)
    if behaviour == "dies-in-its-second-generation" and name == "core" and board.get(GENERATION) == 2:
        sys.exit(4)
    if behaviour == "dies-at-start" and name == "core":
        print('{"level":"error","event":"no book to match on"}', flush=True)
        sys.exit(3)
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(listeners))]
    if name == "core":
        board.set(EPOCH, 1)
    started_ns = time.monotonic_ns()
    while True:
        if name == "journal" and behaviour != "never-drains":
            board.set(JOURNAL_READY, board.get(GENERATION))
        for slot in slots.split(","):
            board.beat(int(slot), started_ns)
        if os.getppid() != int(supervisor):
            sys.exit("the supervisor has ended")
        if signal.sigtimedwait((signal.SIGTERM,), BEAT_S):
            break
    for listener in opened:
        listener.close()
    print(f"{name} stopped in order", flush=True)


if __name__ == "__main__":
    main()
