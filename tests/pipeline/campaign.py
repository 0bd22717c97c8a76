"""Faults on a venue that trades, one after the other: what each did, and how long it was until all was well again.

It breaks and measures; what must be true afterwards is checked by `stream.finish` and `lockstep verify`.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

from lockstep.config.loader import load
from tests.pipeline.api_stream import ApiStream
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.stream import ALWAYS, AT_SPEED, RECOVERY_S, Stream, await_progress, finish
from tests.ports import free_port

SEED = int(os.environ.get("LOCKSTEP_FAULTS_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
SOAK_S = float(os.environ.get("SOAK_S", "600"))
HEARTBEAT_TIMEOUT_S = 2.0
REPORTS = Path("var")
API_AT_SPEED = 8  # rounds
PAUSE_S = 0.7  # shorter than any heartbeat timeout: a stall that has to be waited for, not restarted
OTHERS = ("kill supervisor", "kill all", "kill postgres", "cut", "snapshot")
CORE = frozenset({"core", "router", "matcher.1", "matcher.2"})  # they come back together
CONNECTED = ("core", "router", "matcher.1", "matcher.2", "journal", "journaler", "publisher", "batcher", "api")
API_BACK_S = 10.0  # without an answer of the api when it is killed; 3 s is the mark where nothing else is done


class Campaign:
    """`run` injects a fault by its name and returns when the venue is whole; `report` tells about all of them.

    `stream` trades over FIX, `api` over REST and the WebSocket API.
    """

    def __init__(self, venue: RunningVenue, stream: Stream, api: ApiStream, seed: int) -> None:
        self.venue = venue
        self.stream = stream
        self.api = api
        self.chance = random.Random(seed)
        self.recoveries: defaultdict[str, list[float]] = defaultdict(list)
        self.gaps: defaultdict[str, list[float]] = defaultdict(list)
        self.api_gaps: defaultdict[str, list[float]] = defaultdict(list)
        self.snapshots = 0

    def faults(self) -> list[str]:
        """Every fault that this venue's topology knows."""
        hosts = sorted(self.venue.pids())
        names = [f"{what} {host}" for what in ("kill", "pause") for host in hosts]
        hung = [host for host in hosts if host in ("core", "router", "batcher", "api") or host.startswith("gateway")]
        return [*names, *(f"hang {host}" for host in hung), *OTHERS]

    def run(self, fault: str) -> None:
        """Inject one fault under load. AssertionError if the venue isn't whole, or acknowledges nothing, in time."""
        self._await_both()
        what, _, whom = fault.partition(" ")
        connects = self.stream.client.connects
        began_s = time.monotonic()
        self.stream.longest_gap_s = self.api.longest_gap_s = 0.0
        inject: dict[str, Callable[[str], None]] = {
            "kill": self._kill, "pause": self._pause, "hang": self._hang, "cut": self._cut, "snapshot": self._snapshot,
        }  # fmt: skip
        inject[what](whom)
        self.recoveries[fault].append(time.monotonic() - began_s)
        self._await_both()
        self.gaps[fault].append(self.stream.longest_gap_s)
        self.api_gaps[fault].append(self.api.longest_gap_s)
        if fault == "kill api":
            assert self.api.longest_gap_s < API_BACK_S, self.report()
        if whom in CONNECTED and not self.venue.restarted_whole:
            assert self.stream.client.connects == connects, f"{fault} cost the client its connection"

    def _await_both(self) -> None:
        now_s = time.monotonic()
        for stream in (self.stream, self.api):
            await_progress(stream, now_s)

    def _kill(self, whom: str) -> None:
        if whom == "supervisor":
            self.venue.kill()
            self.venue.start()
        elif whom == "all":
            self.venue.kill_all()
            self.venue.start()
        elif whom == "postgres":
            postgres = self.venue.postgres()
            os.kill(postgres, signal.SIGKILL)
            self.venue.postgres(but=postgres)
        else:
            self._end(whom, signal.SIGKILL)

    def _hang(self, whom: str) -> None:
        self._end(whom, signal.SIGSTOP)
        assert f"{whom} has shown no heartbeat for" in self.venue.log.read_text()

    def _end(self, whom: str, by: signal.Signals) -> None:
        before = self.venue.pids()
        wanted = {*CORE.intersection(before)} if whom in CORE else {whom}
        changed: set[str] = set()
        ready = self.venue.readies()
        os.kill(before[whom], by)
        while not wanted <= changed:  # it may be ready again after what has ended by itself meanwhile
            ready += 1
            self.venue.await_ready(ready, RECOVERY_S)
            after = self.venue.pids()
            changed = {host for host, pid in before.items() if after[host] != pid}
        others = [host for host in changed - wanted if not self._ended_by_itself(host)]
        assert self.venue.restarted_whole or not others, f"{whom} took {others} along"

    def _ended_by_itself(self, host: str) -> bool:
        """Whether the supervisor has ended it for a silence, as a busy machine may bring it about."""
        return f"{host} has shown no heartbeat for" in self.venue.log.read_text()

    def _pause(self, whom: str) -> None:
        pid = self.venue.pids()[whom]
        os.kill(pid, signal.SIGSTOP)
        time.sleep(PAUSE_S)  # the fault itself
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def _cut(self, _whom: str) -> None:
        """The clients' connections, in the middle of what they send; whole again when FIX's has logged on again."""
        self.api.cut()
        connects = self.stream.client.connects
        self.stream.client.cut()
        self.stream.await_connects(connects + 1)

    def _snapshot(self, _whom: str) -> None:
        answer = self.venue.command("snapshot")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        self.snapshots += 1

    def report(self) -> str:
        """A Markdown table: rounds of each fault, seconds until whole, and longest time without an acknowledgement."""
        rows = [
            "| fault | rounds | whole again after, p50 s | max s | no acknowledgement for, max s | of the api, max s |",
            "|" + "---|" * 6,
        ]
        for fault, took in sorted(self.recoveries.items()):
            p50, most = statistics.median(took), max(took)
            gap, api_gap = max(self.gaps[fault], default=0), max(self.api_gaps[fault], default=0)
            rows.append(f"| {fault} | {len(took)} | {p50:.2f} | {most:.2f} | {gap:.2f} | {api_gap:.2f} |")
        total = sum(len(took) for took in self.recoveries.values())
        answered = len(self.stream.answered)
        rows.append(f"\n{total} faults; {answered:,} orders answered; {self.snapshots} snapshots on demand.")
        rows.append(f"The api answered {len(self.api.answered):,} orders; {dict(self.api.seen)}.")
        return "\n".join(rows)


def venue_of(profile: str, durability: str, **more: object) -> pytest.MarkDecorator:
    """Has a test's venue run so."""
    settings = {
        "profile": profile, "durability": durability, "heartbeat_timeout_s": HEARTBEAT_TIMEOUT_S,
        "api_port": free_port(), **more,
    }  # fmt: skip
    return pytest.mark.parametrize("venue", [settings], indirect=True, ids=[f"{profile}-{durability}"])


@pytest.fixture
def campaign(venue: RunningVenue, request: pytest.FixtureRequest) -> Iterator[Campaign]:
    """A venue that trades; at the end it reports its faults and their cost."""
    print(f"LOCKSTEP_FAULTS_SEED={SEED}")
    soak = request.node.get_closest_marker("soak") is not None
    stream = Stream(venue.client("TRADER7"), at_speed=ALWAYS if soak else AT_SPEED)
    assert venue.api_port is not None
    api = ApiStream([venue.api_port], "TRADER6", at_speed=ALWAYS if soak else API_AT_SPEED)
    for each in (stream, api):
        each.start()
        await_progress(each, time.monotonic())
    campaign = Campaign(venue, stream, api, SEED)
    yield campaign
    print(campaign.report())


def run_round(campaign: Campaign, but: Collection[str] = ()) -> None:
    """Every fault of the topology, in a drawn order, `but` those of some; nothing is lost and nothing is doubled."""
    trade_of_the_second_matcher(campaign.venue)
    faults = [fault for fault in campaign.faults() if fault.rpartition(" ")[2] not in but]
    campaign.chance.shuffle(faults)
    for fault in faults:
        campaign.run(fault)
    _settle(campaign)


def trade_of_the_second_matcher(venue: RunningVenue) -> None:
    """The stream of FIX has none. Above the price at which that of the api, which has begun, trades with itself."""
    maker, taker = venue.client("TRADER1"), venue.client("TRADER2")
    maker.connect()
    taker.connect()
    maker.order("a", "sell", "50.00", "1", "SOLUSDT")
    maker.await_report("a", "0")
    taker.order("b", "buy", "50.00", "1", "SOLUSDT")
    taker.await_report("b", "F")
    maker.await_report("a", "F")
    maker.close()
    taker.close()


def run_soak(campaign: Campaign, name: str) -> None:
    """The same for SOAK_S seconds; leaves a report of that name in var/."""
    faults = campaign.faults()
    end_s = time.monotonic() + SOAK_S
    while time.monotonic() < end_s:
        campaign.run(campaign.chance.choice(faults))
    _settle(campaign)
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / f"faults-{name}.md").write_text(campaign.report() + "\n")


def _settle(campaign: Campaign) -> None:
    """All is checked: by the client, by `verify`, by an orderly stop."""
    finish(campaign.stream)
    campaign.api.end()
    campaign.api.look()
    assert campaign.venue.stop() == 0
    campaign.venue.verify()
    campaign.api.check(load(campaign.venue.config), campaign.venue.data / "journal")
