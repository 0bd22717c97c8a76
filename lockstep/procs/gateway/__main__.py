"""Wires a gateway: ingress and event rings, the board, its message store and its listener.

`host` runs what `build` returns.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from lockstep.core.files import space
from lockstep.core.host.event_loop import STARTING, show_health
from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.core.intake.listings import Listings
from lockstep.core.intake.orders import ClientOrders
from lockstep.core.intake.refused_ids import RefusedIds
from lockstep.core.intake.validation import Validator
from lockstep.core.journal.select import select_whole
from lockstep.core.schema.records import CommandType
from lockstep.core.venue.venue import Venue
from lockstep.procs.gateway.event_reporter import EventReporter
from lockstep.procs.gateway.fix.connection import Connection
from lockstep.procs.gateway.fix.encode import Outbox
from lockstep.procs.gateway.fix.rules import Rules
from lockstep.procs.gateway.fix.timing import Timing
from lockstep.procs.gateway.gateway import Gateway
from lockstep.procs.gateway.opening import Past, Room
from lockstep.procs.gateway.order_entry import OrderEntry
from lockstep.procs.gateway.other_gateways import parts_of, sessions_elsewhere
from lockstep.procs.gateway.reports import Reports
from lockstep.procs.gateway.retention import Keep
from lockstep.procs.gateway.server import Server
from lockstep.procs.gateway.store import Store, read_over

# The messages that clients may send, and those that they receive.
SUPPORTED = ("D", "E", "F", "G", "H", "q", "8", "9", "N", "r")


def build(venue: Venue, name: str) -> Server:
    """The edge of gateway `name` ("gateway.1"), in the state of the snapshot that the venue begins with, if any.

    If an earlier gateway has read on in the venue's rings, they are attached once this one has caught up;
    else at once. StoreCorrupt if the store cannot be trusted; DamagedPart.
    """
    number = int(name.partition(".")[2])
    fix = venue.config.fix
    comp_id = fix.target_comp_id
    refused = RefusedIds()
    listings, orders = Listings(), ClientOrders()
    reports = Reports(listings, orders)
    slot = venue.topology.slot_of(name)
    started_ns = time.monotonic_ns()

    def beat() -> None:
        show_health(venue.board, slot, STARTING, started_ns)

    own, first = parts_of(venue, name)
    past = Past(
        part=own,
        reserved=None if venue.node.is_secondary else reserved_behind(venue, beat),
        follows=venue.node.is_secondary,
        reservations=None if first is None else read_over(first),
        elsewhere=sessions_elsewhere(venue, number, beat),
    )
    keep = Keep(fix.store_days, fix.store_bytes, fix.store_session_bytes)
    store = Store(venue.data / name, refused, past, Room(spare_bytes=space.SPARE_BYTES, keep=keep), beat)
    venue.board.show_known(number, 0, store.last_events)
    reporter = EventReporter(store, reports, number, venue.home_of, comp_id.encode())
    reporter.snapshots = venue.snapshots
    part = own or first
    if part is not None:
        reporter.load(part)
        part.finish()
    ingress = IngressWriter(venue.producer(f"ingress.{name}"))
    validator = Validator(listings, refused, venue.board)
    order_entry = OrderEntry(store, reports, ingress, validator, number)
    rules = Rules(SUPPORTED)
    timing = Timing(
        min_heartbeat_s=fix.min_heartbeat_s,
        max_heartbeat_s=fix.max_heartbeat_s,
        logon_timeout_s=fix.logon_timeout_s,
        sending_time_accuracy_s=fix.sending_time_accuracy_s,
    )

    server = Server(
        fix,
        lambda logon, watch: Gateway(reporter, order_entry, fix, logon, watch),
        lambda now_ns: Connection(comp_id, rules, Outbox(), now_ns, timing),
        venue.now_ns,
        name,
        venue.boot_id,
        venue.home_of,
    )
    if not venue.is_late(name):
        server.attach(venue.events(name), venue.board)
    return server


def reserved_behind(venue: Venue, beat: Callable[[], None]) -> list[bytes]:
    """The reservations of numbers that the journal has behind the snapshot that the venue begins with."""
    return select_whole(venue.data / "journal", venue.snapshots.start.seq + 1, (CommandType.RESERVATION,), beat)
