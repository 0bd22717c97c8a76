"""Reads from a run's board and rings whether its stages live, whether they are ready, and whether all is done.

It shows that it looks, and nothing else: the supervisor decides what follows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection

from lockstep.core.host.procfs import listening
from lockstep.core.venue import database_trouble
from lockstep.core.venue.topology import SUPERVISOR_SLOT, Host, role_of
from lockstep.core.venue.venue import Venue
from lockstep.shm.board import Board, Word

STARTING, RUNNING, STOPPING = 1, 2, 3  # states of HealthPayload
REFUSED = {"api": database_trouble.API, "publisher": database_trouble.MARKET_DATA}
LISTENING_ROLES = ("gateway", "publisher", "api")


def heartbeat_ns(venue: Venue, host: Host, pid: int) -> int | None:
    """The oldest heartbeat among the host's agents (monotonic), or None before `pid` has written one for each."""
    beats = []
    for agent in host.agents:
        health = venue.board.health(venue.topology.slot_of(agent))
        if health is None or health["pid"] != pid:
            return None
        beats.append(health["heartbeat_ns"])
    return min(beats)


def is_ready(venue: Venue, host: Host, pid: int) -> bool:
    """Whether the host's agents all run and, if they serve clients, listen. Listeners open when the venue leads."""
    leads, follows = venue.board.get(Word.EPOCH) != 0, venue.node.is_secondary
    if not leads and not (follows and venue.board.get(Word.LINK)):
        return False
    for agent in host.agents:
        health = venue.board.health(venue.topology.slot_of(agent))
        if health is None or health["pid"] != pid or health["state"] != RUNNING:
            return False
    roles = [agent for agent in host.agents if role_of(agent) in LISTENING_ROLES and leads]
    return not roles or len(listening(pid)) >= len(roles) - sum(is_refused(venue, agent) for agent in roles)


def is_refused(venue: Venue, agent: str) -> bool:
    """Return whether the api or the publisher has said that it can't listen: the venue is ready without it."""
    file = REFUSED.get(role_of(agent))
    return file is not None and bool(database_trouble.of(venue.data, file).reason)


def show_supervisor(board: Board, state: int) -> None:
    """Show on the board that the supervisor has looked, and how it finds the venue."""
    shown = {"heartbeat_ns": time.monotonic_ns(), "pid": os.getpid(), "state": state}
    board.show_health(SUPERVISOR_SLOT, shown | dict.fromkeys(("work", "rounds", "started_ns", "blocked"), 0))


def endpoints(venue: Venue, pids: dict[str, int]) -> dict[str, tuple[str, int]]:
    """Where each listening agent can be reached, as (address, port); `pids` gives the process of each host.

    A configured port is known; one that the kernel chose is found among what the process listens on.
    """
    found = {}
    for agent, wanted in _wanted(venue):
        if wanted[1] == 0:
            host = venue.topology.host_of(agent)
            fixed = {port for _, (_, port) in _wanted(venue) if port}
            chosen = sorted(port for _, port in listening(pids[host.name]) if port not in fixed)
            wanted = (wanted[0], chosen[0] if chosen else 0)
        if not is_refused(venue, agent):
            found[agent] = wanted
    return found


def is_drained(venue: Venue, gone: Collection[str]) -> bool:
    """Whether every command taken is matched and journalled, and has reached all agents except those that are `gone`.

    Agents out of the gate are not waited for either.
    """
    board = venue.board
    end = board.get(Word.LOG_END)
    done = [board.get(Word.MATCHER_DONE + number - 1) for number in venue.matchers]
    if min(board.get(Word.DURABLE_SEQ), board.get(Word.ROUTER_DONE), *done) < end:
        return False
    rings = [venue.ring(spec.name) for spec in venue.topology.rings]
    return not any(
        seq < ring.published
        for ring in rings
        for name, seq in ring.cursors().items()
        if name not in gone and name not in ring.left()
    )


def progress(venue: Venue) -> str:
    """How far a start has come, in words."""
    board = venue.board
    if not board.get(Word.JOURNAL_READY):
        return "opening the journal"
    if not board.get(Word.EPOCH):
        return f"replaying the journal: {board.get(Word.LOG_END):,} of {board.get(Word.DURABLE_SEQ):,} records"
    return "waiting until this node is sure to lead" if board.is_closed() else "opening the listeners"


def _wanted(venue: Venue) -> list[tuple[str, tuple[str, int]]]:
    fix, market_data, api = venue.config.fix, venue.config.market_data, venue.config.api
    wanted = [(f"gateway.{number}", (fix.address, port)) for number, port in fix.ports.items()]
    wanted.append(("publisher", (market_data.address, market_data.port)))
    if api.port is not None:
        wanted.append(("api", (api.address, api.port)))
    return wanted
