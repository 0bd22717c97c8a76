"""What the person on duty looks at while the venue runs: sessions, status that goes on, logs that go on, metrics."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from websockets.sync.client import connect

from tests.balancer import HAPROXY, Node, balancing
from tests.passwords import PASSWORD
from tests.pipeline.client import FixClient
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.person import Person
from tests.ports import free_port

PATIENCE_S = 60


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    venue = RunningVenue(tmp_path_factory.mktemp("looking"), metrics_port=0, api_port=free_port())
    venue.configure(r"^trusted_proxies = .*$", 'trusted_proxies = ["127.0.0.1"]')
    venue.start()
    yield venue
    venue.stop()


class Watching:
    """A command that goes on, as at a terminal: its lines, until Ctrl-C."""

    def __init__(self, venue: RunningVenue, *arguments: str) -> None:
        # A suite that a shell began in the background has SIGINT ignored, and so would what it starts.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lockstep", *arguments, str(venue.config)], stdout=subprocess.PIPE, text=True,
            preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        self._alarm = threading.Timer(PATIENCE_S, self._process.kill)
        self._alarm.start()

    def line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the command has ended"
        return line

    def end(self) -> int:
        self._process.send_signal(signal.SIGINT)
        self._process.communicate()
        self._alarm.cancel()
        return self._process.returncode


def test_sessions_tell_who_is_connected(running: RunningVenue) -> None:
    client = running.client("TRADER1")
    client.connect()
    found = {each["session"]: each for each in json.loads(running.command("sessions", "--json").stdout)}
    client.close()
    assert found["TRADER1"]["address"] == "127.0.0.1"
    assert found["TRADER1"]["next_in"] == 2
    assert found["TRADER2"]["address"] == ""


def test_logs_go_on(running: RunningVenue) -> None:
    watching = Watching(running, "logs", "--follow", "--last", "1", "--process", "gateway", "--json")
    watching.line()  # it has read what there was
    client = running.client("TRADER2")
    client.connect()
    line = json.loads(watching.line())
    while line["event"] != "logon" or line["fields"]["session"] != "TRADER2":
        line = json.loads(watching.line())
    client.close()
    assert watching.end() == 0


def test_status_goes_on(running: RunningVenue) -> None:
    watching = Watching(running, "status", "--watch", "--json")
    ends = 0
    while ends < 2:
        ends += watching.line() == "}\n"
    assert watching.end() == 0


def metrics(port: int) -> dict[str, float]:
    """Every sample that is served, as `name{labels}`."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def health(port: int, question: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/{question}", timeout=PATIENCE_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def until(condition: Callable[[], bool], what: Callable[[], object] = lambda: "") -> None:
    """Wait for what a stranger sees only by asking; `what` is said if it never comes."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)  # a reading answers all who ask within 0.2 s


def test_metrics_tell_what_status_tells(running: RunningVenue) -> None:
    port = running.metrics_port()
    until(lambda: health(port, "ready")[0] == 200)
    assert [health(port, question) for question in ("live", "ready", "leader")] == [(200, "ok\n")] * 3
    before = metrics(port)
    client = running.client("TRADER3")
    client.connect()
    client.order("metrics", "buy", "59999.50", "0.5")
    client.await_report("metrics", "0")
    client.order("metrics", "buy", "59999.50", "0.5")  # its ClOrdID has been used
    client.await_report("metrics", "8")
    refused = 'lockstep_gateway_refusals_total{by="router",gateway="gateway.1"}'
    until(lambda: metrics(port)[refused] == before[refused] + 1)
    found = metrics(port)
    assert found['lockstep_gateway_sessions{gateway="gateway.1"}'] == 1
    assert found['lockstep_gateway_open_orders{gateway="gateway.1"}'] == 1
    assert found["lockstep_log_committed_records_total"] > before["lockstep_log_committed_records_total"]
    assert all(found[name] >= value for name, value in before.items() if name.partition("{")[0].endswith("_total"))
    client.close()
    told = running.status()
    assert max(found["lockstep_supervisor_look_age_seconds"], told["supervisor"]["look_age_ms"] / 1000) < PATIENCE_S
    assert found["lockstep_epoch"] == told["epoch"]
    up = {name: value for name, value in found.items() if name.startswith("lockstep_process_up")}
    assert up == {f'lockstep_process_up{{process="{host["name"]}"}}': 1 for host in told["hosts"]}


def test_while_a_gateway_is_down_the_node_leads_and_takes_no_orders(running: RunningVenue) -> None:
    port, gateway = running.metrics_port(), running.pids()["gateway"]
    client = running.client("TRADER4")
    client.connect()
    sessions = 'lockstep_gateway_sessions{gateway="gateway.1"}'
    until(lambda: metrics(port)[sessions] == 1)
    os.kill(gateway, signal.SIGKILL)
    until(lambda: health(port, "ready")[0] == 503)
    assert metrics(port)[sessions] == 0
    assert health(port, "leader")[0] == 200
    until(lambda: health(port, "ready")[0] == 200)
    assert metrics(port)['lockstep_process_restarts_total{process="gateway"}'] == 1


def ports_of(venue: RunningVenue) -> Node:
    return Node(venue.fix_port, venue.market_port, venue.metrics_port(), venue.api_port or 0)


def nowhere() -> Node:
    return Node(*(free_port() for _ in Node._fields))


@pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed")
def test_balancer_serves_page_api_and_market_data(running: RunningVenue, tmp_path: Path) -> None:
    with balancing(tmp_path, nowhere(), ports_of(running)) as own:
        person = Person(own.api)
        until(lambda: answers(own.api))
        person.ask("POST", "/auth/login", {"name": "TRADER6", "password": PASSWORD}, **{"X-Forwarded-For": "192.0.2.1"})
        with connect(f"ws://127.0.0.1:{own.api}/ws-api/v3", open_timeout=PATIENCE_S) as stream:
            stream.send('{"id": 1, "method": "ping"}')
            assert json.loads(stream.recv(PATIENCE_S))["status"] == 200
        with connect(f"ws://127.0.0.1:{own.market_data}/ws/btcusdt@bookTicker", open_timeout=PATIENCE_S):
            pass
    session = running.command("db", "url").stdout.strip()
    with psycopg.connect(session) as connection:
        rows = connection.execute("SELECT DISTINCT address FROM identity.sessions").fetchall()
    assert rows == [("127.0.0.1",)]  # HAProxy's client, whatever the client says of itself


def answers(port: int) -> bool:
    """Whether the page comes: HAProxy opens its ports first, and answers 503 until it has looked at the node."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE_S) as answer:
            return b"<html" in answer.read()
    except urllib.error.URLError:
        return False


@pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed")
def test_a_client_behind_a_balancer_stays_while_the_core_starts_again(running: RunningVenue, tmp_path: Path) -> None:
    with balancing(tmp_path, nowhere(), ports_of(running)) as (port, *_):
        client = FixClient(port, "TRADER5", password=PASSWORD)
        deadline = time.monotonic() + PATIENCE_S
        while not _gets_through(port):
            assert time.monotonic() < deadline
            time.sleep(0.05)  # the balancer's next look at the node
        client.connect()
        connection = client._socket
        ready = running.readies()
        os.kill(running.pids()["core"], signal.SIGKILL)
        client.order("through-1", "buy", "10.00", "1", "SOLUSDT")
        client.await_report("through-1", "0")
        assert client._socket is connection
        running.await_ready(ready + 1, PATIENCE_S)
        client.close()


def _gets_through(port: int) -> bool:
    """Whether a connection stays open: the venue says nothing before a client does."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as probe:
        probe.settimeout(0.5)
        try:
            return probe.recv(1) != b""
        except TimeoutError:
            return True
        except ConnectionError:
            return False
