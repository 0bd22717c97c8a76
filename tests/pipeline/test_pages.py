"""README, docs/operations.md and docs/examples/ as a reader follows them: all of it runs against a real venue.

What a page leaves to its reader (FILE, a sequence, a time, a copy of the journal) comes from here, and so does what a
section begins with, such as a damaged journal.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from lockstep import Binance, config, run
from lockstep.config.schema import Config
from lockstep.core.journal.journal import segment_path
from lockstep.procs.batcher.database import _installation
from tests.pages import ROOT, Block, blocks
from tests.passwords import PASSWORD
from tests.pipeline.conftest import SEGMENT_BYTES, RunningVenue
from tests.pipeline.test_refusals import batches, flip, refused
from tests.ports import free_port

OPERATIONS = ROOT / "docs" / "operations.md"
EXAMPLES = ROOT / "docs" / "examples"
PATIENCE_S = 120
# Commands of another program's machine or of a service manager are not run; what they name must be there.
# There is damage, a loss; a healthy command can't be taken out; a journal of this build needs no converting.
REFUSED = ("--dry-run", "lockstep void", "lockstep convert-journal")
ELSEWHERE = ("make", "systemctl", "sudo", "cp", "rsync", "mv")
OF_TWO_NODES = ("lockstep upgrade", "lockstep stop --leave", "lockstep join")  # tests of two nodes give them


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    running = RunningVenue(
        tmp_path_factory.mktemp("pages"), metrics_port=free_port(), api_port=free_port(), makes_database=True
    )
    running.start()
    trade(running)
    yield running
    if running.process is not None:
        running.stop()


def trade(venue: RunningVenue, cl_ord_id: str = "first-order") -> None:
    """The first example's order, and one that takes it."""
    code = (
        (EXAMPLES / "first_order.py").read_text().replace("9878", str(venue.fix_port)).replace("first-order", cl_ord_id)
    )
    assert "39=0" in python(code)
    sold = python(code.replace("TRADER1", "TRADER2").replace("54=1", "54=2"))
    assert "39=0" in sold or "39=2" in sold


def shell(command: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What a shell says to a command, with `lockstep` and PostgreSQL's programs on its path."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    lockstep = programs / "lockstep"
    lockstep.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m lockstep "$@"\n')
    lockstep.chmod(0o700)
    path = f"{programs}:{_installation()[0]}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=os.environ | environment | {"PATH": path}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


Found = TypeVar("Found")


def within(look: Callable[[], Found | None]) -> Found:
    """What `look` finds, once it does: the database starts beside the venue, and a table is printed after a line."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := look()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)  # only looking again tells
    return found


def python(code: str) -> str:
    """What a program prints."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    ).stdout


def program(name: str, *arguments: str) -> str:
    """What an example prints."""
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout


def of(page: Path, kind: str) -> list[Block]:
    return [block for block in blocks(page) if block.kind == kind]


def test_the_readme_shows_what_a_start_prints(venue: RunningVenue) -> None:
    shown = next(block for block in of(ROOT / "README.md", "text") if "venue ready after" in block.text)
    ports = (str(venue.fix_port), str(venue.market_port))
    said = within(lambda: venue.log.read_text() if "durability" in venue.log.read_text() else None)
    for line in shown.lines:
        for word in re.split(r"[\s:]+", line):
            if not re.search(r"^[\d.]+$|…|toml", word):  # times, and paths of the demo
                assert word in said, line
    assert all(port in said for port in ports)


def test_the_order_client_enters_changes_and_cancels(venue: RunningVenue) -> None:
    reports = program("fix_orders.py", str(venue.fix_port), "TRADER3").splitlines()
    assert [re.findall(r"(?:OrdStatus|Price)=(\S+)", line) for line in reports] == [
        ["0", "50000"], ["0", "50001"], ["4", "50001"],
    ]  # fmt: skip
    assert len({re.findall(r"OrderID=(\d+)", line)[0] for line in reports}) == 1


def test_the_rest_client_prints_what_the_stream_tells(venue: RunningVenue) -> None:
    assert program("rest_orders.py", str(venue.api_port), "TRADER4").splitlines() == [
        "NEW accepted", "CANCELED cancelled", "-2011 Unknown order sent.",
    ]  # fmt: skip


def test_the_reader_of_trades_prints_past_and_new_ones(venue: RunningVenue) -> None:
    past = run(Binance(f"http://127.0.0.1:{venue.api_port}").trades("BTCUSDT"))
    command = [sys.executable, str(EXAMPLES / "trades.py"), str(venue.api_port)]
    reading = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert reading.stdout is not None
        told = [next(reading.stdout) for _ in past]
        assert told == [f"{each.id} {each.qty} at {each.price}\n" for each in past]
        assert past
        trade(venue, "new-trade")
        assert next(reading.stdout).partition(" ")[2] == "0.50000000 at 59999.50000000\n"
    finally:
        reading.kill()
        reading.communicate()


def test_the_market_data_reader_prints_trades_and_the_best_prices(venue: RunningVenue) -> None:
    command = [sys.executable, str(EXAMPLES / "market_data.py"), str(venue.market_port)]
    reading = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert reading.stdout is not None
        assert re.fullmatch(r"BTCUSDT bid [\d.]+ at [\d.]+, ask [\d.]+ at [\d.]+\n", reading.stdout.readline())
        trade(venue, "read-order")
        told = next(line for line in reading.stdout if "trade" in line)
        assert told == "BTCUSDT trade 0.50000000 at 59999.50000000\n"
    finally:
        reading.kill()
        reading.communicate()


def test_the_example_edge_prints_what_was_traded_and_what_is_traded_while_it_runs(venue: RunningVenue) -> None:
    command = [sys.executable, str(EXAMPLES / "volume_edge.py"), str(venue.folder / "data")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    edge = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=venue.folder, env=environment)
    try:
        assert edge.stdout is not None
        symbol, before = edge.stdout.readline().split()
        trade(venue, "second-order")
        assert edge.stdout.readline().split() == [symbol, str(Decimal(before) + Decimal("0.5"))]
    finally:
        edge.kill()
        edge.communicate()


def test_the_readme_queries_the_database(venue: RunningVenue, tmp_path: Path) -> None:
    (query,) = (line for block in of(ROOT / "README.md", "command") for line in block.commands if "psql" in line)
    query = query.replace(".venv/bin/lockstep db url", f"lockstep db url {venue.config}")
    answer = within(lambda: found if (found := shell(query, tmp_path, {})).returncode == 0 else None)
    assert "taker_order_id" in answer.stdout


def test_operations_first_blocks_make_a_configuration(tmp_path: Path) -> None:
    first, second = of(OPERATIONS, "command")[:2]
    assert first.commands[0].startswith("lockstep init")
    ports = " ".join(f"--{name}-port {free_port()}" for name in ("api", "fix", "market", "metrics"))
    begun = first.commands[0].replace("lockstep init", f"lockstep init {ports}")
    script = "\n".join(["set -e", begun, *first.commands[1:], *second.commands])
    answer = shell(script, tmp_path, {})
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "it is empty: the first start brings the configuration into it" in " ".join(answer.stdout.split())
    assert config.load(tmp_path / "venue.toml").accounts


def test_what_operations_shows_of_a_file_is_a_configuration() -> None:
    shown = [block for block in of(OPERATIONS, "text") if block.lines[0].startswith("[")]
    assert shown
    for block in shown:
        msgspec.convert(tomllib.loads(block.text), Config)


def test_no_other_page_has_commands_that_nobody_runs() -> None:
    for page in sorted((ROOT / "docs").rglob("*.md")):
        if page != OPERATIONS:
            for block in of(page, "command"):
                assert all(line.startswith("make ") for line in block.commands), f"{page}:{block.line_number}"


def test_every_command_of_operations_does_what_it_says(venue: RunningVenue, tmp_path: Path) -> None:
    walk = Walk(venue, tmp_path)
    for block in of(OPERATIONS, "command")[2:]:
        walk.follow(block)
    assert walk.followed >= 12


class Walk:
    """Follows the page: prepares what a section begins with, and runs its commands."""

    def __init__(self, venue: RunningVenue, folder: Path) -> None:
        self._venue = venue
        self._folder = folder
        self._copy = folder / "backup"
        self._environment = {"LOCKSTEP_CONFIG": str(venue.config)}
        self._heading = ""
        self.followed = 0

    def follow(self, block: Block) -> None:
        if block.heading != self._heading:
            self._heading = block.heading
            self._prepare(block.heading)
        for command in block.commands:
            if command.split()[0] in ELSEWHERE or command.startswith(OF_TWO_NODES):
                continue
            if command.startswith("lockstep repair-journal") and "--dry-run" not in command:
                command += " --yes"  # there is no terminal here to ask on
            if command.startswith("export "):
                self._environment["LOCKSTEP_OPERATOR_PASSWORD"] = PASSWORD
                continue
            answer = self._answer(self._meant(command))
            wanted = 1 if any(word in command for word in REFUSED) else 0
            assert answer.returncode == wanted, f"{OPERATIONS.name}: {command}\n{answer.stdout}{answer.stderr}"
            self.followed += 1

    def _answer(self, command: str) -> subprocess.CompletedProcess[str]:
        """A process of its own has it: which configuration is meant by none, a command knows once it is loaded."""
        return shell(command, self._folder, self._environment)

    def _meant(self, command: str) -> str:
        """The command with what the page leaves to its reader."""
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}Z"
        for shown, meant in (
            ("FILE", str(self._venue.config)), ("/backup", str(self._copy)), ("4711", "20"), ("4650", self._order()),
            ("2026-01-31T12:00:00.5Z", now), ("my-order-7", "first-order"), (" N ", " 20 "),
            ("DATA", str(self._venue.folder / "data")), ("/srv", str(self._folder / "srv")),
        ):  # fmt: skip
            command = command.replace(shown, meant)
        return command

    def _order(self) -> str:
        """The id of an order that there was."""
        answer = self._venue.command("fix-log", "--session", "TRADER1", "--msg-type", "8", "--last", "1", "--json")
        found = re.search(r"\|37=(\d+)\|", answer.stdout)
        assert found, answer.stdout
        return found[1]

    def _prepare(self, heading: str) -> None:
        """Have what a section begins with."""
        journal = self._venue.folder / "data" / "journal"
        file = segment_path(journal, 1)
        if heading == "A damaged journal":
            assert self._venue.stop() == 0
            shutil.copytree(journal, self._copy / "journal")
            flip(file, batches(file)[1] + 150)
            refused(self._venue)
        elif heading == "Accepting a loss":
            last = batches(file)[-1]
            os.truncate(file, last)
            os.truncate(file, last + SEGMENT_BYTES)
            refused(self._venue)
        elif heading == "A command that nothing survives":
            self._venue.start()
            self._venue.verify()
            assert self._venue.stop() == 0
