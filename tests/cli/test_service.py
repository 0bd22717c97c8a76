"""`lockstep install` and `uninstall`, in the tree of another host; what systemd's own tools say of the units.

tests/pipeline/test_systemd.py runs the units. Where systemd-analyze is not installed, two tests here say so and skip.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lockstep.cli.errors import UsageError
from lockstep.cli.service import command, plan
from tests.console import lockstep

UNITS = "etc/systemd/system"
ANALYZE = shutil.which("systemd-analyze")
needs_analyze = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
PLAIN = {"SYSTEMD_LOG_LEVEL": "warning", "LC_ALL": "C"}


def tree(root: Path) -> dict[str, tuple[int, str]]:
    """Each file, link and folder below `root`: its mode and what it holds."""
    found = {}
    for path in sorted(root.rglob("*")):
        held = str(path.readlink()) if path.is_symlink() else path.read_text() if path.is_file() else ""
        found[str(path.relative_to(root))] = (path.lstat().st_mode & 0o777, held)
    return found


def installed(root: Path, *names: str) -> None:
    answer = lockstep("install", *names, "--root", root, "--program", "/bin/true", "--yes")
    assert (answer.returncode, answer.stderr) == (0, "")


def test_it_writes_what_the_dry_run_prints_and_nothing_else(tmp_path: Path) -> None:
    arguments = ("install", "main", "node-b", "--cpus", "0-1", "--root", tmp_path, "--program", "/srv/bin/lockstep")
    printed = lockstep(*arguments, "--dry-run")
    assert (printed.returncode, tree(tmp_path)) == (0, {})
    planned = json.loads(lockstep(*arguments, "--dry-run", "--json").stdout)
    assert planned["commands"] == []  # this host's systemd has no part in it
    assert lockstep(*arguments, "--yes").returncode == 0
    there = tree(tmp_path)
    for item in planned["items"]:
        mode, held = there.pop(item["path"].lstrip("/"))
        assert held == (item["target"] or item["text"] or "")
        assert not item["mode"] or mode == int(item["mode"], 8)
        assert item["path"] in printed.stdout
        for line in (item["text"] or "").splitlines():
            assert f"         {line}".rstrip() in printed.stdout.splitlines()
    assert all(held == "" and mode & 0o022 == 0 for mode, held in there.values())  # folders on the way
    assert "ExecStart=/srv/bin/lockstep run /etc/lockstep/%i.toml" in printed.stdout
    assert tree(tmp_path)["etc/lockstep/main.credentials"][0] == 0o700


def test_a_second_time_changes_nothing_and_asks_nothing(tmp_path: Path) -> None:
    installed(tmp_path, "main")
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    answer = lockstep("install", "main", "--root", tmp_path, "--program", "/bin/true")
    assert answer.returncode == 0
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_an_upgrade_changes_the_unit_and_leaves_what_an_administrator_added(tmp_path: Path) -> None:
    installed(tmp_path, "main")
    unit, added = tmp_path / UNITS / "lockstep@.service", tmp_path / UNITS / "lockstep@main.service.d/override.conf"
    right = unit.read_text()
    unit.write_text(right.replace("WatchdogSec=30", "WatchdogSec=20"))
    added.parent.mkdir()
    added.write_text("[Service]\nNice=-5\n")
    installed(tmp_path, "main")
    assert unit.read_text() == right
    assert lockstep("uninstall", "--root", tmp_path, "--yes").returncode == 0
    assert added.read_text() == "[Service]\nNice=-5\n"


def test_uninstall_takes_one_venue_or_all_and_never_data_configuration_or_secrets(tmp_path: Path) -> None:
    installed(tmp_path, "main", "node-b")
    kept = ("var/lib/lockstep/main/journal", "etc/lockstep/main.toml", "etc/lockstep/main.credentials/db-url")
    for name in kept:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")
    assert lockstep("uninstall", "node-b", "--root", tmp_path, "--yes").returncode == 0
    wanted = tmp_path / UNITS / "lockstep.target.wants"
    assert [path.name for path in wanted.iterdir()] == ["lockstep@main.service"]
    before = tree(tmp_path)
    assert lockstep("uninstall", "--root", tmp_path, "--dry-run").returncode == 0
    assert tree(tmp_path) == before
    assert lockstep("uninstall", "--root", tmp_path, "--yes").returncode == 0
    assert not wanted.exists()
    left = [name for name, (_, held) in tree(tmp_path).items() if held]
    assert left == sorted(kept)
    assert lockstep("uninstall", "--root", tmp_path).returncode == 0  # nothing is there: nothing to ask


@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_without_a_word_of_consent_nothing_changes(tmp_path: Path, verb: str) -> None:
    if verb == "uninstall":
        installed(tmp_path, "main")
    before = tree(tmp_path)
    answer = lockstep(verb, "main", "--root", tmp_path)
    assert (answer.returncode, answer.stderr) == (2, "nothing was changed: confirm on a terminal, or by --yes\n")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["lockstep@.service", "lockstep.target"])
@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_a_file_that_is_not_lockstep_s_is_left_alone(tmp_path: Path, verb: str, name: str) -> None:
    installed(tmp_path)
    (tmp_path / UNITS / name).write_text("[Unit]\nDescription=of somebody else\n")
    before = tree(tmp_path)
    answer = lockstep(verb, "--root", tmp_path, "--yes")
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"/{UNITS}/{name} is not Lockstep's: nothing was changed.")
    assert tree(tmp_path) == before


def test_a_masked_unit_stays_masked(tmp_path: Path) -> None:
    unit = tmp_path / UNITS / "lockstep@.service"
    unit.parent.mkdir(parents=True)
    unit.symlink_to("/dev/null")
    assert lockstep("install", "--root", tmp_path, "--yes").returncode == 2
    assert unit.readlink() == Path("/dev/null")


@pytest.mark.parametrize(
    ("path", "target", "says"),
    [("etc/systemd/system", None, "/etc/systemd/system is no folder"),
     ("etc/systemd/system/lockstep.target.wants", None, "/etc/systemd/system/lockstep.target.wants is no folder"),
     ("etc/lockstep/main.credentials", "nowhere", "/etc/lockstep/main.credentials is no folder"),
     ("etc/systemd", "..", "/etc/systemd leads out of "), ("etc/lockstep", "..", "/etc/lockstep leads out of ")],
)  # fmt: skip
def test_what_is_in_the_way_is_named_before_anything_changes(
    tmp_path: Path, path: str, target: str | None, says: str
) -> None:
    root = tmp_path / "image"
    (root / path).parent.mkdir(parents=True)
    if target is None:
        (root / path).write_text("mine")
    else:
        (root / path).symlink_to(tmp_path / target)
    before = tree(tmp_path)
    answer = lockstep("install", "main", "--root", root, "--yes")
    assert (answer.returncode, answer.stderr.startswith(says)) == (2, True), answer.stderr
    assert tree(tmp_path) == before


def test_a_folder_that_is_a_link_within_the_tree_serves_and_stays(tmp_path: Path) -> None:
    wanted, kept = tmp_path / UNITS / "lockstep.target.wants", tmp_path / "srv" / "wants"
    kept.mkdir(parents=True)
    wanted.parent.mkdir(parents=True)
    wanted.symlink_to(kept)
    installed(tmp_path, "main")
    assert [path.name for path in kept.iterdir()] == ["lockstep@main.service"]
    assert lockstep("uninstall", "--root", tmp_path, "--yes").returncode == 0
    assert (wanted.readlink(), list(kept.iterdir())) == (kept, [])


def test_what_can_t_be_written_is_named_and_a_repetition_does_the_rest(tmp_path: Path) -> None:
    obstacle = tmp_path / UNITS / ".lockstep.target.new"
    obstacle.mkdir(parents=True)
    answer = lockstep("install", "main", "--root", tmp_path, "--program", "/bin/true", "--yes")
    assert (answer.returncode, answer.stderr.startswith(f"/{UNITS}/lockstep.target: Is a directory. ")) == (1, True)
    obstacle.rmdir()
    installed(tmp_path, "main")
    assert (tmp_path / UNITS / "lockstep.target.wants" / "lockstep@main.service").is_symlink()


def test_this_host_is_this_host_by_any_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "BOOTED", tmp_path / "nowhere")
    (tmp_path / "link").symlink_to("/")
    for name in ("//", "/etc/..", tmp_path / "link"):
        answer = lockstep("uninstall", "--root", name, "--yes")
        assert (answer.returncode, answer.stderr.startswith("systemd does not run this host: ")) == (2, True), name


def test_where_systemd_can_t_say_what_runs_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mute = tmp_path / "systemctl"
    mute.write_text("#!/bin/sh\necho Failed to connect to bus >&2\nexit 1\n")
    mute.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(UsageError, match=r"whether a venue runs is unknown: .*: Failed to connect to bus"):
        command.check_stopped(["main"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["../evil"], "'../evil' is no name of a venue"), (["a b"], "'a b' is no name"), ([".."], "'..' is no name"),
     (["a\nb"], "'a\\nb' is no name"), (["ä"], "'ä' is no name"), (["x" * 37], "'xxx"),
     (["main", "--cpus", "all"], "--cpus is 'all'; allowed are cores such as 2,3 or 2-5"),
     (["main", "--cpus", "1,5-2"], "--cpus is '1,5-2'; allowed are cores"),
     (["main", "--program", "/opt/my venue/lockstep"], "a unit can't run '/opt/my venue/lockstep': a whole path"),
     (["main", "--program", "/bin/true\nUser=root"], "a unit can't run '/bin/true\\nUser=root'"),
     (["main", "--program", "/opt/%h/lockstep"], "a unit can't run '/opt/%h/lockstep'"),
     (["main", "--program", "bin/lockstep"], "a unit can't run 'bin/lockstep'")],
)  # fmt: skip
def test_a_wrong_name_is_refused(tmp_path: Path, arguments: list[str], says: str) -> None:
    answer = lockstep("install", *arguments, "--root", tmp_path, "--yes")
    assert (answer.returncode, answer.stderr.startswith(says)) == (2, True), answer.stderr
    assert tree(tmp_path) == {}


def test_where_systemd_does_not_run_one_message_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "BOOTED", tmp_path / "nowhere")
    for verb in ("install", "uninstall"):
        answer = lockstep(verb, "main", "--yes")
        assert answer.returncode == 2
        assert answer.stderr.startswith("systemd does not run this host: ")
        assert answer.stderr.count("\n") == 1


def test_a_program_that_services_do_not_see_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "BOOTED", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for program, says in (
        ("/home/me/lockstep/.venv/bin/lockstep", "is below /home, which services don't see"),
        ("/srv/nothing/lockstep", "is no program"),
    ):
        answer = lockstep("install", "main", "--program", program, "--dry-run")
        assert (answer.returncode, says in answer.stderr) == (2, True), answer.stderr


def test_only_root_changes_this_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "BOOTED", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    answer = lockstep("install", "main", "--program", "/bin/true", "--yes")
    assert (answer.returncode, "only root may do that" in answer.stderr) == (2, True)
    assert lockstep("install", "main", "--program", "/bin/true", "--dry-run").returncode == 0  # looking is free


def verified(units: Path) -> subprocess.CompletedProcess[str]:
    asked = [str(ANALYZE), "verify", str(units / "lockstep@main.service"), str(units / "lockstep.target")]
    environment = os.environ | PLAIN | {"SYSTEMD_UNIT_PATH": f"{units}:"}
    return subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)


@needs_analyze
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    installed(tmp_path, "main")
    units = tmp_path / UNITS
    (units / "lockstep@main.service").symlink_to("lockstep@.service")
    answer = verified(units)
    assert (answer.returncode, answer.stderr) == (0, "")
    (units / "lockstep@.service").write_text((units / "lockstep@.service").read_text() + "\n[Service]\nNoSuch=1\n")
    assert "NoSuch" in verified(units).stderr  # it does look


@needs_analyze
def test_systemd_calls_the_unit_ok_or_better(tmp_path: Path) -> None:
    installed(tmp_path, "main")
    unit = tmp_path / UNITS / "lockstep@.service"
    answer = subprocess.run(
        [str(ANALYZE), "security", "--offline=true", "--threshold=30", "--no-pager", str(unit)],
        env=os.environ | PLAIN, capture_output=True, text=True, check=False,
    )  # fmt: skip
    exposure = re.search(r"exposure level for \S+: ([\d.]+) (\w+)", answer.stdout)
    assert exposure, answer.stdout + answer.stderr
    assert exposure[2] in ("OK", "SAFE", "PERFECT")
    assert (answer.returncode, float(exposure[1]) <= 3.0) == (0, True)


def test_the_unit_keeps_what_others_rely_on() -> None:
    unit = plan.source("lockstep@.service").splitlines()
    for line in (
        "RestartPreventExitStatus=2", "KillMode=mixed", "Type=notify", "TimeoutStartSec=infinity", "User=lockstep",
        "StateDirectory=lockstep/%i", "LoadCredential=lockstep:/etc/lockstep/%i.credentials", "PartOf=lockstep.target",
        f"ExecStart={plan.PROGRAM} run /etc/lockstep/%i.toml",
    ):  # fmt: skip
        assert unit.count(line) == 1, line
    assert not [line for line in unit if line.startswith(("PrivateIPC=", "PrivateNetwork=", "RemoveIPC="))]
