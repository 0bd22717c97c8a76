"""One node after the other leads while clients trade, and what must be true of all that they received.

The nodes' link goes through proxies, and the clients know both nodes' addresses.
"""

from __future__ import annotations

import itertools
import json
import random
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable

from lockstep.cli.running import attach
from lockstep.client.fix.message import Message
from lockstep.client.fix.session import POSS_RESEND
from lockstep.config.loader import load
from lockstep.core.cluster import divergence
from lockstep.core.cluster.peer_log import CopiedLog
from lockstep.core.journal.end import end_of
from lockstep.core.recovery.snapshot_catalog import entries
from lockstep.core.venue import node
from lockstep.shm.board import Word
from tests.broken import require
from tests.passwords import PASSWORD
from tests.pipeline.api_stream import ApiStream
from tests.pipeline.campaign import SEED
from tests.pipeline.client import FixClient
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.pair import Pair, within
from tests.pipeline.person import Person
from tests.pipeline.stream import Progress, Stream, await_progress, finish
from tests.replicator.proxy import ALL

TRADERS = ("TRADER7", "TRADER8")
BY_API = "TRADER6"
API_AT_SPEED = 4  # rounds
QUIET_S = 10.0  # in which a node answers all that it has
SLOWLY = 4096  # bytes that the proxies carry in a turn
SAME = (11, 37, 41, 150, 39, 31, 32, 14, 151)  # of a report that comes again


class Client(FixClient):
    """Tries both nodes, in turn. What may have come before, and has, is not received again: it is the same, though.

    A gateway's own answers are in no log: another node may ask for an order that was refused, and refuses it once more;
    and for one that was sent again and again to a busy node, and refuses what shares its id.
    """

    def __init__(self, ports: tuple[int, ...], name: str) -> None:
        super().__init__(ports[0], name)
        self._ports = itertools.cycle(ports)
        self._told: dict[str, Message] = {}  # by ExecID
        self._refused: dict[str, int] = {}  # by which connection, by ClOrdID
        self._again: Counter[str] = Counter()  # how often orders were sent again, by ClOrdID
        self._due: Counter[str] = Counter()  # of these, what another node may refuse yet
        self.repeated = 0

    def _log_on(self, reset: bool) -> None:
        self.port = next(self._ports)
        self._due += self._again
        self._again.clear()
        super()._log_on(reset)

    def order_again(self, cl_ord_id: str, side: str, price: str, symbol: str) -> None:
        self._again[cl_ord_id] += 1
        self.order(cl_ord_id, side, price, "0.001", symbol)

    def take(self, message: Message) -> bool:
        is_next = super().take(message)
        if is_next and message[35] == "8" and self._is_known(message):
            self.received.pop()
        return is_next

    def _is_known(self, report: Message) -> bool:
        before = self._told.setdefault(report[17], report)
        if before is not report and report.get(POSS_RESEND) == "Y":
            require(all(before.get(tag) == report.get(tag) for tag in SAME), f"{before} came again as {report}")
            self.repeated += 1
            return True
        if report[150] != "8":
            return False
        if self._due[report[11]]:
            self._due[report[11]] -= 1
            return True
        return self._refused.setdefault(report[11], self.connects) != self.connects


class Trading(Stream):
    """A stream that sends again what a node without its peer was too busy to take, and what nobody answers.

    A gateway's own answers (busy, refused) are in no log: what the lost host had not sent is not said again. To send an
    order again under its id is safe: had it been taken, it would be refused now, and a report too many.
    """

    client: Client

    def __init__(self, client: Client, at_speed: int) -> None:
        super().__init__(client, at_speed=at_speed)
        self._terms: dict[str, tuple[str, str, str]] = {}
        self.unanswered = 0  # for so long that they were sent again

    def _order(self, cl_ord_id: str, side: str, price: str, symbol: str) -> None:
        self._terms[cl_ord_id] = side, price, symbol
        super()._order(cl_ord_id, side, price, symbol)

    def _take(self) -> None:
        try:
            message = self.client.receive(QUIET_S)
        except TimeoutError:
            unanswered = [name for name in self.sent if name not in self.answered]
            self.unanswered += len(unanswered)
            for name in unanswered:
                self._again(name)
            return
        if message[35] == "j":
            self._again(message[379])
        self._note(message)

    def _again(self, name: str) -> None:
        self.client.order_again(name, *self._terms[name])


class Changes:
    """A pair that trades; `run` has the other node lead in a way of that name, and the first one follow it."""

    def __init__(self, pair: Pair, leads: RunningVenue, at_speed: int) -> None:
        self.pair = pair
        self.leads, self.follows = (pair.a, pair.b) if leads is pair.a else (pair.b, pair.a)
        self.draw = random.Random(SEED)
        ports = {name: (pair.a.client(name).port, pair.b.client(name).port) for name in TRADERS}
        self.streams = [Trading(Client(ports[name], name), at_speed) for name in TRADERS]
        self.ways: dict[str, Callable[[], None]] = {
            "killed": self._killed, "killed behind a slow link": self._killed_slow, "killed without a link":
            self._killed_alone, "hung": self._hung, "told over the link": self._told, "switchover": self._switchover,
        }  # fmt: skip
        self.api = ApiStream(self._api_ports(), BY_API, min(at_speed, API_AT_SPEED), self._new_key())
        self.took_s: defaultdict[str, list[float]] = defaultdict(list)
        self._asked_s = 0.0

    def start(self) -> None:
        for stream in (*self.streams, self.api):
            stream.start()
        self._await_all()

    def _api_ports(self) -> list[int]:
        return [venue.api_port for venue in (self.leads, self.follows) if venue.api_port is not None]

    def _new_key(self) -> tuple[str, str]:
        """An API key that one node is asked for: it is in the log, and good at the other one that leads later."""
        person = Person(self._api_ports()[0])
        person.log_in(BY_API, PASSWORD)
        person.prove(PASSWORD)
        made = person.post("/keys", scopes=["read", "trade"])
        return made["key"]["name"], made["secret"]

    def run(self, way: str) -> None:
        """AssertionError where clients are not answered in time, or the other node had what a client was told of."""
        self._await_all()
        connects = [stream.client.connects for stream in self.streams]
        self.ways[way]()
        self.leads, self.follows = self.follows, self.leads
        for stream, count in zip(self.streams, connects, strict=True):
            stream.await_connects(count + 1)
        self._await_all()
        self.took_s[way].append(time.monotonic() - self._asked_s)
        if way != "switchover":
            self.rejoin()
        within(lambda: len(node.load(self.leads.data).members) == 2, "commits do not wait for both nodes")

    def settle(self) -> None:
        """Clients, logs, states and databases agree; of the api's all orders, and fills, are a replay's."""
        for stream in self.streams:
            finish(stream)
        self.api.end()
        self.api.look()
        assert self.leads.command("snapshot").returncode == 0
        mark = max(entry.seq for entry in entries(self.leads.data))
        within(lambda: _word(self.leads, Word.COMPARED) == mark, "the nodes have not compared their states")
        for venue in (self.leads, self.follows):
            venue.verify()
        a, b = self.leads.data / "journal", self.follows.data / "journal"
        within(lambda: end_of(a).seq == end_of(b).seq, "the secondary lacks something")
        assert divergence.find(b, CopiedLog(self.leads.data, b)).cut == 0
        self.api.check(load(self.leads.config), a)

    def drawn(self, count: int) -> list[str]:
        """So many ways, in a drawn order; none comes again before all have come."""
        rounds = -(-count // len(self.ways))
        return [way for _ in range(rounds) for way in self.draw.sample(list(self.ways), len(self.ways))][:count]

    def report(self) -> str:
        """A Markdown table: how often each way was taken, and how long until all clients had a new acknowledgement."""
        rows = ["| the primary was | times | all acknowledged after, min s | p50 s | max s |", "|" + "---|" * 5]
        for way, took in sorted(self.took_s.items()):
            rows.append(f"| {way} | {len(took)} | {min(took):.2f} | {statistics.median(took):.2f} | {max(took):.2f} |")
        answered = sum(len(stream.answered) for stream in self.streams)
        again = sum(stream.client.repeated for stream in self.streams if isinstance(stream.client, Client))
        lost = sum(stream.unanswered for stream in self.streams)
        rows.append(
            f"\n{answered:,} orders answered; {again:,} reports came again, the same; {lost:,} orders sent again."
        )
        rows.append(f"The api answered {len(self.api.answered):,} orders; {dict(self.api.seen)}.")
        return "\n".join(rows)

    def _await_all(self) -> None:
        since_s = time.monotonic()
        streams: list[Progress] = [*self.streams, self.api]
        for stream in streams:
            await_progress(stream, since_s)

    def _killed(self) -> None:
        self._asked_s = time.monotonic()
        self.leads.kill_all()
        self._asked_s = time.monotonic()
        self.pair.promote(self.follows)

    def _killed_slow(self) -> None:
        for cable in (self.pair.to_a, self.pair.to_b):
            cable.proxy.rate = SLOWLY
        self._await_all()
        self._killed()
        for cable in (self.pair.to_a, self.pair.to_b):
            cable.proxy.rate = ALL

    def _killed_alone(self) -> None:
        """What it takes in meanwhile, nobody is told of."""
        for cable in (self.pair.to_a, self.pair.to_b):
            cable.proxy.is_mute = True
        self.pair.await_link(self.leads, "alone")
        self._killed()
        for cable in (self.pair.to_a, self.pair.to_b):
            cable.proxy.is_mute = False

    def _hung(self) -> None:
        self.pair.stopped(self.leads)
        self._asked_s = time.monotonic()
        self.pair.promote(self.follows)
        self.leads.kill_all()

    def _told(self) -> None:
        self._asked_s = time.monotonic()
        answer = self.follows.command("failover")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert self.leads.process is not None
        self.leads.process.wait(60)
        self.leads.process = None

    def _switchover(self) -> None:
        self._asked_s = time.monotonic()
        self.pair.switch(self.follows)

    def rejoin(self) -> None:
        """The node that led follows; of what it alone had, no client was told."""
        answer = self.follows.command("rejoin", "--yes", "--json")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        undoing = json.loads(answer.stdout)["undoing"]
        told = [each for each in (*undoing["orders"], *undoing["requests"]) if each["told"]]
        require(not told, f"clients were told of what is undone: {told}")
        self.follows.start()


def _word(venue: RunningVenue, word: Word) -> int:
    run = attach(venue.data)
    return run.board.get(word) if run is not None else 0
