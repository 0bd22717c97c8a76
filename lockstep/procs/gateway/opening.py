"""What a message store is opened with: the room that it takes, and what is known of the time before."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct

from lockstep.core.tables.saved import Loader
from lockstep.procs.gateway.reservations import Reservations
from lockstep.procs.gateway.retention import Keep


class Room(Struct, frozen=True):
    """The room that it takes. `spare_bytes` behind its end are owned, for a full disk."""

    segment_bytes: int = 64 * 1024 * 1024
    spare_bytes: int = 0
    keep: Keep | None = None  # None: all is kept


class Past(Struct, frozen=True):
    """What is known of the time before.

    `part` is a snapshot's: what is behind it is read. `reserved` are the log's RESERVATION records behind the part:
    where they show that another host has given numbers, these go on behind those. None: another host gives them now.
    `follows`: so it is, and its reports are kept here, until `lead`. What the log has said of numbers before is in the
    part, or else in `reservations`; the sessions `elsewhere` are other gateways'.
    """

    part: Loader | None = None
    reserved: Iterable[bytes] | None = None
    follows: bool = False
    reservations: Reservations | None = None
    elsewhere: Collection[int] = ()
