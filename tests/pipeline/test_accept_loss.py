"""A journal that has lost its end, and no copy: the venue goes on, and what knew more is set aside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockstep import config
from lockstep.core.cluster import loss, set_aside
from lockstep.core.files import atomic_file
from lockstep.core.journal.journal import segment_path, verify
from lockstep.core.journal.select import select
from lockstep.core.recovery import retained_definitions
from lockstep.core.venue import voided_commands
from lockstep.core.venue.voided_commands import Position, Voids
from lockstep.procs.batcher.database import Embedded
from tests.passwords import PASSWORD
from tests.pipeline.conftest import FEW, RunningVenue
from tests.pipeline.test_refusals import batches, flip, offset_of_order, refused

NOWHERE = (Position(1, 1, 2**40),)  # a request that was never sent: those stay voided
KEPT = (
    "journal",
    "spool",
    "gateway.1",
    "snapshots",
    "void.json",
    "definitions",
)  # what shows a loss, beside the database


def trade(venue: RunningVenue, name: str, *, rests: bool = False) -> None:
    """TRADER2 buys of TRADER1, whose order may rest already; both begin at 1."""
    maker, taker = venue.client("TRADER1"), venue.client("TRADER2")
    for client in (maker, taker):
        client.connect(reset=True)
    if not rests:
        maker.order(f"m{name}", "sell", "100.00", "0.5")
        maker.await_report(f"m{name}", "0")
    taker.order(f"t{name}", "buy", "100.50", "0.5")
    taker.await_report(f"t{name}", "F")
    maker.await_report(f"m{name}", "F")
    maker.close()
    taker.close()


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[RunningVenue]:
    running = RunningVenue(tmp_path, hosts=FEW)
    running.start()
    yield running
    if running.process is not None:
        running.stop()


@pytest.fixture
def lossy(venue: RunningVenue, monkeypatch: pytest.MonkeyPatch) -> RunningVenue:
    """A stopped venue whose journal alone has lost its last trade, and all after it."""
    trade(venue, "1")
    assert venue.command("snapshot").returncode == 0
    trade(venue, "2")
    busy = venue.command("repair-journal", "--accept-loss", "--yes")
    assert busy.returncode == 2
    assert "the venue runs: stop it first" in busy.stderr
    monkeypatch.setenv("LOCKSTEP_OPERATOR_PASSWORD", PASSWORD)
    assert venue.command("limits", "BTCUSDT", "--max-quantity", "50", "--operator", "OPERATOR1").returncode == 0
    assert venue.command("snapshot").returncode == 0
    assert venue.stop() == 0
    file = segment_path(venue.folder / "data" / "journal", 1)
    last = verify(file.parent).last_seq
    retained_definitions.keep(venue.folder / "data", last)
    flip(file, batches(file)[-1] + 150)
    line = refused(venue)
    for words in (str(file), f"at offset {batches(file)[-1]}", "repair-journal --accept-loss"):
        assert words in line, line
    whole = file.read_bytes()
    order = offset_of_order(file.parent, b"t2")
    file.write_bytes(whole[:order] + b"torn".ljust(len(whole) - order, b"\0"))
    # An operator voids a record that is lost now: its place in the log will be another command's.
    voided = dict.fromkeys(range(verify(file.parent, marked=False).last_seq + 1, last + 1), 0)
    voided_commands.save(venue.folder / "data", Voids(voided, NOWHERE))
    return venue


def test_a_loss_is_told_and_accepted(lossy: RunningVenue, tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    _put(data, copy)
    unasked = lossy.command("repair-journal", "--accept-loss")
    assert unasked.returncode == 1, unasked.stdout + unasked.stderr
    for words in ("the last orderly stop knows more", "snapshot", ": TRADER2 buys from TRADER1 0.5000 at 100.00",
                  "11=t2", "the database knows more: it has everything up to", "not confirmed"):  # fmt: skip
        assert words in unasked.stdout, unasked.stdout
    assert not (data / "set-aside").exists()

    _kill_everywhere(lossy, data, copy)

    _put(copy, data)
    accepted = lossy.command("repair-journal", "--accept-loss", "--yes", "--json")
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    aside = Path(json.loads(accepted.stdout)["set_aside"])
    assert {"stopped", "spool", "gateway.1", "void.json", "definitions"} <= {path.name for path in aside.iterdir()}
    end = verify(data / "journal", marked=False).last_seq
    assert voided_commands.load(data) == Voids({}, NOWHERE)
    assert min(voided_commands.load(aside).commands) == end + 1
    seq, records = retained_definitions.kept(data)
    defined = select(data / "journal", 1, end, retained_definitions.TYPES)
    assert (seq, records) == (end, retained_definitions.waiting(defined))
    assert len(retained_definitions.kept(aside)[1]) == len(records) + 1
    lossy.start()
    trade(lossy, "2", rests=True)  # what was lost, once more: it is unknown
    assert lossy.stop() == 0
    lossy.verify()
    assert list(data.glob("journal/torn-*.bin"))


def _put(source: Path, target: Path) -> None:
    """Have `target` hold what `source` does, of what a loss is told by."""
    target.mkdir(exist_ok=True)
    for name in KEPT:
        shutil.rmtree(target / name, ignore_errors=True)
        if (source / name).exists():
            subprocess.run(["cp", "-a", "--sparse=always", source / name, target / name], check=True)


def _kill_everywhere(venue: RunningVenue, data: Path, copy: Path) -> None:
    """Whatever has been done when it is killed, another run does the rest."""
    loaded = config.load(venue.config)
    server = Embedded(data)
    server.start()
    try:
        at, died, all_of_it = 0, True, loss.examine(loaded, data)
        while died:
            at += 1
            _put(copy, data)
            child = os.fork()
            if not child:
                _accept_until(loaded, data, all_of_it, at)
            died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
            lost = loss.examine(loaded, data)
            if lost.known:
                assert accept(loaded, data, lost) == []
                assert loss.examine(loaded, data).known == []
        assert at > 8
    finally:
        server.stop()


def accept(loaded: config.Config, data: Path, lost: loss.Loss) -> list[str]:
    return set_aside.accept(loaded, data, lost, set_aside.folder_for(data), lambda _: None, lambda *_: None)


def _accept_until(loaded: config.Config, data: Path, lost: loss.Loss, at: int) -> None:
    """Accept the loss, and end with 9 when something is to be brought to the disk for the so-manieth time."""
    left = at
    sync = atomic_file.sync

    def count(path: Path) -> None:
        nonlocal left
        left -= 1
        if not left:
            os._exit(9)
        sync(path)

    atomic_file.sync = count
    try:
        accept(loaded, data, lost)
    finally:
        os._exit(0 if left > 0 else 1)
