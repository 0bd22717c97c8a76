"""A host process: attaches to a run of the venue and polls the agents that the topology gives it, until told to stop.

    python -m lockstep.core.host --manifest FILE --name HOST --supervisor PID

It is the one place where agents, rings, bells, cores and signals meet; it decides nothing about orders. Every host of a
start runs it, so it imports what its kind needs and no more: event loop and replay only where they are used.
"""

from __future__ import annotations

# ruff: noqa: E402 — what is imported stays: collections on the way would be a tenth of a start.
import gc

gc.disable()

import argparse
import importlib
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import TypeVar

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.diagnostics.refusal import EXIT_REFUSED, FinalError
from lockstep.core.host import memory
from lockstep.core.host.spin_loop import Loop
from lockstep.core.venue.agent import Agent
from lockstep.core.venue.edge import Edge
from lockstep.core.venue.parent_death import die_with
from lockstep.core.venue.topology import Host, role_of
from lockstep.core.venue.venue import Manifest, Venue
from lockstep.shm.segment import RoleLock

Stage = TypeVar("Stage", Agent, Edge)


def main() -> None:
    """Run one host. What no retry mends ends it with one line and exit code 78."""
    try:
        run()
    except FinalError as error:
        print(" ".join(str(error).split()), file=sys.stderr, flush=True)
        os._exit(EXIT_REFUSED)  # at once: threads that prepare or sync something have nothing to save


def run() -> None:
    """Run one host. Ends with 0 after SIGTERM, and with a traceback and 1 when an agent fails. FinalError."""
    parser = argparse.ArgumentParser(prog="python -m lockstep.core.host", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="the run's manifest.json")
    parser.add_argument("--name", required=True, help="which host of the topology to be")
    parser.add_argument("--supervisor", type=int, required=True, help="the process id of whoever starts it")
    arguments = parser.parse_args()
    # A killed supervisor takes its hosts with it: without one, nothing would restart them.
    if not die_with(arguments.supervisor):
        sys.exit("the supervisor ended while this host started")
    manifest = Manifest.load(arguments.manifest)
    host = manifest.topology.host(arguments.name)
    if host.cpu is not None:
        os.sched_setaffinity(0, {host.cpu})
    locks = _take_roles(Path(manifest.data), host)
    if host.kind == "carried" and manifest.config.processes.lock_memory:
        memory.lock()
    venue = Venue.attach(manifest)
    late = host.kind == "edge" and any(venue.is_late(name) for name in host.agents)
    if late:
        _begin_with_newest(venue)
    if host.kind == "carried":
        agents = [_stage(venue, name, Agent) for name in host.agents]
        _settle()
        _run_carried(venue, host, agents)
    else:
        import uvloop

        edges = [_stage(venue, name, Edge) for name in host.agents]  # type: ignore[type-abstract]
        if late:
            _catch_up(venue, host, edges)
        _settle()
        uvloop.run(_run_edges(venue, host, edges))
    for lock in locks:
        lock.release()


def _take_roles(data: Path, host: Host) -> list[RoleLock]:
    """Hold each role's lock while attached: a predecessor that still lives is waited for, so no zombie writes."""
    locks = [RoleLock(data / "run" / "locks" / name) for name in host.agents]
    for lock in locks:
        lock.acquire(wait=True)
    return locks


def _begin_with_newest(venue: Venue) -> None:
    """A stage that starts again while the others run begins with the newest snapshot, not with that of the run."""
    from lockstep.core.recovery.snapshot_catalog import choose

    choice = choose(venue.data, venue.topology.savers)  # the core's parts too: its replay follows
    for reason in choice.passed_over:
        log.warning("snapshot_passed_over", reason=reason)
    venue.snapshots.start = choice.start


def _stage(venue: Venue, name: str, contract: type[Stage]) -> Stage:
    """Build agent `name`. TypeError where what its room builds does not keep the contract of the host's kind."""
    stage = importlib.import_module(f"lockstep.procs.{role_of(name)}.__main__").build(venue, name)
    if not isinstance(stage, contract):
        raise TypeError(f"{name}: {type(stage).__name__} does not keep the contract of {contract.__name__}")
    return stage


def _catch_up(venue: Venue, host: Host, edges: list[Edge]) -> None:
    from lockstep.core.recovery.edge_catch_up import catch_up

    beat = partial(_beat, venue, host, time.monotonic_ns())
    for name, edge in zip(host.agents, edges, strict=True):
        catch_up(venue, name, edge, beat)


def _settle() -> None:
    """Leave what was made so far to no collection: snapshots' children then share these pages, too."""
    gc.freeze()
    gc.enable()


def _beat(venue: Venue, host: Host, started_ns: int) -> None:
    """Show that the host lives and is starting: how long it catches up depends on how much there is."""
    from lockstep.core.host.event_loop import STARTING, show_health

    for name in host.agents:
        show_health(venue.board, venue.topology.slot_of(name), STARTING, started_ns)


def _run_carried(venue: Venue, host: Host, agents: list[Agent]) -> None:
    slots = [venue.topology.slot_of(name) for name in host.agents]
    spin_ns = venue.config.processes.spin_us * 1000
    loop = Loop(agents, slots, venue.sleeper(host.name), venue.board, spin_ns, venue.snapshots, venue.anchor_ns)
    signal.signal(signal.SIGTERM, lambda *_: loop.stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the supervisor's to carry out, in order
    loop.run()
    for agent in agents:
        agent.close()


async def _run_edges(venue: Venue, host: Host, edges: list[Edge]) -> None:
    import asyncio

    from lockstep.core.host.event_loop import Pump

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    pump = Pump(edges, host.agents, venue.sleeper(host.name), venue)
    pump.run()
    assert pump.failed is not None
    for edge in edges:
        await edge.start()
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((pump.failed, stopping), return_when=asyncio.FIRST_COMPLETED)
    if pump.failed.done():
        pump.failed.result()
    for edge in edges:
        await edge.stop()
    pump.close()


if __name__ == "__main__":
    main()
