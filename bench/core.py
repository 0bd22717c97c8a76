"""The core of a venue for benchmarks: router, matcher and journaler, in their hosts' processes or in this one.

It starts and stops the hosts as a supervisor would; no socket, publisher or database takes part.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import structs

from bench import inside
from bench.encode import ACCOUNTS, MAKER_FEE_PPM, TAKER_FEE_PPM, Encoder
from lockstep.config.schema import (
    AccountSection,
    AssetSection,
    Config,
    InstrumentSection,
    ProcessesSection,
    VenueSection,
)
from lockstep.core.venue import venue as venue_memory
from lockstep.core.venue.topology import Topology, derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.matcher.__main__ import build as build_matcher
from lockstep.procs.router.__main__ import build as build_router
from lockstep.procs.router.witnesses import BATCHER
from lockstep.shm.board import Word
from lockstep.shm.ring import Consumer

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
CORES = sorted(os.sched_getaffinity(0))
# Which stages share a process, and which processes have the second core to themselves: the load is on the first.
PLACEMENTS: dict[str, tuple[dict[str, list[str]], set[str]]] = {
    "together": ({"core": ["router", "matcher.*"], "journal": ["journaler"]}, {"core"}),
    "apart": ({"core": ["router"], "matching": ["matcher.*"], "journal": ["journaler"]}, {"core"}),
}
# More than any user of the workload ever needs (125,102,571 and 1,346), and all together far below 64 bits.
DEPOSITS = {"CASH": "1000000000000000", "UNIT": "1000000000"}
# A hash that no password matches: no client logs on, and a thousand real ones would take half a minute.
NO_PASSWORD = "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def config(
    data: Path, durability: Literal["none", "local"], placement: str = "together", instruments: int = 1
) -> Config:
    """A venue of this many instruments and a thousand accounts with money, its stages placed as in `PLACEMENTS`."""
    hosts, second = PLACEMENTS[placement]
    cpus = {name: CORES[-1] if name in second else CORES[0] for name in hosts} if len(CORES) > 1 else {}
    return Config(
        venue=VenueSection(name="bench", data=str(data), durability=durability),
        processes=ProcessesSection(hosts=hosts, cpus=cpus),
        assets=[AssetSection(name=name, scale=0) for name in DEPOSITS],
        instruments=[
            InstrumentSection(
                symbol=f"W{number}", base="UNIT", quote="CASH", tick="1", lot="1", reference_price="100000",
                collar_bps=10_000, maker_fee_ppm=MAKER_FEE_PPM, taker_fee_ppm=TAKER_FEE_PPM,
            )
            for number in range(1, instruments + 1)
        ],
        accounts=[
            AccountSection(name=f"U{number}", password_hash=NO_PASSWORD, deposits=DEPOSITS)
            for number in range(1, ACCOUNTS + 1)
        ],
    )  # fmt: skip


@contextmanager
def running(wanted: Config, folder: Path) -> Iterator[Venue]:
    """The venue's core, taking commands, for the time of the block."""
    topology = derive(wanted)
    manifest = venue_memory.create(topology, wanted, folder, os.urandom(16).hex())
    hosts: list[subprocess.Popen[bytes]] = []
    try:
        (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
        for host in topology.hosts:
            if host.kind == "carried":
                hosts.append(_start(folder / "manifest.json", host.name))
        venue = Venue.attach(manifest)
        _tell_nothing(venue)
        _await_lead(venue, hosts)
        yield venue
        for process in hosts:
            process.send_signal(signal.SIGTERM)
        for process in hosts:
            if process.wait(STOP_TIMEOUT_S):
                raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
    finally:
        for process in hosts:
            process.kill()
            process.wait()
        venue_memory.destroy(manifest)


def _start(manifest: Path, name: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "lockstep.core.host", "--manifest", str(manifest), "--name", name]
    return subprocess.Popen([*command, "--supervisor", str(os.getpid())])


def _tell_nothing(venue: Venue) -> None:
    """Stands in for the edges that keep files: nothing was released before."""
    for witness in (BATCHER, *venue.gateways):
        venue.board.show_known(witness, 0, ())


def _await_lead(venue: Venue, hosts: list[subprocess.Popen[bytes]]) -> None:
    """Until the router leads: its event ring is emptied meanwhile, for the accounts' definitions don't fit it."""
    deadline = time.monotonic() + START_TIMEOUT_S
    rings = readers(venue)
    while venue.board.get(Word.EPOCH) == 0:
        for consumers in rings:
            for consumer in consumers:
                consumer.take()
        if time.monotonic() > deadline or any(process.poll() is not None for process in hosts):
            raise RuntimeError("the venue's core did not come to lead")
        time.sleep(0.001)  # the hosts need the cores meanwhile, and the board has no bell for other processes


def readers(venue: Venue) -> list[list[Consumer]]:
    """The consumers outside the core of every event ring, the router's ring first."""
    rings = [ring for ring in venue.topology.rings if ring.name.startswith("events.")]
    rings.sort(key=lambda ring: ring.name != "events.router")
    return [[venue.consumer(ring.name, agent) for agent in ring.consumers if agent != "router"] for ring in rings]


class Inside:
    """Router and matcher in this process, leading. `run` gives them commands."""

    def __init__(self, instruments: int) -> None:
        with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder:  # the router makes the venue's key in it
            self._lead(Path(folder), instruments)

    def _lead(self, folder: Path, instruments: int) -> None:
        wanted = config(folder, "none", instruments=instruments)
        venue = Venue.private(_slim(derive(wanted)), wanted, folder)
        self.router, self.matcher = build_router(venue), build_matcher(venue, "matcher.1")
        self._ingress = venue.producer("ingress.gateway.1")
        self._log = venue.consumer("log", "journaler")
        self._events = [consumers[0] for consumers in readers(venue)]
        self._board = venue.board
        _tell_nothing(venue)
        self._board.set(Word.JOURNAL_READY, 1)
        now_ns = time.time_ns()
        while not self.router.leads:
            self.router.step(now_ns)
            self.matcher.step(now_ns)
            for consumer in (self._log, *self._events):
                consumer.take()

    def run(self, encoder: Encoder, last: int) -> int:
        """The encoder's commands up to number `last`, until all are settled; returns nanoseconds."""
        return inside.run(encoder, self._ingress, self.router, self.matcher, self._log, self._events, self._board, last)


def _slim(topology: Topology) -> Topology:
    """One reader of each event ring beside the router: the others' cursors would have to be moved by hand."""
    others = ("publisher", "batcher")
    rings = (
        structs.replace(ring, consumers=tuple(agent for agent in ring.consumers if agent not in others))
        for ring in topology.rings
    )
    return structs.replace(topology, rings=tuple(rings))
