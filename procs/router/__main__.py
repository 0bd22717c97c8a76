"""Wires the router: ingress rings, matchers' event rings, the log, the board and the journal that it starts from.

It decides nothing: the agent's rules are in `router`, the state's in `sequencer`.
"""

from __future__ import annotations

from procs.router.genesis import changes
from procs.router.router import Router
from procs.router.source import Journal
from procs.venue import Venue


def build(venue: Venue, name: str = "router") -> Router:
    """The agent of this venue. Its tables are allocated and touched here, in the process that will use them."""
    return Router(
        log=venue.producer("log"),
        events=venue.producer("events.router"),
        ingress=[venue.consumer(f"ingress.gateway.{number}", name) for number in venue.gateways],
        matchers={number: venue.consumer(f"events.matcher.{number}", name) for number in venue.matchers},
        board=venue.board,
        source=Journal(venue.data / "journal"),
        changes=changes(venue.config),
        boot_id=bytes.fromhex(venue.boot_id),
    )
