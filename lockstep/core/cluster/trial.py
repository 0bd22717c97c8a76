"""Whether this version can take a node over that another one runs: a replay of its journal, and the states it comes to.

It attaches to nothing of the run, whose shared memory another version has laid out, and changes nothing.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from msgspec import Struct

from lockstep.config.schema import Config
from lockstep.core.cluster.log_rules import rules_at
from lockstep.core.cluster.steps import Show
from lockstep.core.journal.journal import JournalError, segment_seqs
from lockstep.core.recovery import snapshot_catalog
from lockstep.core.recovery.replay import CoreReplayError, ReplayedCore
from lockstep.core.tables.saved import DamagedPart
from lockstep.core.venue.snapshot_parts import Start
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import CODE
from lockstep.procs.replicator import comparison
from lockstep.procs.router.sequencer import RULES
from lockstep.procs.router.settlement import ReplayError

NO_SNAPSHOT = (
    "the node has no snapshot yet whose state could be compared: give `lockstep snapshot` on the node that leads, and "
    "repeat this when the secondary has it too (lockstep status)"
)


class Trial(Struct, frozen=True):
    """What a version says of a node: which it is, where its code lies, which rules it knows and the log goes by.

    It has replayed the records behind `first` up to `mark`, and comes to the state that was saved there; or it has a
    `problem`, and must not take the node over.
    """

    version: str
    code: str
    rules: int
    log_rules: int = 0
    first: int = 0
    mark: int = 0
    problem: str = ""


class TrialError(Exception):
    """This version must not take the node over; the message says why."""


def examine(config: Config, data: Path, version: str, show: Show) -> Trial:
    """Try this `version` on the journal and the snapshots in `data`, whether a node runs there or not. `show` is told
    how many records are replayed, and of how many."""
    own = version, str(CODE), RULES
    try:
        log_rules, first, mark = _examine(config, data, show)
    except (TrialError, JournalError, CoreReplayError, ReplayError, DamagedPart, FileNotFoundError) as error:
        return Trial(*own, problem=str(error))
    return Trial(*own, log_rules, first, mark)


def _examine(config: Config, data: Path, show: Show) -> tuple[int, int, int]:
    """The rules of the log, and between which records the replay went. What `examine` reports."""
    kept = snapshot_catalog.entries(data)
    if not kept:
        raise TrialError(NO_SNAPSHOT)
    mark = kept[-1].seq
    rules, begun = rules_at(data, mark)
    if rules > RULES:
        raise TrialError(
            f"from record {begun:,} on the log goes by rules version {rules}, and this version of the software knows "
            f"version {RULES}: there is no way back to it"
        )
    agents = derive(config).core_agents
    with contextlib.ExitStack() as pins:
        pins.enter_context(snapshot_catalog.pinned(data, mark))
        saved = comparison.saved(data, mark, agents)
        if saved is None:
            raise TrialError(NO_SNAPSHOT)
        start = snapshot_catalog.choose(data, agents, mark - 1).start
        if start.seq:
            pins.enter_context(snapshot_catalog.pinned(data, start.seq))
        elif segment_seqs(data / "journal")[0] != 1:
            raise TrialError(
                "the journal no longer begins with record 1, and this version can use none of the snapshots: it would "
                "have nothing to begin with"
            )
        found = comparison.compare(mark, _states(config, data, start, mark, show), saved)
    if found is not None:
        raise TrialError(f"it comes to another state at record {mark:,}: {found.agent}, {found.table}")
    return rules, start.seq, mark


def _states(config: Config, data: Path, start: Start, mark: int, show: Show) -> comparison.Digests:
    """Digests of what a replay from `start` to `mark` comes to, as cores leave them beside their parts."""
    core = ReplayedCore(config, data, start, mark, reader=False)
    core.run(show)
    core.check()
    matchers = {f"matcher.{number}": matcher.book.digests() for number, matcher in core.matchers.items()}
    return {"router": core.router.core.digests()} | matchers
