"""The installed unit under a real systemd: installed, started, hurt, stopped and removed as an administrator does it.

That systemd is booted for the test, in namespaces of its own (`boot_systemd.sh`). Where that can't be (no root, no
systemd, no overlayfs, no cgroup2) the test says so and skips; tests/supervisor/test_watchdog.py holds the supervisor
against the same protocol on a socket everywhere.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.pages import ROOT
from tests.passwords import PASSWORD

SYSTEMD = Path("/lib/systemd/systemd")
DEMO = ROOT / "lockstep" / "config" / "demo.toml"
BOOT = Path(__file__).with_name("boot_systemd.sh")
PATIENCE_S = 60
SECRET = "only-in-a-credential"
UNIT = "lockstep@main.service"
SITE = Path(pytest.__file__).parents[1]  # where the project's dependencies are
# The project's own command names this machine's Python, which may be where services see nothing.
LOCKSTEP = """\
#!/bin/sh
export PYTHONPATH=/opt/lockstep:/opt/lockstep/{site} LD_LIBRARY_PATH=/opt/python/lib
exec /opt/python/bin/python{version} -m lockstep "$@"
"""
# What an administrator may change, by which the watchdog and a restart take seconds.
QUICK = "[Service]\nWatchdogSec=2\nTimeoutAbortSec=0.5\nRestartSec=0.1\n"
Found = TypeVar("Found")


class Machine:
    """A booted systemd, and what is done in it."""

    def __init__(self, pid: int) -> None:
        self._enter = ["nsenter", "-t", str(pid), "-m", "-p", "-i", "-u", "-n", "-C"]

    def run(self, *command: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        clean = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"} | (environment or {})
        asked = [*self._enter, "--", *command]
        return subprocess.run(asked, env=clean, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def succeed(self, *command: str, environment: dict[str, str] | None = None) -> str:
        answer = self.run(*command, environment=environment)
        assert answer.returncode == 0, f"{command}: {answer.stdout}{answer.stderr}{self.journal()}"
        return answer.stdout

    def write(self, path: str, text: str, mode: str = "644") -> None:
        self.succeed(
            "sh", "-c", 'umask 077; mkdir -p "${2%/*}"; printf %s "$1" >"$2"; chmod "$3" "$2"', "-", text, path, mode
        )

    def lockstep(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        return self.succeed("/opt/bin/lockstep", *arguments, environment=environment)

    def shows(self, name: str) -> str:
        """A property of the unit."""
        return self.succeed("systemctl", "show", "--value", "-p", name, UNIT).strip()

    def journal(self) -> str:
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", UNIT).stdout


def within(look: Callable[[], Found | None]) -> Found:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)  # only looking again tells
    return found


def cgroup_mount() -> Path | None:
    rows = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return next((Path(row[4]) for row in rows if row[row.index("-") + 1] == "cgroup2"), None)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    mount = cgroup_mount()
    if not SYSTEMD.exists():
        pytest.skip("systemd is not installed (Debian: apt-get install systemd)")
    if os.geteuid() != 0 or mount is None or not SITE.is_relative_to(ROOT):
        pytest.skip("no systemd can be booted here: that needs root, cgroup2, and .venv in the project")
    program = tmp_path / "files" / "opt" / "bin" / "lockstep"
    program.parent.mkdir(parents=True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    program.write_text(LOCKSTEP.format(site=SITE.relative_to(ROOT), version=version))
    program.chmod(0o755)
    cgroup = mount / f"lockstep-test-{os.getpid()}"
    try:
        cgroup.mkdir()
    except OSError as error:
        pytest.skip(f"no systemd can be booted here: {error}")
    booting = subprocess.Popen(
        [BOOT, cgroup, tmp_path, ROOT, sys.base_prefix], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield Machine(booted(booting))
    finally:
        booting.kill()  # and so the systemd, and with it all that is in its namespace
        booting.communicate()
        remove(cgroup)


def booted(booting: subprocess.Popen[str]) -> int:
    """The process of the systemd, once it runs; skips where it ended."""

    def look() -> int | None:
        if booting.poll() is not None:
            assert booting.stdout is not None
            pytest.skip(f"no systemd can be booted here: {booting.stdout.read().strip()}")
        children = Path(f"/proc/{booting.pid}/task/{booting.pid}/children").read_text().split()
        if not children or Path(f"/proc/{children[0]}/comm").read_text() != "systemd\n":
            return None
        state = Machine(int(children[0])).run("systemctl", "is-system-running").stdout.strip()
        return int(children[0]) if state in ("running", "degraded") else None

    return within(look)


def remove(cgroup: Path) -> None:
    def look() -> bool:
        for folder in sorted((path for path in cgroup.rglob("*") if path.is_dir()), reverse=True):
            try:
                folder.rmdir()
            except OSError:
                return False  # its last processes are being reaped
        try:
            cgroup.rmdir()
        except OSError:
            return False
        return True

    within(look)


def configuration() -> str:
    text = DEMO.read_text().replace(f'password = "{PASSWORD}"', 'password = "credential:everybody"')
    for old, new in (
        ('data = "lockstep-data"', 'data = "/var/lib/lockstep/main"'),
        ("segment_bytes = 67108864\n", "segment_bytes = 4194304\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    return text


def test_an_installed_venue_lives_as_a_service(machine: Machine) -> None:
    machine.lockstep("install", "main", "--cpus", "0", "--program", "/opt/bin/lockstep", "--yes")
    machine.write(f"/etc/systemd/system/{UNIT}.d/quick.conf", QUICK)
    machine.write("/etc/lockstep/main.credentials/everybody", f"{SECRET}\n", "600")
    machine.write("/etc/lockstep/main.toml", configuration(), "640")
    machine.succeed("chgrp", "lockstep", "/etc/lockstep/main.toml")
    machine.lockstep("begin", "/etc/lockstep/main.toml")
    machine.succeed("systemctl", "daemon-reload")
    machine.succeed("systemctl", "start", UNIT)  # returns when it is ready
    assert machine.shows("StatusText") == "ready"
    it_runs_confined_with_its_secret(machine)
    a_death_in_the_core_is_no_restart_of_the_unit(machine)
    a_supervisor_that_hangs_is_ended_by_the_watchdog(machine)
    it_stops_in_order_and_what_must_be_mended_is_not_tried_again(machine)
    it_is_removed_and_its_data_stay(machine)


def hosts(machine: Machine) -> dict[str, int]:
    status = json.loads(machine.lockstep("status", "/etc/lockstep/main.toml", "--json"))
    assert status["running"] is True
    return {host["name"]: host["pid"] for host in status["hosts"]}


def it_runs_confined_with_its_secret(machine: Machine) -> None:
    core = str(hosts(machine)["core"])
    told = dict(
        line.split(":\t", 1) for line in machine.succeed("cat", f"/proc/{core}/status").splitlines() if ":\t" in line
    )
    assert told["Cpus_allowed_list"] == "0"
    assert int(told["CapBnd"], 16) == int(told["CapEff"], 16) == 0
    assert (told["NoNewPrivs"], told["Seccomp"]) == ("1", "2")
    assert machine.succeed("stat", "-c", "%U", f"/proc/{core}") == "lockstep\n"
    assert machine.run("grep", "-rlF", SECRET, "/var/lib/lockstep", "/etc/lockstep/main.toml").stdout == ""
    password = {"LOCKSTEP_OPERATOR_PASSWORD": SECRET}
    machine.lockstep(
        "halt", "BTCUSDT", "/etc/lockstep/main.toml", "--operator", "OPERATOR1", "--yes", environment=password
    )


def a_death_in_the_core_is_no_restart_of_the_unit(machine: Machine) -> None:
    main, core = machine.shows("MainPID"), hosts(machine)["core"]
    machine.succeed("kill", "-KILL", str(core))
    within(lambda: "venue ready again" in machine.journal())
    assert hosts(machine)["core"] != core
    assert (machine.shows("MainPID"), machine.shows("NRestarts")) == (main, "0")


def a_supervisor_that_hangs_is_ended_by_the_watchdog(machine: Machine) -> None:
    main = machine.shows("MainPID")
    machine.succeed("kill", "-STOP", main)
    within(lambda: machine.shows("NRestarts") == "1" and machine.shows("ActiveState") == "active")
    assert machine.shows("MainPID") != main
    assert "Watchdog timeout" in machine.journal()
    assert hosts(machine)


def it_stops_in_order_and_what_must_be_mended_is_not_tried_again(machine: Machine) -> None:
    refused = machine.run("/opt/bin/lockstep", "uninstall", "--yes")
    assert (refused.returncode, f"{UNIT} runs: stop it first" in refused.stderr) == (2, True)
    machine.succeed("systemctl", "stop", "lockstep.target")
    within(lambda: machine.shows("ActiveState") == "inactive")
    assert machine.shows("Result") == "success"
    assert re.search(r" stopped$", machine.journal(), re.MULTILINE)
    machine.succeed("rm", "/etc/lockstep/main.credentials/everybody")
    assert machine.run("systemctl", "start", UNIT).returncode != 0
    assert (machine.shows("ExecMainStatus"), machine.shows("ActiveState")) == ("2", "failed")
    assert "accounts[TRADER1].password: is credential:everybody, and there is no such file" in machine.journal()


def it_is_removed_and_its_data_stay(machine: Machine) -> None:
    machine.lockstep("uninstall", "--yes")
    assert machine.shows("LoadState") == "not-found"
    assert "venue.lock" in machine.succeed("ls", "/var/lib/lockstep/main")
    assert machine.succeed("id", "-un", "lockstep") == "lockstep\n"
