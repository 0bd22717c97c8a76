"""A day of the demo venue, made here and left where `make run` leaves its own: what reads it, and what must not."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from lockstep.config.schema import Config
from lockstep.core.journal.journal import JournalReader
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.venue import clock, venue_key
from tests import console
from tests.models.journal import stamp
from tests.pipeline.conftest import SEGMENT_BYTES, RunningVenue
from tests.pipeline.stream import Stream, await_progress, finish
from tests.ports import free_port
from tests.prepared_database import prepare
from tests.simulation.run import run_seed

PROJECT = Path(__file__).parents[2]
SEED = 55  # the one that failed where a demo venue had left a snapshot
ORDERS = 200
HOUR_NS = 3600 * 10**9


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    """The stopped demo venue: it has traded, taken a snapshot, been killed, traded again and been stopped in order."""
    folder = tmp_path_factory.mktemp("day")
    venue = RunningVenue(folder, makes_database=True, api_port=free_port(), metrics_port=0)
    left = folder / Config().venue.data
    left.symlink_to(folder / "data")
    venue.start()
    try:
        stream = Stream(venue.client("TRADER7"))
        stream.start()
        _await_answers(stream, ORDERS)
        assert venue.command("snapshot").returncode == 0
        check_claims(venue)
        assert complaints(venue) == []
        venue.kill_all()
        venue.start()
        _await_answers(stream, 2 * ORDERS)
        finish(stream)
        stream.client.close()
        answer = venue.command("stop")
        assert answer.returncode == 0, answer.stderr
        assert venue.process is not None
        assert venue.process.wait(60) == 0
        venue.process = None
        assert [each for each in complaints(venue) if each["event"] != "journal_torn"] == []  # the kill may leave that
        yield venue
    finally:
        if venue.process is not None:
            venue.stop()
        shutil.rmtree(folder, ignore_errors=True)


def complaints(venue: RunningVenue) -> list[dict[str, Any]]:
    """What `lockstep logs` shows of level warning or worse; any other line than a log entry counts as an error."""
    answer = venue.command("logs", "--json", "--last", "0", "--level", "warning")
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def check_claims(venue: RunningVenue) -> None:
    """What status and health say of a healthy venue is so, by what the operating system, its files and sockets say."""
    found = venue.status()
    assert found["running"]
    assert (found["venue"], found["data"]) == ("lockstep", str(venue.data))
    for host in found["hosts"]:
        words = Path(f"/proc/{host['pid']}/cmdline").read_bytes().split(b"\0")
        assert words[words.index(b"--name") + 1] == host["name"].encode()
        assert host["restarts"] == 0
    assert {stage["state"] for stage in found["agents"]} == {"running"}
    assert all(stage["out_since"] is None for stage in found["agents"])
    journal = JournalReader(venue.data / "journal")
    assert sum(1 for _ in journal) >= found["commit"] > 0
    assert (venue.data / "snapshots" / f"{found['snapshot']['seq']:020}").is_dir()
    (gateway,) = found["gateways"]
    assert (gateway["is_open"], gateway["sessions"], gateway["connections"]) == (True, 1, 1)
    assert not found["orders_refused"]
    port = venue.metrics_port()
    for question in ("live", "ready", "leader"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/{question}", timeout=60) as answer:
            assert answer.read() == b"ok\n"
    for listens in (venue.fix_port, venue.market_port, venue.api_port):
        socket.create_connection(("127.0.0.1", listens or 0), timeout=60).close()


def _await_answers(stream: Stream, count: int) -> None:
    while len(stream.answered) < count:
        await_progress(stream, time.monotonic())


@pytest.mark.soak
def test_healthy_venue_complains_of_nothing_for_long(tmp_path: Path) -> None:
    """A first start that makes its database, a snapshot each second, trade for SOAK_S seconds, and a stop."""
    venue = RunningVenue(tmp_path, makes_database=True, api_port=free_port(), metrics_port=0)
    venue.configure(r"^interval_s = .*$", "interval_s = 1")
    venue.start()
    stream = Stream(venue.client("TRADER7"))
    stream.start()
    deadline = time.monotonic() + float(os.environ.get("SOAK_S", "60"))
    while time.monotonic() < deadline:
        _await_answers(stream, len(stream.answered) + ORDERS)
    assert venue.command("snapshot").returncode == 0
    check_claims(venue)
    finish(stream)
    stream.client.close()
    assert venue.stop() == 0
    assert complaints(venue) == []


def test_verify_finds_it_well(day: RunningVenue) -> None:
    day.verify()


def test_any_moment_of_it_can_be_shown(day: RunningVenue) -> None:
    answer = day.command("at", "--json", str(ORDERS))
    assert answer.returncode == 0, answer.stderr
    assert str(ORDERS) in answer.stdout


def test_what_a_gateway_refused_itself_is_found_in_its_store(day: RunningVenue) -> None:
    answer = day.command("at", "--json", "--client-id", "TRADER7", "bad3", "--config")
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert found["refused_by"] == "gateway.1"
    assert "|11=bad3|" in found["request"]["text"]
    assert "PRICE_OFF_TICK" in found["answer"]["text"]
    assert day.command("at", "--client-id", "TRADER7", "never", "--config").returncode == 2


def test_stored_messages_are_found_by_session_id_type_and_time(day: RunningVenue) -> None:
    def found(*options: str) -> list[dict[str, str]]:
        answer = day.command("fix-log", "--json", "--session", "TRADER7", *options, "--config")
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)  # type: ignore[no-any-return]

    rest = found("--client-id", "rest1")[:2]
    assert [(each["direction"], each["msg_type"]) for each in rest] == [("received", "D"), ("sent", "8")]
    assert [each["kind"] for each in rest] == ["sequenced", "application"]
    assert len(found("--msg-type", "A", "--last", "0")) >= 2
    assert found("--until", "2000-01-01T00:00:00Z") == []
    assert found("--since", "2000-01-01T00:00:00Z", "--last", "3") == found("--last", "3")
    assert not any("demo" in each["text"] for each in found("--msg-type", "A"))


def test_what_holds_can_be_shown(day: RunningVenue) -> None:
    found = json.loads(day.command("show", "--json").stdout)
    (bitcoin,) = (each for each in found["instruments"] if each["symbol"] == "BTCUSDT")
    assert (bitcoin["tick"], bitcoin["lot"], bitcoin["reference_price"]) == ("0.01", "0.0001", "60000.00")
    assert (bitcoin["phase"], bitcoin["collar_bps"], bitcoin["schedule"]) == ("CONTINUOUS", 500, [])
    (trader,) = (each for each in found["accounts"] if each["name"] == "TRADER7")
    assert (trader["max_open_orders"], trader["blocked"], trader["credential_age_days"]) == (100_000, False, 0)
    powers = [each["name"] for each in found["accounts"] if each["operator"]]
    assert powers == ["OPERATOR1", "OPERATOR2", "ADMIN1", "ADMIN2"]


def test_logs_are_shown_in_the_order_of_time(day: RunningVenue) -> None:
    def lines(*options: str) -> list[dict[str, Any]]:
        answer = day.command("logs", "--json", "--last", "0", *options)
        assert answer.returncode == 0, answer.stderr
        return [json.loads(line) for line in answer.stdout.splitlines()]

    everything = lines()
    assert [each["time"] for each in everything] == sorted(each["time"] for each in everything)
    logons = [each for each in lines("--process", "gateway") if each["event"] == "logon"]
    assert {each["fields"]["session"] for each in logons} == {"TRADER7"}
    assert {each["process"] for each in lines("--process", "gateway")} == {"gateway"}
    assert all(each["level"] in ("warning", "error", "critical") for each in lines("--level", "warning"))
    said = [each["event"] for each in lines("--process", "supervisor")]
    assert sum(each.startswith("venue ready after") for each in said) == 2
    assert any(each.startswith("removed what the last run left: ") for each in said)
    assert said[-2:] == ["stopping in order; Ctrl-C again stops at once", "stopped"]


def test_a_changed_configuration_says_what_it_would_change(day: RunningVenue, tmp_path: Path) -> None:
    changed = tmp_path / "changed.toml"
    text = day.config.read_text()
    assert _check(changed, text) == (0, [])
    code, changes = _check(changed, text.replace("maker_fee_ppm = 0 ", "maker_fee_ppm = 77 ", 1))
    assert code == 0
    assert len(changes) == 2
    assert "BTCUSDT" in changes[0]
    assert "77" in changes[0]
    assert changes[1] == "instrument BTCUSDT: maker fee ppm none -> 77"
    code, changes = _check(changed, text.replace('name = "TRADER8"', 'name = "TRADER9"'))
    assert code == 0
    assert any("TRADER9" in change for change in changes)
    assert "account TRADER8 is in the log and not in the file: it stays as it is" in changes


def test_a_configuration_that_could_not_start_is_found_out(day: RunningVenue, tmp_path: Path) -> None:
    changed = tmp_path / "changed.toml"
    code, _ = _check(changed, day.config.read_text().replace('tick = "0.01"', 'tick = "0.02"', 1))
    assert code == 1
    with socket.create_server(("127.0.0.1", day.fix_port)):
        code, _ = _check(changed, day.config.read_text())
    assert code == 1
    assert _check(changed, day.config.read_text())[0] == 0


def _check(file: Path, text: str) -> tuple[int, list[str]]:
    """The exit code of `lockstep check` for a configuration, and what it would change."""
    file.write_text(text)
    answer = console.lockstep("check", "--json", file)
    return answer.returncode, json.loads(answer.stdout)["changes"]


@pytest.fixture
def ahead(day: RunningVenue, tmp_path: Path) -> RunningVenue:
    """A venue whose journal is the day's, an hour later: as a start with a wrong clock leaves it."""
    venue = RunningVenue(tmp_path)
    prepare(venue.data)
    shutil.copy(day.data / venue_key.FILE, venue.data)
    later = [structs.replace(found, time_ns=found.time_ns + HOUR_NS) for found in map(unpack_command, day_of(day))]
    with JournalWriter(venue.data / "journal", "none", SEGMENT_BYTES) as writer:
        writer.append([stamp(pack(each)) for each in later])
    return venue


def day_of(venue: RunningVenue) -> JournalReader:
    return JournalReader(venue.data / "journal")


def test_start_before_the_journals_end_is_refused_or_catches_up(ahead: RunningVenue) -> None:
    before = {path: path.read_bytes() for path in (ahead.data / "journal").iterdir() if path.is_file()}
    with pytest.raises(AssertionError, match=r"the venue can't start: this machine's clock says .*, \d+ min"):
        ahead.start()
    assert ahead.process is not None
    assert ahead.process.wait(60) == 2
    assert before == {path: path.read_bytes() for path in before}
    for command in ("check", "doctor"):
        answer = ahead.command(command)
        assert answer.returncode == 1
        assert "a start would be refused" in answer.stdout
    ahead.options = ("--accept-clock",)
    ahead.start()
    client = ahead.client("TRADER1")
    client.connect()
    client.order("later", "buy", "100.00", "0.01")
    client.await_report("later", "0")
    client.close()
    assert 3500 < ahead.status()["clock_offset_s"] < 3600  # log time has run at half speed since
    assert "clock: log time is 59 min" in ahead.command("status").stdout
    assert ahead.command("doctor").returncode == 0
    assert ahead.stop() == 0
    assert clock.check(ahead.data, time.time_ns()) == ""  # the next start is not asked again
    ahead.verify()


def test_a_simulation_that_runs_beside_it_does_not_see_it(day: RunningVenue) -> None:
    assert any((day.folder / Config().venue.data / "snapshots").iterdir())
    told = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seed", str(SEED)], cwd=day.folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT)}, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert f"digest {run_seed(SEED).digest};" in told
