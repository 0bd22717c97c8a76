"""A copy of the venue as the secondary gets it: over its link, from the node that leads.

It hands on what comes, and looks into nothing; what it is of is for its caller to check.
"""

from __future__ import annotations

import secrets
import select
import time
from collections.abc import Iterator

from msgspec import structs

from lockstep.procs.replicator.handshake import Hello, LinkError, Refusal
from lockstep.procs.replicator.link import Fetching
from lockstep.procs.replicator.transport import Connection, Dialer

STEP_S = 0.005
LOOK_S = 0.05  # a heartbeat is due every 0.2 s


def contents(dialer: Dialer, own: Hello, timeout_s: float) -> Iterator[bytes]:
    """What the node that leads sends `own` as a copy. LinkError where it refuses, does not answer in time (NOT_READY),
    or the connection ends before the copy does (SILENT)."""
    deadline_s = time.monotonic() + timeout_s
    try:
        while True:
            connection = _dialled(dialer, deadline_s)
            try:
                yield from _come(connection, own)
                return
            except LinkError:
                if connection.received or time.monotonic() > deadline_s:
                    raise
            finally:
                connection.close()
    finally:
        dialer.close()


def _dialled(dialer: Dialer, deadline_s: float) -> Connection:
    while (connection := dialer.poll(time.monotonic_ns())) is None:
        if time.monotonic() > deadline_s:
            raise LinkError(Refusal.NOT_READY, f"the other node does not answer: {dialer.trouble}")
        time.sleep(STEP_S)  # dialling and TLS are advanced by polling: there is no loop here to wake this
    return connection


def _come(connection: Connection, own: Hello) -> Iterator[bytes]:
    link = Fetching(structs.replace(own, nonce=secrets.randbits(64)), time.monotonic_ns())
    try:
        while not link.is_whole:
            moved, trouble = 0, ""
            try:
                moved = connection.pump(link)
            except ConnectionError as error:
                trouble = str(error)  # what it said last is in the link
            while not link.is_whole and (data := link.poll(time.monotonic_ns())) is not None:
                if data:
                    yield data
            if trouble and not link.is_whole:
                raise LinkError(Refusal.SILENT, trouble)
            if not moved:
                select.select([connection], [], [], LOOK_S)
    except LinkError as error:
        connection.refuse(link, error, time.monotonic_ns())
        raise
