"""A trade as the journal has it: found by a replay from the newest snapshot before it.

It uses neither PostgreSQL nor any other copy: both operators agree on what each of them finds in the journal.
"""

from __future__ import annotations

from functools import lru_cache

from lockstep.cli.at import moment
from lockstep.cli.at.moment import Retained
from lockstep.cli.errors import UsageError
from lockstep.cli.progress import Progress
from lockstep.core.operations import directory
from lockstep.core.operations.questions import WhichTrade
from lockstep.core.recovery import inspection
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.recovery.snapshot_catalog import choose
from lockstep.core.schema.layout import unpack_event
from lockstep.core.schema.records import Traded
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue


@lru_cache(1)  # the second time that its command is made, others are waiting for the channel
def trade_of(venue: Venue, wanted: WhichTrade) -> tuple[int, Traded]:
    """The trade that is wanted, and the matcher that made it. UsageError, JournalError, CoreReplayError.

    It must be committed, and the journal must reach back to it.
    """
    symbol, number = wanted.symbol, wanted.number
    instrument = directory.read(venue).instrument(symbol).instrument
    kept = moment.retained(venue.data)
    found = {
        matcher: traded
        for matcher in sorted(wanted.matchers)
        if (traded := _told(venue, kept, matcher, number)) is not None and traded.instrument == instrument
    }
    if not found:
        raise UsageError(
            f"there is no trade {number} of {symbol}: the journal's {kept.last:,} committed records made none"
        )
    if len(found) > 1:
        names = ", ".join(map(str, found))
        raise UsageError(f"matchers {names} each have a trade {number} of {symbol}: say which with --matcher")
    return found.popitem()


def _told(venue: Venue, kept: Retained, matcher: int, number: int) -> Traded | None:
    """The matcher's event of that number, by a replay; None if there is none such, or it is no trade."""
    if not 0 < number <= venue.ring(f"events.matcher.{matcher}").published:
        return None
    agents = derive(venue.config).core_agents
    at_most = kept.last
    start = choose(venue.data, agents, at_most).start
    while start.numbers[matcher] >= number:
        at_most = start.seq - 1
        start = choose(venue.data, agents, at_most).start
    if start.seq + 1 < kept.first:
        raise UsageError(
            f"trade {number} of matcher {matcher} is no longer in the journal, which begins with record {kept.first:,}"
        )
    replay = ReplayedCore(venue.config, venue.data, start, kept.last)
    seek = inspection.Seek(replay.consumers, matcher, number)
    with Progress("looking for the trade", kept.last - start.seq, "records") as progress:
        while not seek.found and (not replay.is_complete or seek.step()):
            replay.step()
            seek.step()
            progress.show(replay.position - start.seq)
    event = unpack_event(seek.found) if seek.found else None
    return event if isinstance(event, Traded) else None
