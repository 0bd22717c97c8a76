"""What `lockstep void` takes out goes to the other node before it counts: a secondary keeps it first (LOG-22).

Who leads tells all that is taken out; a secondary never lets go of anything. It reads and writes `void.json` alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import structs

from lockstep.core.venue import voided_commands
from lockstep.core.venue.voided_commands import Voids
from lockstep.procs.replicator.handshake import Hello, LinkError, Refusal
from lockstep.procs.replicator.link import Telling
from lockstep.procs.replicator.shipper import Shipper
from lockstep.procs.replicator.transport import Acceptor, Connection, Dialer
from lockstep.shm.board import Board
from lockstep.shm.ring import Ring

STEP_S = 0.005
SLOTS = 64
FRAMES = 2  # of an answer


def tell(dialer: Dialer, own: Hello, voids: Voids, timeout_s: float) -> str:
    """Have the secondary keep `voids`: it has them on its disk if this returns "", else it says why it may not.

    A connection that ends is dialled again until `timeout_s`; to be told twice changes nothing. `own` is who tells it.
    """
    deadline_s, reason = time.monotonic() + timeout_s, ""
    connection, link = None, None
    said = msgspec.json.encode(voids)
    try:
        while time.monotonic() < deadline_s:
            now_ns = time.monotonic_ns()
            if connection is None or link is None or not connection.is_open:
                connection = dialer.poll(now_ns)
                reason = dialer.trouble or reason
                if connection is not None:
                    link = Telling(structs.replace(own, nonce=own.nonce ^ now_ns), said, now_ns)
            else:
                try:
                    reason = _pumped(connection, link) or reason
                    if any(link.poll(now_ns) for _ in range(FRAMES)):
                        return ""
                except LinkError as error:
                    if error.code not in (Refusal.SILENT, Refusal.DAMAGED):
                        return error.reason
                    reason = error.reason
                    connection.close()
            time.sleep(STEP_S)  # sockets that are polled: nothing else to wait on
        return reason or "no answer"
    finally:
        if connection is not None:
            connection.close()
        dialer.close()


def keep(data: Path, shipper: Shipper, now_ns: int) -> Voids:
    """Have what `shipper` was told on disk, then say so. LinkError where this node has taken out more; OSError."""
    assert shipper.voids is not None
    try:
        told = msgspec.json.decode(shipper.voids, type=Voids)
    except ValueError as error:
        raise LinkError(Refusal.DAMAGED, f"what is taken out can't be read: {error}") from None
    own = voided_commands.load(data)
    if not (own.commands.items() <= told.commands.items() and set(own.ingress) <= set(told.ingress)):
        reason = "this node has taken out what the other one has not: stop both, and copy void.json"
        raise LinkError(Refusal.OTHER_VOIDS, reason)
    if told != own:
        voided_commands.save(data, told)
    shipper.tell_kept(now_ns)
    return told


def accept(acceptor: Acceptor, own: Hello, data: Path, tell_trouble: Callable[[str], None]) -> Voids:
    """Wait until the node that leads has told the stopped secondary of `own`, in `data`, what to take out. OSError."""
    connection = shipper = None
    try:
        while True:
            now_ns = time.monotonic_ns()
            if connection is None or shipper is None or not connection.is_open:
                connection = acceptor.poll(now_ns)
                if connection is not None:
                    ring = Ring.private(SLOTS, [])
                    shipper = Shipper(ring, Board.private(), data / "journal", own, now_ns, follows=True)
            else:
                try:
                    _pumped(connection, shipper)
                    shipper.poll(now_ns)
                    if shipper.voids is not None:
                        kept = keep(data, shipper, now_ns)
                        _pumped(connection, shipper)
                        return kept
                except LinkError as error:
                    tell_trouble(error.reason)
                    connection.refuse(shipper, error, now_ns)
            time.sleep(STEP_S)  # sockets that are polled: nothing else to wait on
    finally:
        if connection is not None:
            connection.close()
        acceptor.close()


def _pumped(connection: Connection, link: Telling | Shipper) -> str:
    """Move what can be moved; why no more, if so: what the peer said last is in `link`."""
    try:
        connection.pump(link)
    except ConnectionError as error:
        return str(error)
    return ""
