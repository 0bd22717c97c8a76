"""`lockstep drill`: failovers and a switchover of a throw-away pair of nodes under load, and what they cost.

Clients are told by FIX what is acknowledged; what of that the new primary's log lacks is the loss.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated

import msgspec
from cyclopts import Parameter, validators
from msgspec import Struct, structs

from lockstep.cli import throwaway
from lockstep.cli.errors import UsageError
from lockstep.cli.nodes.api_load import ID, ApiLoad
from lockstep.cli.nodes.load import Leg, Load
from lockstep.cli.nodes.rejoin import carry_out as rejoin
from lockstep.cli.nodes.throwaway_pair import SYMBOL, Member, Pair
from lockstep.cli.terminal import EXIT_OK, EXIT_PROBLEM, Json, console, fail, print_json, say, table
from lockstep.cli.throwaway import NotReady
from lockstep.core.cluster import divergence, switchover
from lockstep.core.cluster.peer_log import CopiedLog, LinkedLog
from lockstep.core.cluster.steps import FailedOver, Instruction, Refused
from lockstep.core.diagnostics.counts import counted
from lockstep.core.journal.journal import JournalError, verify
from lockstep.core.journal.select import select
from lockstep.core.schema.client_ids import own_id
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import Code, CommandType, NewOrder
from lockstep.shm.board import Word

REPLICATED = ("replicated", "both")
FAILOVER = "failover"
ACK_S = 60.0  # for the first acknowledgement after a change of nodes
SLOWEST_REST = 2000  # orders a second that are put at rest
LOADED_S = 1.0  # of load before a node dies, at least


class Takeover(Struct, frozen=True):
    """A change of nodes: `rto_s` from the command, `since_death_s` from the death, to the first new acknowledgement.

    `lost` is how many of the `acknowledged` orders the new primary does not have; `cut` the records that the old one
    had alone, of which clients may have been told `told`.
    """

    kind: str
    acknowledged: int
    lost: int
    rto_s: float
    since_death_s: float
    cut: int = 0
    told: int = 0


class Drilled(Struct, frozen=True):
    """What came of it. RPO is in orders: acknowledged, and not there. RTO is of failovers alone. `problems` is empty if
    all is well.
    """

    durability: str
    seconds: float
    rate: int
    orders: int
    by_api: int
    refused: int
    takeovers: list[Takeover]
    rpo_orders: int
    rto_p50_s: float
    rto_max_s: float
    problems: list[str]


class DrillError(Exception):
    """The drill could not go on; the message says where."""


def drill(
    *,
    load: Annotated[str, Parameter(help="Seconds of load: 60, or 60s.")] = "15s",
    rate: Annotated[int, Parameter(validator=validators.Number(gte=1), help="Orders a second.")] = 1000,
    failovers: Annotated[int, Parameter(validator=validators.Number(gte=1), help="How often a primary dies.")] = 3,
    durability: Annotated[str, Parameter(help="Of both nodes: none, local, replicated or both.")] = "replicated",
    resting: Annotated[
        int, Parameter(validator=validators.Number(gte=0), help="Orders that rest in the book before the load begins.")
    ] = 0,
    keep: Annotated[Path | None, Parameter(help="Keep the two nodes' folders in this new folder.")] = None,
    json: Json = False,
) -> int:
    """Rehearse what happens when a primary dies: two throw-away nodes on this machine under load of two FIX clients and
    one of the api.

    Again and again all processes of the node that leads are killed; `failover` has the other one lead, the clients find
    it by themselves, and `rejoin` makes the dead node its secondary. At the end `switchover` changes roles as planned.
    Then both nodes' logs must be equal, and `lockstep verify` finds nothing. RTO is the time from the command to the
    first new acknowledgement, RPO the acknowledged orders that the new primary does not have. Ctrl-C or SIGTERM stops
    both nodes and removes their folders.

    Example: lockstep drill --load 60s

    Exit codes: 0 all went well; 1 something did not, or RPO is above 0 in the modes replicated and both; 2 the command
    line is wrong.
    """
    seconds = _seconds(load)
    if durability not in ("none", "local", *REPLICATED):
        raise UsageError(f"--durability is none, local, replicated or both, not {durability}")
    tell: Callable[[str], None] = (lambda _: None) if json else say
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # it ends as by Ctrl-C: nodes and folder go
    with throwaway.folder(keep) as folder:
        pair = Pair(folder, durability)
        try:
            done = _Drill(pair, seconds, rate, failovers, resting, tell).run()
        except (NotReady, DrillError, TimeoutError, JournalError) as error:
            return fail(f"the drill failed: {error}", json=json)
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # a second one would leave nodes that run
            pair.stop()
    print_json(done) if json else _print(done)
    return EXIT_PROBLEM if done.problems else EXIT_OK


def _seconds(text: str) -> float:
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise UsageError(f"--load is a number of seconds such as 60s, not {text}")
    return seconds


class _Drill:
    """One drill: its pair, its load, and what has come of it so far."""

    def __init__(
        self, pair: Pair, seconds: float, rate: int, failovers: int, resting: int, say: Callable[[str], None]
    ) -> None:
        self._pair = pair
        self._resting = resting
        self._rate = rate
        self._failovers = failovers
        self._say = say
        self._share_s = max(LOADED_S, seconds / (failovers + 1))
        # Of a connection: it also lasts while the dead node rejoins and catches up.
        orders = int(rate * (self._share_s + 3 * ACK_S))
        self._load = Load([member.target for member in pair.members], rate, orders, resting)
        ports = [member.loaded.api.port for member in pair.members]
        self._web = ApiLoad([port for port in ports if port is not None], SYMBOL)
        # Each with how many connections there were before it, and how many orders the api had answered.
        self._changes: list[tuple[Takeover, int, int]] = []

    def run(self) -> Drilled:
        """DrillError, NotReady, TimeoutError, JournalError."""
        begun_s = time.monotonic()
        self._begin()
        for _ in range(self._failovers):
            time.sleep(self._share_s)  # the load itself
            self._fail_over()
        time.sleep(self._share_s)  # likewise
        self._switch_over()
        self._load.stop()
        self._web.stop()
        self._pair.await_followed()
        takeovers = self._count_losses()
        self._pair.stop()
        return self._judge(takeovers, time.monotonic() - begun_s)

    def _begin(self) -> None:
        pair = self._pair
        for member in (pair.primary, pair.secondary):
            member.start()
        pair.primary.await_(pair.primary.leads, "lead")
        pair.await_followed()
        self._load.start()
        if self._resting:
            self._load.await_leg(1, time.monotonic() + ACK_S + self._resting / SLOWEST_REST)
            pair.await_followed()
            self._say(f"{self._resting:,} orders rest")
        self._load.await_leg(int(self._resting > 0), time.monotonic() + ACK_S)
        self._web.start()
        self._web.await_one(time.monotonic() + ACK_S)
        self._say(f"node {pair.primary.name} leads, {pair.secondary.name} follows; {self._rate:,} orders a second")

    def _fail_over(self) -> None:
        """Kill the primary's host, have the secondary lead, and make the dead node follow it."""
        pair, before, web = self._pair, len(self._load.legs), len(self._web.acknowledged)
        died_s = time.monotonic()
        pair.primary.kill_all()
        asked_s = time.monotonic()
        in_command_s = self._take_over("the drill has killed it")
        ended_s = time.monotonic() - asked_s
        leg = self._load.await_leg(before, asked_s + ACK_S)
        first_s = _first(leg)
        self._web.await_one(asked_s + ACK_S)
        dead, leads = pair.primary, pair.secondary
        pair.swap()
        rto_s = first_s - asked_s
        self._say(f"node {dead.name} died; {leads.name} acknowledged an order {rto_s:.3f} s after `failover`")
        self._say(
            f"  the command's steps took {in_command_s:.3f} s, its start and end {ended_s - in_command_s:.3f} s; both "
            f"clients were logged on after {leg.begun_s - asked_s:.3f} s"
        )
        log = LinkedLog(dead.loaded, dead.data, _end(dead))
        lost = rejoin(dead.loaded, dead.data, log, dry_run=False, yes=True, show=False).undoing
        cut, told = lost.divergence.cut, lost.told
        self._say(f"node {dead.name} rejoined: {counted(cut, 'record')} cut, {told:,} of its orders may have been told")
        dead.start()
        pair.await_followed()
        self._note(FAILOVER, (before, web), first_s - asked_s, first_s - died_s, cut, told)

    def _switch_over(self) -> None:
        """Change roles as planned."""
        pair, before, web = self._pair, len(self._load.legs), len(self._web.acknowledged)
        asked_s = time.monotonic()
        follower = pair.secondary
        try:
            switchover.carry_out(follower.data, Instruction(), self._say)
        except Refused as error:
            raise DrillError(f"node {follower.name} did not lead: {error}") from error
        leg = self._load.await_leg(before, asked_s + ACK_S)
        self._web.await_one(asked_s + ACK_S)
        pair.swap()
        took_s = _first(leg) - asked_s
        self._say(f"switchover: {pair.primary.name} acknowledged an order after {took_s:.3f} s")
        self._note("switchover", (before, web), took_s, took_s)

    def _take_over(self, statement: str) -> float:
        """`lockstep failover`, as an operator gives it, with its start; returns what its steps took."""
        member = self._pair.secondary
        answer = member.command("failover", "--peer-is-off", statement, "--json")
        if answer.returncode:
            raise DrillError(f"node {member.name} did not lead: {answer.stdout}{answer.stderr}")
        done = msgspec.json.decode(answer.stdout, type=FailedOver)
        for step in done.steps:
            self._say(f"{step.at_s:8.3f} s  {step.says}")
        return done.took_s

    def _note(
        self, kind: str, before: tuple[int, int], rto_s: float, death_s: float, cut: int = 0, told: int = 0
    ) -> None:
        self._changes.append((Takeover(kind, 0, 0, round(rto_s, 3), round(death_s, 3), cut, told), *before))

    def _count_losses(self) -> list[Takeover]:
        """Hold what clients were told before each change against the log that goes on. Ids of orders never come again,
        so what is lost then is not there now."""
        primary = self._pair.primary
        there = taken(primary.data / "journal", primary.word(Word.DURABLE_SEQ))
        counted_legs, counted_web, found = 0, 0, []
        for change, legs, web in self._changes:
            acknowledged: list[int | str] = [*self._web.acknowledged[counted_web:web]]
            acknowledged += [order for leg in self._load.legs[counted_legs:legs] for order in leg.acknowledged()]
            lost = len(set(acknowledged) - there)
            found.append(structs.replace(change, acknowledged=len(acknowledged), lost=lost))
            counted_legs, counted_web = legs, web
        return found

    def _judge(self, takeovers: list[Takeover], seconds: float) -> Drilled:
        a, b = self._pair.members
        durability = a.loaded.venue.durability
        rpo = sum(each.lost for each in takeovers)
        rtos = [each.rto_s for each in takeovers if each.kind == FAILOVER]
        problems = [f"{rpo:,} acknowledged orders are lost"] if rpo and durability in REPLICATED else []
        if divergence.find(a.data / "journal", CopiedLog(b.data, a.data / "journal")).cut or _end(a) != _end(b):
            problems.append("the two nodes' logs differ at the end")
        problems += [f"lockstep verify of node {each.name}: {said}" for each in (a, b) if (said := _verify(each))]
        acknowledged = self._load.acknowledged()
        refused = sum(leg.refused() for leg in self._load.legs)
        return Drilled(durability, round(seconds, 1), self._rate, len(acknowledged), len(self._web.acknowledged),
                       refused, takeovers, rpo, median(rtos), max(rtos), problems)  # fmt: skip


def _first(leg: Leg) -> float:
    assert leg.first_ack_s is not None
    return leg.first_ack_s


def _end(member: Member) -> int:
    return verify(member.data / "journal").last_seq


def taken(journal: Path, last: int) -> set[int | str]:
    """The load's orders that a node's log has taken up to record `last`: by their numbers, or the api's ids."""
    records = select(journal, 1, last, (CommandType.NEW_ORDER,))
    commands = (command for record in records if isinstance(command := unpack_command(record), NewOrder))
    ids = [own_id(command).decode() for command in commands if command.verdict == Code.OK]
    return {id if id.startswith(ID) else int(id[1:]) for id in ids}


def _verify(member: Member) -> str:
    """What `lockstep verify` finds wrong; nothing if all is well."""
    answer = member.command("verify")
    return "" if answer.returncode == 0 else (answer.stdout + answer.stderr).strip()


def _print(done: Drilled) -> None:
    out = console()
    rows = table(
        "\nchanges of nodes", "kind", "acknowledged before>", "lost>", "RTO s>", "since death s>", "cut>", "told>"
    )
    for each in done.takeovers:
        figures = (f"{number:,}" for number in (each.acknowledged, each.lost))
        times = (f"{seconds:.3f}" for seconds in (each.rto_s, each.since_death_s))
        rows.add_row(each.kind, *figures, *times, f"{each.cut:,}", f"{each.told:,}")
    out.print(rows)
    out.print(
        f"\n{done.durability}: {done.orders:,} orders acknowledged at {done.rate:,} a second, and {done.by_api:,} by "
        f"the api; RPO {done.rpo_orders:,} orders; RTO p50 {done.rto_p50_s:.3f} s, max {done.rto_max_s:.3f} s"
    )
    for problem in done.problems:
        say(problem, "red")
