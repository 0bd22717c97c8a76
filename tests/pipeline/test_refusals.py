"""A real venue that must not start says so at once: what is damaged, where, who knows, and what mends it."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lockstep import config
from lockstep.core.journal.convert import with_schema
from lockstep.core.journal.journal import JournalReader, segment_path
from lockstep.core.schema.layout import SCHEMA_HASH, unpack_command
from lockstep.core.schema.records import NewOrder
from lockstep.core.venue.topology import Host
from lockstep.core.venue.venue import Manifest, Venue
from lockstep.procs.batcher import database
from lockstep.procs.supervisor.run import Run
from lockstep.procs.supervisor.supervisor import EXIT_MUST_NOT, Supervisor, command_of
from tests.pipeline.conftest import FEW, RunningVenue

PAGE = 4096
WITNESSES = ("batcher", "gateway.1")  # by their places on the board
_names = itertools.count(1)


class Said:
    """What a supervisor says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def ready(self, _run: Run, _took_s: float) -> None:
        self.lines.append("venue ready")


def refused(venue: RunningVenue, *hosts: str) -> str:
    """Start a venue that must not start; what it says, on its one line, before it ends for good.

    Its supervisor runs in this process. Where `hosts` are given, the others are not started: they have no say in it.
    """
    loaded, said = config.load(venue.config), Said()

    def command(manifest: Path, host: Host) -> Sequence[str]:
        if not hosts or host.name in hosts:
            return command_of(manifest, host)
        for place, agent in enumerate(WITNESSES):
            if agent in host.agents:  # of what was released: its files know of nothing
                Venue.attach(Manifest.load(manifest)).board.show_known(place, 0, ())
        return ("sleep", "100")

    code = asyncio.run(Supervisor(loaded, said, database.server(loaded, venue.data).stop, command).run())
    return its_reason(code, said.lines)


def refused_to_a_user(venue: RunningVenue) -> str:
    """The same by `lockstep run`."""
    command = [sys.executable, "-m", "lockstep", "run", str(venue.config)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in answer.stdout + answer.stderr
    return its_reason(answer.returncode, answer.stdout.splitlines())


def its_reason(code: int, said: list[str]) -> str:
    """The one line that says why; it was not tried again."""
    assert code == EXIT_MUST_NOT, said
    assert not any("starts again" in line for line in said), said
    (line,) = [line for line in said if "can't start" in line]
    return line


def batches(file: Path) -> list[int]:
    """Where the batches of a segment begin."""
    data = file.read_bytes()
    return [at for at in range(PAGE, len(data), PAGE) if data[at : at + 8] == data[PAGE : PAGE + 8]]


def flip(file: Path, offset: int) -> None:
    with file.open("r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)[0]
        stream.seek(offset)
        stream.write(bytes([byte ^ 4]))


def offset_of_order(journal: Path, name: bytes) -> int:
    """Where the batch begins that has the order of this client id."""
    reader = JournalReader(journal, 1)
    for record in reader:
        command = unpack_command(record)
        if isinstance(command, NewOrder) and command.cl_ord_id == name:
            return max(at for at in batches(segment_path(journal, 1)) if at < reader.offset)
    raise AssertionError(f"no order {name!r}")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    """One venue for all tests, each of which leaves it running, with nothing wrong."""
    venue = RunningVenue(tmp_path_factory.mktemp("venue"), hosts=FEW)
    venue.start()
    yield venue
    if venue.process is not None:
        venue.stop()


@pytest.fixture
def name() -> str:
    """The names of a test's orders after their first letter."""
    return str(next(_names))


@pytest.fixture
def stopped(whole: RunningVenue, name: str, tmp_path: Path) -> RunningVenue:
    """It has traded, and was stopped in order; a copy of its data is at hand."""
    maker, taker = whole.client("TRADER1"), whole.client("TRADER2")
    maker.connect(reset=True)
    taker.connect(reset=True)
    maker.order(f"m{name}", "sell", "100.00", "0.5")
    maker.await_report(f"m{name}", "0")
    taker.order(f"t{name}", "buy", "100.50", "0.5")
    taker.await_report(f"t{name}", "F")
    maker.await_report(f"m{name}", "F")
    maker.close()
    taker.close()
    assert whole.stop() == 0
    shutil.copytree(whole.folder / "data", tmp_path / "copy")
    return whole


def test_damage_in_the_last_batch_is_refused_by_whoever_knows_of_it(
    stopped: RunningVenue, name: str, tmp_path: Path
) -> None:
    data = stopped.folder / "data"
    file = segment_path(data / "journal", 1)
    whole = file.read_bytes()
    last = batches(file)[-1]
    order = offset_of_order(data / "journal", f"t{name}".encode())

    # The last batch, and the mark of the orderly stop.
    flip(file, last + 150)
    line = refused(stopped)
    for words in (str(file), f"at offset {last}", "last orderly stop knows record", "repair-journal --from COPY"):
        assert words in line, line

    # The same, and the database knows, or the spool: either may say so first.
    (data / "journal" / "stopped").unlink()
    line = refused(stopped)
    for words in (str(file), f"at offset {last}", "repair-journal --accept-loss"):
        assert words in line, line

    # The same, and the spool alone knows.
    shutil.move(data / "postgres", tmp_path / "postgres")
    line = refused(stopped)
    for words in (str(file), f"at offset {last}", "the spool has what came of record", "repair-journal"):
        assert words in line, line

    # The trade itself and all behind it, and the gateway's store alone knows.
    shutil.move(data / "spool", tmp_path / "spool")
    file.write_bytes(whole[:order] + bytes(len(whole) - order))
    line = refused(stopped)
    for words in (str(file), f"at offset {order}", "gateway.1 has reported event"):
        assert words in line, line
    assert file.read_bytes() == whole[:order] + bytes(len(whole) - order)

    # The copy has what is missing.
    shutil.move(tmp_path / "spool", data / "spool")
    shutil.rmtree(data / "postgres", ignore_errors=True)  # a start that is refused soon makes none
    shutil.move(tmp_path / "postgres", data / "postgres")
    answer = stopped.command("repair-journal", "--from", str(tmp_path / "copy"), "--yes")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    stopped.start()
    stopped.verify()


def await_line(venue: RunningVenue, words: str) -> None:
    deadline = time.monotonic() + 60
    while words not in venue.log.read_text():
        assert time.monotonic() < deadline, venue.log.read_text()
        time.sleep(0.05)  # its only word is its output


def test_what_else_no_retry_mends_is_refused_at_once(stopped: RunningVenue) -> None:
    with socket.create_server(("127.0.0.1", stopped.fix_port)):
        assert f"fix.port {stopped.fix_port}: address already in use" in refused_to_a_user(stopped)
    text = stopped.config.read_text()
    outside = text.replace('address = "127.0.0.1"', 'address = "192.0.2.1"', 1)
    stopped.config.write_text(outside.replace("demo_keys = true", "demo_keys = false"))
    assert "fix.address 192.0.2.1" in refused(stopped, "core", "gateway")
    stopped.config.write_text(text)
    stopped.configure(r"^matcher = 2.*$", "matcher = 1")
    assert "matcher 2" in refused(stopped, "core")
    stopped.config.write_text(text)
    stopped.configure(r'^lot = "0.0001"  .*$', 'lot = "0.001"')
    assert "instrument BTCUSDT" in refused(stopped, "core")
    stopped.config.write_text(text)
    store = next((stopped.folder / "data" / "gateway.1").glob("*.fix"))
    flip(store, 3)
    assert str(store) in refused(stopped, "gateway")
    flip(store, 3)
    segment = segment_path(stopped.folder / "data" / "journal", 1)
    earlier = with_schema(segment.read_bytes(), SCHEMA_HASH ^ 1)
    segment.write_bytes(earlier)
    line = refused(stopped, "core")
    for words in (str(segment), "written with another schema of records", "lockstep convert-journal"):
        assert words in line, line
    assert segment.read_bytes() == earlier
    segment.write_bytes(with_schema(earlier, SCHEMA_HASH))
    voids = stopped.folder / "data" / "void.json"
    voids.write_text("{")
    assert f"{voids} is damaged" in refused(stopped, "core")
    voids.unlink()
    with socket.create_server(("127.0.0.1", stopped.market_port)):
        stopped.start()  # orders need no market data
        await_line(stopped, f"market_data.port {stopped.market_port}: address already in use")
        client = stopped.client("TRADER3")
        client.connect(reset=True)
        client.order("open", "buy", "1.00", "0.5")
        client.await_report("open", "0")
        client.close()
    await_line(stopped, "market data takes connections")
    assert not stopped.restarted_whole
