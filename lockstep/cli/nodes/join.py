"""`lockstep join`: has a secondary begin with a copy of the node that leads, which comes over their link.

It asks, and reports; its neighbour `joining` puts the copy in its place.
"""

from __future__ import annotations

import time
from pathlib import Path

import psycopg

from lockstep.cli.backup.stream import StreamError
from lockstep.cli.errors import UsageError
from lockstep.cli.nodes import joining
from lockstep.cli.nodes.joining import Joined
from lockstep.cli.progress import Progress
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, fail, load, print_json, say, stopped
from lockstep.core.files import space
from lockstep.core.journal.format import JournalError
from lockstep.core.venue import node
from lockstep.core.venue.node import RoleError
from lockstep.procs.batcher.database import UnavailableError
from lockstep.procs.batcher.writer import RefusedError
from lockstep.procs.gateway.store_reader import StoreCorrupt
from lockstep.procs.replicator.certificates import CertificateError
from lockstep.procs.replicator.handshake import LinkError, Refusal

FAULTS = (
    StreamError, JournalError, StoreCorrupt, RoleError, CertificateError, RefusedError, UnavailableError, psycopg.Error,
    OSError, ValueError,
)  # fmt: skip
MORE = (Refusal.AHEAD, Refusal.DIVERGED, Refusal.OLD_EPOCH)


def join(config: ConfigPath = DEFAULT_CONFIG, *, json: Json = False) -> int:
    """Make this node, a stopped secondary, from the one that leads: where its log is too old to catch up, where it has
    none, or where its state is another one.

    The other node sends a copy of what a backup has (newest snapshot, journal, FIX session stores, rows that no journal
    has), behind its trade and at replication.catch_up_mb_s at most. It is checked and made whole beside what is here;
    then what was here is kept in set-aside/ of the data folder. Start the node soon after: it catches up from there. If
    it is interrupted, run it again.

    Example: lockstep join

    Exit codes: 0 the node can be started; 1 nothing has changed, and why; 2 the command line or the configuration is
    wrong, or the venue runs.
    """
    loaded = load(config)
    data = Path(loaded.venue.data)
    if loaded.replication.node is None:
        raise UsageError("this venue has one node: replication.node names none")
    begun_s = time.monotonic()
    try:
        if not node.load(data).is_secondary:
            raise UsageError(
                "this node is no secondary: lockstep pair makes a new one that, and lockstep rejoin one that led"
            )
        with stopped(data), Progress("receiving", 0, "bytes") as progress:
            done = joining.join(loaded, data, (lambda _: None) if json else say, progress.show)
    except LinkError as error:
        more = "; lockstep rejoin lists what only this node has, and cuts it" if error.code in MORE else ""
        return fail(f"nothing has changed: {error}{more}", json=json)
    except FAULTS as error:
        if isinstance(error, OSError) and space.is_full(error):
            return fail(f"the disk of {data} has no room for the copy: free space, and repeat the command", json=json)
        return fail(f"this node has not joined: {str(error).strip()}. Mend that, and repeat the command", json=json)
    print_json(done) if json else _tell(done, time.monotonic() - begun_s)
    return EXIT_OK


def _tell(done: Joined, took_s: float) -> None:
    rows = "are made from the journal" if done.database_seq is None else f"are there up to record {done.database_seq:,}"
    for line in (
        f"this node begins with records {done.first_seq:,} to {done.seq:,}, and the snapshot {done.snapshot:,}",
        f"{done.size_bytes:,} bytes have come, in {took_s:,.1f} s",
        f"rows of the database {rows}; the rest comes once it runs",
        f"what was here before is in {done.set_aside}: remove it when you need it no more" if done.set_aside else "",
        "start it now: it catches up",
    ):
        if line:
            say(line)
