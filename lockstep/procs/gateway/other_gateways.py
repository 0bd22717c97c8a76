"""What one of several gateways has to know of the others: which sessions are theirs, and the state that all share.

Accounts, instruments and open orders are the same in each gateway's part of a snapshot; the store's section differs.
"""

from __future__ import annotations

from collections.abc import Callable

from lockstep.core.journal.select import select_whole
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import Account, CommandType
from lockstep.core.tables.saved import Loader
from lockstep.core.venue.homes import OLDEST_GATEWAY
from lockstep.core.venue.venue import Venue
from lockstep.procs.gateway.event_reporter import accounts_in
from lockstep.procs.gateway.store import read_over


def parts_of(venue: Venue, name: str) -> tuple[Loader | None, Loader | None]:
    """The gateway's part of the snapshot that the venue begins with; or else the first gateway's, if it is new since.

    Neither, where the venue begins without a snapshot. DamagedPart, OSError.
    """
    try:
        own = venue.snapshots.load(name)
    except FileNotFoundError:
        if name == OLDEST_GATEWAY:
            raise
        own = None
    return own, venue.snapshots.load(OLDEST_GATEWAY) if own is None and name != OLDEST_GATEWAY else None


def sessions_elsewhere(venue: Venue, gateway: int, beat: Callable[[], None]) -> list[int]:
    """The numbers of other gateways' sessions, as the snapshot and the journal behind it define accounts.

    The store wants them before it opens: numbers that another gateway gives are no sign of another host.
    """
    if len(venue.gateways) == 1:
        return []
    part = venue.snapshots.load(OLDEST_GATEWAY)
    names = {}
    if part is not None:
        read_over(part)
        names = {account.number: account.name for account in accounts_in(part)}
    for data in select_whole(venue.data / "journal", venue.snapshots.start.seq + 1, (CommandType.ACCOUNT,), beat):
        record = unpack_command(data)
        assert isinstance(record, Account)
        if record.verdict == 0:
            names[record.number] = record.name.decode()
    return [number for number, name in names.items() if venue.home_of(name) != gateway]
