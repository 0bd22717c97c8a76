"""Wires the router: ingress rings, matchers' event rings, the log, the board and the journal that it starts from.

The agent's rules are in `router`, the state's in `sequencer`.
"""

from __future__ import annotations

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.schema.records import API_RING
from lockstep.core.venue import node, venue_key, voided_commands
from lockstep.core.venue.topology import LOG
from lockstep.core.venue.venue import Venue
from lockstep.procs.router.genesis import changes
from lockstep.procs.router.log_source import Journal, LogRing
from lockstep.procs.router.origin import Origin, Rings
from lockstep.procs.router.router import Router
from lockstep.procs.router.witnesses import Witnesses

OPERATORS_RING = 9
EVENTS = "events.router"
API = "ingress.api"


def build(venue: Venue, name: str = "router") -> Router:
    """The agent of this venue. Its tables are allocated and touched here, in the process that will use them.

    If the run begins with a snapshot, it has that state. DamagedPart, OSError.
    """
    ingress = {number: f"ingress.gateway.{number}" for number in venue.gateways}
    ingress[OPERATORS_RING] = "ingress.operator"
    if any(ring.name == API for ring in venue.topology.rings):
        ingress[API_RING] = API
    if not venue.node.is_secondary and name in venue.topology.ring(LOG).consumers:
        venue.ring(LOG).take_out(name, 0)  # in the run of a promoted node: nobody reads there who fills it
    rings = Rings(
        log=venue.producer(LOG),
        events=venue.producer(EVENTS),
        ingress={number: venue.consumer(ring, name) for number, ring in ingress.items()},
        matchers={number: venue.consumer(f"events.matcher.{number}", name) for number in venue.matchers},
    )
    origin = Origin(
        source=(
            LogRing(venue.consumer(LOG, name), venue.board)
            if venue.node.is_secondary
            else Journal(venue.data / "journal")
        ),
        changes=changes(venue.config, venue.data),
        boot_id=bytes.fromhex(venue.boot_id),
        generation=venue.generation,
        voided=voided_commands.load(venue.data).positions,
        id_window_s=venue.config.client_ids.window_s,
        older_ids=venue.config.client_ids.older,
        witnesses=Witnesses(venue.board, venue.topology.ring(EVENTS).consumers),
    )
    router = Router(rings, venue.board, origin, venue.snapshots)
    if venue.config.replication.node is not None:
        router.own.raised = lambda: node.load(venue.data).rules
        router.own.parity = node.parity_of(venue.config, node.load(venue.data))
    router.own.members = lambda: node.in_epoch(venue.config, node.load(venue.data))
    part = venue.snapshots.load(name)
    if part is not None:
        router.load(part)
        part.finish()
        venue_key.needed(venue.data, router.core.sealed)  # a follower is not to find out when it is to lead
    if venue.node.is_secondary and venue_key.load(venue.data) is None:
        why = "this node can't lead once the log has sealed secrets: copy the file from the other node"
        log.warning("venue_key_missing", file=str(venue.data / venue_key.FILE), reason=why)
    return router
