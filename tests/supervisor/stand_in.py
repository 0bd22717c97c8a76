"""A host process for tests of the supervisor: behaves as a host must, or misbehaves as it is told.

    python -m tests.supervisor.stand_in BEHAVIOUR MANIFEST HOST

It shows health on the real board and opens the listeners that a host of the topology must; the journal follows the
core from generation to generation, as if there was nothing to drain. It knows no order.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from procs.venue.parent_death import die_with
from procs.venue.topology import role_of
from procs.venue.venue import Manifest, Venue
from shm.board import Word
from shm.log_lines import log

BEAT_S = 0.02


def main() -> None:
    behaviour, path, name = sys.argv[1:]
    if not die_with(os.getppid()):
        sys.exit("the supervisor has ended")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    venue = Venue.attach(Manifest.load(Path(path)))
    host = venue.topology.host(name)
    if behaviour == "dies-in-its-second-generation" and name == "core" and venue.generation == 2:
        sys.exit(4)
    if behaviour == "dies-at-start" and name == "core":
        log.error("no book to match on")
        sys.exit(3)
    listeners = [
        socket.create_server(("127.0.0.1", 0)) for agent in host.agents if role_of(agent) in ("gateway", "publisher")
    ]
    if name == "core":
        venue.board.set(Word.EPOCH, 1)
    started = time.monotonic_ns()
    while not stop.wait(BEAT_S):
        if name == "journal" and behaviour != "never-drains":
            venue.board.set(Word.JOURNAL_READY, venue.board.get(Word.GENERATION))
        for agent in host.agents:
            health = {"heartbeat_ns": time.monotonic_ns(), "pid": os.getpid(), "state": 2, "started_ns": started}
            venue.board.show_health(
                venue.topology.slot_of(agent), health | dict.fromkeys(("work", "rounds", "blocked"), 0)
            )
    for listener in listeners:
        listener.close()
    print(f"{name} stopped in order", flush=True)


if __name__ == "__main__":
    main()
