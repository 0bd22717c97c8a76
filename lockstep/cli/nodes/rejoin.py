"""`lockstep rejoin`: makes a node that led, or has more than the other one, a secondary of it again.

It lists what is cut, and asks; `cluster.truncation` finds that, and cuts it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec import Struct

from lockstep.cli.at import moment
from lockstep.cli.errors import UsageError
from lockstep.cli.progress import Progress
from lockstep.cli.terminal import (
    DEFAULT_CONFIG,
    EXIT_OK,
    EXIT_PROBLEM,
    ConfigPath,
    Json,
    Yes,
    fail,
    is_sure,
    load,
    print_json,
    say,
    stopped,
)
from lockstep.config.schema import Config
from lockstep.core.cluster import truncation
from lockstep.core.cluster.divergence import DivergenceError, PeerLog
from lockstep.core.cluster.loss import LossError
from lockstep.core.cluster.lost_orders import LostOrder, LostOrders
from lockstep.core.cluster.peer_log import CopiedLog, LinkedLog
from lockstep.core.cluster.truncation import Rejoined
from lockstep.core.diagnostics.counts import counted
from lockstep.core.journal.journal import JournalError, segment_seqs
from lockstep.core.recovery.replay import CoreReplayError
from lockstep.procs.gateway.store_reader import StoreCorrupt

SHOWN = 100  # of what is cut, on the terminal


class Outcome(Struct, frozen=True):
    """`outcome`: would rejoin (a dry run), rejoined, or refused (not confirmed). `undoing` is what is taken back."""

    outcome: str
    says: str
    undoing: LostOrders
    done: Rejoined | None = None


def rejoin(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    copy: Annotated[
        Path | None,
        Parameter(name="--from", help="The other node's data folder or journal, or a copy, instead of asking it."),
    ] = None,
    dry_run: Annotated[bool, Parameter(negative=(), help="Say what would be done, and change nothing.")] = False,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Make this node, which is stopped, a secondary of the other one, which leads: after a failover, or whenever the
    other node refuses this one's log.

    It finds the last record that both have. What this node has behind it is cut and kept in set-aside/ of the data
    folder, and listed order by order: account, session, client order id, what it was, what came of it, and each report
    of it that may have left this node. Those are the clients to be told. Snapshots, FIX messages and rows that know of
    it are set aside, too. Then start this node: it follows. If it is interrupted, run it again.

    Example: lockstep rejoin --dry-run

    Exit codes: 0 this node is a secondary, or (with --dry-run) can become one; 1 it is not, and why, or something is
    left to do; 2 the command line or the configuration is wrong, or the venue runs.
    """
    loaded = load(config)
    data = Path(loaded.venue.data)
    if loaded.replication.node is None:
        raise UsageError("this venue has one node: replication.node names none")
    if not (data / "journal").is_dir() or not segment_seqs(data / "journal"):
        raise UsageError(f"there is no journal in {data}: lockstep pair makes a node that has never run a secondary")
    peer: PeerLog
    with stopped(data):
        try:
            if copy is None:
                peer = LinkedLog(loaded, data, moment.retained(data).last)
            else:
                peer = CopiedLog(copy, data / "journal")
            outcome = carry_out(loaded, data, peer, dry_run=dry_run, yes=yes, show=not json)
        except (DivergenceError, LossError, JournalError, CoreReplayError, StoreCorrupt) as error:
            return fail(f"this node can't rejoin: {error}", json=json)
    return _tell(outcome, json=json)


def carry_out(config: Config, data: Path, peer: PeerLog, *, dry_run: bool, yes: bool, show: bool) -> Outcome:
    """Say what is cut, ask, and do it. What `truncation` says it may raise."""
    with Progress("replaying", 0, "records") as progress:
        plan = truncation.examine(config, data, peer, progress.show)
    lost = plan.lost
    if show:
        _show(lost)
    behind = f"this node has {counted(lost.divergence.cut, 'record')} that the other one does not have"
    if dry_run:
        return Outcome("would rejoin", f"{behind}; it would follow behind record {plan.common:,}", lost)
    question = f"{behind}: they are cut. Make this node a secondary behind record {plan.common:,}?"
    if not yes and not is_sure(question):
        return Outcome("refused", "not confirmed (--yes confirms): nothing was changed", lost)
    with Progress("rebuilding", 0, "records") as progress:
        done = truncation.rejoin(config, data, plan, say if show else lambda _: None, progress.show)
    says = f"this node is a secondary whose log ends with record {done.seq:,}: start it, and it follows"
    return Outcome("rejoined", says, lost, done)


def _show(lost: LostOrders) -> None:
    listed = [*lost.orders, *lost.requests]
    for each in listed[:SHOWN]:
        say(_headline(each))
        for line in each.came:
            say(f"    {line}")
        for message in each.told:
            say(f"    told: {message}")
    if len(listed) > SHOWN:
        say(f"and {len(listed) - SHOWN:,} more: --json lists all, as does undone.json beside what is cut")
    if listed:
        say(
            f"{counted(len(lost.orders), 'order')} and {counted(len(lost.requests), 'other request')}; of"
            f" {lost.told:,} a report may have left this node: tell those clients"
        )


def _headline(each: LostOrder) -> str:
    via = f", session {each.session}" if each.session else ""
    via += f" at {each.gateway}" if each.gateway else ""
    kind = f"order {each.order_id}" if each.order_id else f"record {each.seq}"
    there = " (the other node has it as it was before)" if each.was_there else ""
    told = "no report of it left" if not each.told else f"{counted(len(each.told), 'report')} of it may have left"
    return f"{each.account}{via}: {kind}, {each.cl_ord_id or 'without a client id'}: {each.what}{there}; {told}"


def _tell(outcome: Outcome, *, json: bool) -> int:
    to_do = outcome.done.to_do if outcome.done is not None else []
    is_well = outcome.outcome != "refused" and not to_do
    if json:
        print_json(outcome)
        return EXIT_OK if is_well else EXIT_PROBLEM
    say(outcome.says, "" if is_well else "red")
    for line in to_do:
        say(line, "red")
    return EXIT_OK if is_well else EXIT_PROBLEM
