"""Events reach their receivers, a real command and a real web server, and are sent until they are taken."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from lockstep.config.schema import AlertsSection
from lockstep.procs.replicator.handshake import LinkState
from lockstep.procs.supervisor import alerts as module
from lockstep.procs.supervisor.alerts import MAX_WAITING, Alerts
from lockstep.procs.supervisor.conditions import Conditions
from lockstep.shm.board import Board, Word
from tests.supervisor.harness import CONFIG, PATIENCE_S, Start


class Receiver:
    """A web server on loopback: `taken` has the bodies of POSTs; the first `refusals` ones it answers with 503."""

    def __init__(self) -> None:
        self.taken: Queue[dict[str, Any]] = Queue()
        self.refusals = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.refusals:
                    receiver.refusals -= 1
                    self.send_error(503)
                    return
                receiver.taken.put(json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Says nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.server.shutdown()
    found.server.server_close()


async def told(alerts: Alerts) -> None:
    """Have it tell all that waits."""
    running = asyncio.create_task(alerts.run())
    async with asyncio.timeout(PATIENCE_S):
        while alerts._waiting:
            await asyncio.sleep(0.01)  # the events are another task's
    running.cancel()


def test_an_event_is_told_until_both_have_taken_it(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_DELAY_S", 0.01)
    receiver.refusals = 2
    heard, fails = tmp_path / "heard", tmp_path / "fails"
    fails.touch()
    script = tmp_path / "take"
    script.write_text(f"#!/bin/sh\n[ -e {fails} ] && rm {fails} && exit 3\ncat >> {heard}; echo >> {heard}\n")
    script.chmod(0o700)
    said: list[str] = []

    async def run() -> None:
        settings = AlertsSection(command=str(script), webhook=receiver.url)
        alerts = Alerts(settings, "mine", tmp_path / "alerts.json", said.append)
        alerts.tell("process_restarted", "first")
        alerts.tell("snapshot_failed", "second")
        await told(alerts)

    asyncio.run(run())
    by_web = [receiver.taken.get(timeout=PATIENCE_S) for _ in range(2)]
    by_command = [json.loads(line) for line in heard.read_text().splitlines()]
    assert by_web == by_command
    assert [(each["event"], each["message"], each["venue"]) for each in by_web] == [
        ("process_restarted", "first", "mine"), ("snapshot_failed", "second", "mine"),
    ]  # fmt: skip
    assert receiver.taken.empty()
    assert len(said) == 2  # once for each that failed, however often it did
    assert "503" in "".join(said)
    assert "code 3" in "".join(said)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 307 Moved\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n",
        b"what do you want?\r\n",
        b"HTTP/1.1 204 \r\n" + b"X: y\r\n" * 200,  # http.client takes a hundred headers
        b"",
    ],
    ids=["redirect to a GET", "redirect", "no HTTP", "endless headers", "nothing"],
)
def test_what_is_no_yes_is_told_again(
    tmp_path: Path, receiver: Receiver, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No redirect is followed: as a GET it would lose the event."""
    monkeypatch.setattr(module, "FIRST_DELAY_S", 0.01)
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"}"))
        writer.write(answer.replace(b"{url}", receiver.url.encode()))
        writer.close()

    async def run() -> list[str]:
        said: list[str] = []
        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            settings = AlertsSection(webhook=f"http://127.0.0.1:{port}/token")
            alerts = Alerts(settings, "mine", tmp_path / "alerts.json", said.append)
            alerts.tell("disk_low", "low")
            running = asyncio.create_task(alerts.run())
            async with asyncio.timeout(PATIENCE_S):
                while len(asked) < 3:
                    await asyncio.sleep(0.01)  # the tries are a thread's
            assert len(alerts._waiting) == 1
            assert not running.done()
            await alerts.close(running)
        return said

    said = asyncio.run(run())
    assert len(said) == 1
    assert "token" not in said[0]
    assert receiver.taken.empty()


def test_an_end_waits_for_no_server_and_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never answers, and a script whose child would go on alone: neither holds up the supervisor's end."""
    monkeypatch.setattr(module, "LAST_WORDS_S", 0.1)
    pids = tmp_path / "pids"
    script = tmp_path / "take"
    script.write_text(f"#!/bin/sh\nsleep 1000 &\necho $! > {pids}.new; mv {pids}.new {pids}\nwait\n")
    script.chmod(0o700)

    async def run(url: str) -> None:
        settings = AlertsSection(command=str(script), webhook=url)
        alerts = Alerts(settings, "mine", tmp_path / "alerts.json", print)
        alerts.tell("disk_low", "low")
        running = asyncio.create_task(alerts.run())
        async with asyncio.timeout(PATIENCE_S):
            while not pids.exists():
                await asyncio.sleep(0.01)  # the script's word
        await alerts.close(running)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        began_s = time.monotonic()
        asyncio.run(run(f"http://127.0.0.1:{silent.getsockname()[1]}/"))
        assert time.monotonic() - began_s < module.TRY_S / 2
    child = Path(f"/proc/{pids.read_text().strip()}/stat")
    deadline = time.monotonic() + PATIENCE_S
    while child.exists() and child.read_text().split()[2] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)  # it is not our child
    assert json.loads((tmp_path / "alerts.json").read_bytes())[0]["left"] == ["command", "webhook"]


def test_a_damaged_file_of_what_waits_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "alerts.json").write_bytes(b'[{"id": 1')

    async def run() -> None:
        Alerts(AlertsSection(command="true"), "mine", tmp_path / "alerts.json", said.append)

    asyncio.run(run())
    assert len(said) == 1
    assert str(tmp_path / "alerts.json") in said[0]


def test_what_waits_survives_the_supervisor(tmp_path: Path, receiver: Receiver) -> None:
    file = tmp_path / "alerts.json"
    settings = AlertsSection(webhook=receiver.url)

    async def before() -> None:
        Alerts(settings, "mine", file, print).tell("venue_failed", "the last word")

    async def after() -> None:
        await told(Alerts(settings, "mine", file, print))

    asyncio.run(before())
    asyncio.run(after())
    assert receiver.taken.get(timeout=PATIENCE_S)["message"] == "the last word"
    assert json.loads(file.read_bytes()) == []


def test_nobody_to_tell_keeps_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        Alerts(AlertsSection(), "mine", tmp_path / "alerts.json", print).tell("disk_low", "nobody hears")

    asyncio.run(run())
    assert list(tmp_path.iterdir()) == []


def test_what_waits_is_bounded_and_says_what_is_missing(tmp_path: Path) -> None:
    async def run() -> list[module.Event]:
        alerts = Alerts(AlertsSection(command="/nowhere"), "mine", tmp_path / "alerts.json", print)
        for number in range(MAX_WAITING + 5):
            alerts.tell("disk_low", str(number))
        return alerts._waiting

    waiting = asyncio.run(run())
    assert len(waiting) == MAX_WAITING
    assert (waiting[0].message, waiting[0].dropped) == ("5", 5)
    assert {event.dropped for event in waiting[1:]} == {0}


def test_a_state_is_told_when_it_begins_and_when_it_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.Alerts, "tell", lambda _self, event, _message: events.append(event))
    events: list[str] = []
    board = Board.private()

    async def run() -> None:
        settings = AlertsSection(disk_low_bytes=0, database_behind_s=60)
        conditions = Conditions(settings, tmp_path, Alerts(settings, "mine", tmp_path / "alerts.json", print))
        board.set(Word.DURABLE_SEQ, 100)
        board.set(Word.DATABASE_SEQ, 50)
        conditions.tick(board, 1000)
        conditions.tick(board, 1059)
        assert events == []
        conditions.tick(board, 1061)
        conditions.tick(board, 1200)
        assert events == ["database_behind"]
        board.set(Word.DATABASE_SEQ, 100)
        conditions.tick(board, 1201)
        assert events == ["database_behind", "database_caught_up"]
        board.set(Word.JOURNAL_FULL, 1)
        conditions.tick(board, 1203)
        board.set(Word.JOURNAL_FULL, 0)
        conditions.tick(board, 1205)
        assert events[2:] == ["orders_refused", "orders_taken"]
        low = Conditions(AlertsSection(disk_low_bytes=2**60), tmp_path, conditions._alerts)
        low.tick(board, 1300)
        low.tick(board, 1302)
        assert events[4:] == ["disk_low"]

    asyncio.run(run())


def test_a_database_is_not_behind_what_the_other_node_has_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.Alerts, "tell", lambda _self, event, _message: events.append(event))
    events: list[str] = []
    settings = AlertsSection(disk_low_bytes=0, database_behind_s=60)
    board = Board.private()
    board.set(Word.COMMIT_BY, Word.ACKED_SEQ)
    for word, seq in ((Word.DURABLE_SEQ, 10), (Word.ACKED_SEQ, 5), (Word.DATABASE_SEQ, 5)):
        board.set(word, seq)

    async def run() -> None:
        conditions = Conditions(settings, tmp_path, Alerts(settings, "mine", tmp_path / "alerts.json", print))
        for at_s in (1000, 1100, 1200):
            conditions.tick(board, at_s)

    asyncio.run(run())
    assert events == []


def test_a_running_venue_tells_of_a_death_and_never_waits(config: Path, start: Start, receiver: Receiver) -> None:
    config.write_text(CONFIG + f'[alerts]\nwebhook = "{receiver.url}?token=secret"\ncommand = "sleep 1000"\n')
    venue = start()
    pids = venue.ready()
    os.kill(pids["publisher"], signal.SIGKILL)
    venue.read_until("venue ready again")
    event = receiver.taken.get(timeout=PATIENCE_S)
    while event["event"] != "process_restarted":  # the disk under this test may be low
        event = receiver.taken.get(timeout=PATIENCE_S)
    assert "publisher" in event["message"]
    assert "secret" not in (config.parent / "data" / "run" / "manifest.json").read_text()
    venue.process.send_signal(signal.SIGINT)
    assert venue.process.wait(PATIENCE_S) == 0


@pytest.fixture
def told_of(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The events that are told, and their messages."""
    events: list[tuple[str, str]] = []
    monkeypatch.setattr(module.Alerts, "tell", lambda _self, event, message: events.append((event, message)))
    return events


def conditions_of(data: Path) -> Conditions:
    settings = AlertsSection(disk_low_bytes=0)
    return Conditions(settings, data, Alerts(settings, "mine", data / "alerts.json", print))


def test_a_link_is_lost_after_a_while_and_comes_back(tmp_path: Path, told_of: list[tuple[str, str]]) -> None:
    board = Board.private()
    conditions = conditions_of(tmp_path)
    (tmp_path / "run").mkdir()
    link = tmp_path / "run" / "link.json"
    link.write_text('{"state": "alone", "why": "127.0.0.1:9901: connection reset"}')
    steps = [
        (1000, LinkState.STARTING), (1100, LinkState.STARTING), (1200, LinkState.IN_STEP), (1201, LinkState.ALONE),
        (1202, LinkState.ALONE), (1204, LinkState.IN_STEP), (1206, LinkState.ALONE), (1208, LinkState.ALONE),
    ]  # fmt: skip
    for at_s, state in steps:
        board.set(Word.LINK, state)
        conditions.tick(board, at_s)
    assert told_of == []
    for at_s in (1210, 1300):
        conditions.tick(board, at_s)
    assert told_of == [("link_lost", "there is no link to the other node for 5 s: 127.0.0.1:9901: connection reset")]
    board.set(Word.LINK, LinkState.CATCHING_UP)
    conditions.tick(board, 1500)
    board.set(Word.LINK, LinkState.REFUSED)
    link.write_text('{"state": "ref')  # half of it
    for at_s in (1510, 1520):
        conditions.tick(board, at_s)
    assert [event for event, _ in told_of] == ["link_lost", "link_back", "link_lost"]


def test_a_venue_of_one_node_has_no_link_to_lose(tmp_path: Path, told_of: list[tuple[str, str]]) -> None:
    conditions = conditions_of(tmp_path)
    for at_s in range(1000, 1100):
        conditions.tick(Board.private(), at_s)
    assert told_of == []


def test_a_promotion_and_a_difference_are_told_once_a_run(tmp_path: Path, told_of: list[tuple[str, str]]) -> None:
    board = Board.private()
    conditions = conditions_of(tmp_path)
    board.set(Word.PROMOTED, 1)
    conditions.tick(board, 1000)
    assert told_of == [], "it does not lead yet"
    board.set(Word.EPOCH, 7)
    for at_s in (1010, 1020):
        conditions.tick(board, at_s)
    assert told_of == [("promoted", "this node leads epoch 7 in the place of the other one")]
    board.set(Word.DIFFERS, 1200)
    conditions.end(board)  # it ends the run that it is found in
    assert [event for event, _ in told_of] == ["promoted", "differs"]
    assert "differ at record 1,200" in told_of[-1][1]
    conditions.tick(Board.private(), 1100)
    conditions.end(Board.private())
    assert len(told_of) == 2
