"""`lockstep pair`: makes two nodes a pair, at once on one machine, or by a file that each gives the other.

It starts and stops no node. What makes a pair is `cluster.pairing`'s business.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec import Struct

from lockstep.cli.errors import UsageError
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
)
from lockstep.config.schema import Config
from lockstep.core.cluster import offer as offers
from lockstep.core.cluster import pairing
from lockstep.core.cluster.offer import Offer, OfferError
from lockstep.core.cluster.pairing import BusyError, PairingError, Plan
from lockstep.core.files import atomic_file
from lockstep.core.journal.journal import JournalError
from lockstep.core.venue import first_journal
from lockstep.core.venue.node import RoleError
from lockstep.procs.replicator.certificates import CertificateError


class Written(Struct, frozen=True):
    """A file that was written, or (a dry run) would be, and what it is."""

    file: str
    says: str


class Outcome(Struct, frozen=True):
    """`outcome`: offered (the other node is to take `file`), paired, would offer, would pair, or not confirmed."""

    outcome: str
    node: str
    leads: str
    follows: str
    file: str
    code: str
    written: list[Written]
    notes: list[str]
    next: str


def pair(
    config: ConfigPath = DEFAULT_CONFIG,
    other: Annotated[Path | None, Parameter(help="The other node's configuration, if it is on this machine.")] = None,
    /,
    *,
    taken: Annotated[Path | None, Parameter(name="--with", help="The pairing file of the other node.")] = None,
    to: Annotated[Path | None, Parameter(help="Put a copy of this node's pairing file there.")] = None,
    secondary: Annotated[
        bool, Parameter(negative=(), help="This node is to follow, though it has the log (from a backup).")
    ] = False,
    renew: Annotated[bool, Parameter(negative=(), help="Make new keys in the place of those that are there.")] = False,
    dry_run: Annotated[bool, Parameter(negative=(), help="Say what would be written, and write nothing.")] = False,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Make two nodes a pair: each gets a key and the other one's certificate, and one becomes the secondary.

    On one machine, name both configurations. Between two, run it on the first node, copy the file that it names to the
    other one, take it there with --with, copy that one's file back, and take it on the first. Compare the codes that
    the two show, aloud. The node with a journal leads; of two without, the first. Both configurations must agree on
    what the log is brought to: instruments, accounts, fees. If it is interrupted, run it again.

    After --renew the other node must take the new file. A connection that is up goes on; the next one needs both.

    Examples: lockstep pair a.toml b.toml; lockstep pair a.toml; lockstep pair b.toml --with a.pair

    Exit codes: 0 it is done; 1 the two can't be a pair, or it was not confirmed; 2 the command line or a configuration
    is wrong, or a venue runs that must not.
    """
    if other is not None and (taken is not None or to is not None or secondary):
        raise UsageError(
            "with two configurations nothing is exchanged by files: leave out --with, --to and --secondary"
        )
    if to is not None and (to.is_dir() or not to.absolute().parent.is_dir()):
        raise UsageError(f"--to is {to}, where no file can be: name a file in a folder that is there")
    own = _node_of(config)
    try:
        if other is not None:
            return _tell(_both(own, _node_of(other), renew=renew, dry_run=dry_run), json=json)
        offered = None if taken is None else offers.read(taken)
        plan = pairing.plan(
            pairing.examine(own, renew=renew, follow=secondary, after_ns=offered.made_ns if offered else 0), offered
        )
        return _tell(_one(plan, offered, to, dry_run=dry_run, is_confirmed=yes), json=json)
    except (PairingError, OfferError, RoleError, JournalError) as error:
        return fail(f"not paired, and nothing was changed: {error}", json=json)
    except CertificateError as error:
        return fail(f"not paired: {error}", json=json)
    except BusyError as error:
        raise UsageError(str(error)) from None


def _node_of(file: Path) -> Config:
    """A node's configuration. UsageError where it names none, or is of another venue than the node's journal."""
    loaded = load(file)
    if loaded.replication.node is None:
        raise UsageError("this venue has one node: give each of the two a name by replication.node")
    if objection := first_journal.objection_to_venue(loaded, Path(loaded.venue.data)):
        raise UsageError(objection)
    return loaded


def _both(first: Config, second: Config, *, renew: bool, dry_run: bool) -> Outcome:
    a = pairing.examine(first, renew=renew, follow=False)
    b = pairing.examine(second, renew=renew, follow=False, after_ns=a.made_ns)
    if a.data == b.data:
        raise UsageError(f"both configurations have the data folder {a.data}: each node needs its own")
    of_b = pairing.plan(b, pairing.offer_of(a, pairing.offer_of(b, "").fingerprint))
    of_a = pairing.plan(a, of_b.offer)
    plans = [of_a, pairing.plan(b, of_a.offer)]
    if not dry_run:
        pairing.carry_out(plans)
        for each in plans:
            pairing.check(each.own)
    return Outcome(
        "would pair" if dry_run else "paired", a.name, of_a.leads, of_a.follows, "", "",
        [_written(step) for plan in plans for step in plan.steps], [note for plan in plans for note in plan.notes],
        f"lockstep run each of the two: {of_a.follows} follows as soon as {of_a.leads} runs",
    )  # fmt: skip


def _one(plan: Plan, other: Offer | None, to: Path | None, *, dry_run: bool, is_confirmed: bool) -> Outcome:
    own = plan.own
    is_mutual = other is not None and other.knows == plan.offer.fingerprint
    what = "offered" if other is None else "paired"
    if dry_run:
        what = {"offered": "would offer", "paired": "would pair"}[what]
    elif other is not None and not is_confirmed:
        asked = f"The file is of node {other.node} of {other.venue}, {other.listens}. Does that one show {other.code}?"
        if not is_sure(asked):
            return Outcome("not confirmed", own.name, "", "", "", other.code, [], [], "--yes confirms the code")
    if not dry_run:
        pairing.carry_out([plan])
        if other is not None:
            pairing.check(own)
        if to is not None:
            atomic_file.replace_durably(to, offers.pack(plan.offer))
    file = to or own.file
    back = "the other node" if other is None else f"node {other.node}"
    following = f"copy {file} to {back}, and run there: lockstep pair CONFIG --with {file.name}"
    if is_mutual:
        following = f"lockstep run each of the two: {plan.follows} follows as soon as {plan.leads} runs"
    return Outcome(
        what, own.name, plan.leads, plan.follows, str(file), plan.offer.code,
        [_written(step) for step in plan.steps], plan.notes, following,
    )  # fmt: skip


def _written(step: pairing.Step) -> Written:
    return Written(str(step.file), step.says)


def _tell(outcome: Outcome, *, json: bool) -> int:
    code = EXIT_PROBLEM if outcome.outcome == "not confirmed" else EXIT_OK
    if json:
        print_json(outcome)
        return code
    if code != EXIT_OK:
        say("not confirmed: nothing was changed", "red")
        return code
    for each in outcome.written if outcome.outcome.startswith("would") else ():
        say(f"would write {each.file}: {each.says}")
    for note in outcome.notes:
        say(f"note: {note}", "yellow")
    if outcome.follows:
        say(f"node {outcome.leads} leads, node {outcome.follows} follows")
    if outcome.code:
        say(f"node {outcome.node} shows the code {outcome.code}")
    say(f"next: {outcome.next}")
    return code
