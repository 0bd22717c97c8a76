"""Users who may act do so as the venue's owner; others get one line that says why not. There is no traceback."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockstep.__main__ import COMMANDS
from tests.forked import AsUser
from tests.pipeline.conftest import RunningVenue
from tests.prepared_database import prepare

ROOT = Path(__file__).parents[2]
OWNER, STRANGER = "nobody", "daemon"
BY = ("--operator", "OPERATOR1", "--yes")
# Commands as they are given of a venue that runs, and of one that does not; the file comes behind.
RUNNING = [
    ("status",), ("snapshot",), ("at", "1"), ("verify",), ("doctor",), ("adjust", "list"), ("db", "url"), ("sessions",),
    ("halt", "BTCUSDT", *BY), ("deposit", "TRADER1", "BTC", "1", *BY), ("load-refused",), ("restart", "batcher"),
]  # fmt: skip
STOPPED = [
    ("status",), ("at", "1"), ("verify",), ("doctor",), ("rebuild-db", "--yes"), ("void", "1", "--yes"), ("run",),
    ("repair-journal", "--from", "/tmp", "--yes"), ("halt", "BTCUSDT", *BY),
]  # fmt: skip


def python() -> str | None:
    """An interpreter of this version that any user can run."""
    for path in (sys.executable, shutil.which(f"python3.{sys.version_info.minor}", path="/usr/local/bin:/usr/bin")):
        if path is not None:
            with contextlib.suppress(PermissionError):
                if not subprocess.run([path, "-c", ""], user=OWNER, check=False, capture_output=True).returncode:
                    return path
    return None


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), *site.getsitepackages()])
    return {"PATH": os.environ["PATH"], "PYTHONPATH": path, "LOCKSTEP_OPERATOR_PASSWORD": "demo", "TMPDIR": "/tmp"}


class Owned(RunningVenue):
    """A venue whose folder is `nobody`'s, with commands given by any user."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        shutil.chown(folder, OWNER, pwd.getpwnam(OWNER).pw_gid)
        folder.chmod(0o755)
        self.python = str(python())
        self._commands = AsUser(self.python, cwd=ROOT, env=environment())

    def given(self, user: str, command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return self._commands.give(user, *command, self.config)

    def close(self) -> None:
        if self.process is not None:
            self.stop()
        self._commands.close()

    def strange(self) -> dict[str, str]:
        """What of its data folder does not belong to its owner."""
        made = [self.folder / "data", *(self.folder / "data").rglob("*")]
        return {str(each): each.owner() for each in made if each.exists() and each.owner() != OWNER}


@pytest.fixture(scope="module")
def venue() -> Iterator[Owned]:
    """In its own folder: pytest's are closed to others."""
    if os.geteuid() != 0:
        pytest.skip("only root can give commands as somebody else")
    if python() is None:
        pytest.skip(f"no Python here that {OWNER} could run")
    with tempfile.TemporaryDirectory(prefix="lockstep-test-") as folder:
        running = Owned(Path(folder))
        running.spawning = {"cwd": ROOT, "env": environment(), "user": OWNER, "group": pwd.getpwnam(OWNER).pw_gid}
        prepare(running.data)
        subprocess.run(["chown", "-R", f"{OWNER}:", running.data], check=True)
        running.start()
        yield running
        running.close()


def is_a_line(told: subprocess.CompletedProcess[str], *words: str) -> None:
    """It was refused with exit code 2, and one line that has these words."""
    assert told.returncode == 2, told
    assert told.stderr.count("\n") == 1, told.stderr
    assert all(word in told.stderr for word in words), told.stderr


def test_root_acts_as_the_owner_and_leaves_nothing_of_its_own(venue: Owned) -> None:
    for command in RUNNING:
        told = venue.given("root", command)
        assert (told.returncode, "Traceback" in told.stderr) == (0, False), f"{command}: {told.stdout}{told.stderr}"
    assert venue.strange() == {}
    told = venue.given(OWNER, ("resume", "BTCUSDT", *BY))
    assert told.returncode == 0, told


def test_a_stranger_is_told_so(venue: Owned) -> None:
    for command in RUNNING:
        is_a_line(venue.given(STRANGER, command), "belongs to nobody", "as nobody")


@pytest.mark.parametrize("name", ["run/directory", "run/locks/operator", "run/manifest.json"])
def test_a_file_that_is_root_s_is_named(venue: Owned, name: str) -> None:
    file = venue.folder / "data" / name
    os.chown(file, 0, 0)
    file.chmod(0o600)
    try:
        is_a_line(venue.given(OWNER, ("halt", "BTCUSDT", *BY)), name, "root")
    finally:
        shutil.chown(file, OWNER, pwd.getpwnam(OWNER).pw_gid)


def test_what_is_stopped_is_the_owner_s_too(venue: Owned) -> None:
    assert venue.stop() == 0
    for command in STOPPED:
        is_a_line(venue.given(STRANGER, command), "belongs to nobody")
    for command in STOPPED:
        if command[0] != "run":
            told = venue.given("root", command)
            assert "Traceback" not in told.stderr, told
    assert venue.strange() == {}
    journal = venue.folder / "data" / "journal"
    for file in (*journal.glob("*.journal"), venue.folder / "data" / "venue.lock"):
        os.chown(file, 0, 0)
        file.chmod(0o600)
    for command in STOPPED:
        told = venue.given(OWNER, command)
        assert "Traceback" not in told.stdout + told.stderr, (command, told)
        assert told.returncode in ((0, 1) if command[0] in ("status", "doctor", "halt") else (1, 2)), (command, told)
    shutil.chown(venue.folder / "data" / "venue.lock", OWNER)
    for file in journal.glob("*.journal"):
        shutil.chown(file, OWNER)
    venue.spawning = {"cwd": ROOT, "env": environment()}  # as root
    venue.start()
    assert venue.process is not None
    assert all(Path(f"/proc/{pid}").owner() == OWNER for pid in (venue.process.pid, *venue.pids().values()))
    assert venue.strange() == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
@pytest.mark.parametrize("command", [each for each in STOPPED if each[0] in COMMANDS])
def test_a_closed_folder_is_told(tmp_path: Path, command: tuple[str, ...]) -> None:
    made: Any = RunningVenue(tmp_path)
    (tmp_path / "data").mkdir(mode=0)
    told = subprocess.run(
        [sys.executable, "-m", "lockstep", *command, str(made.config)], capture_output=True, text=True,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    (tmp_path / "data").chmod(0o700)
    is_a_line(told, str(tmp_path / "data"))
