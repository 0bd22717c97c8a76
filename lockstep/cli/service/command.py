"""`lockstep install` and `lockstep uninstall`: writes what systemd needs to run venues, and removes that again.

It starts and stops no venue, and touches no data, configuration or secret of one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec import Struct

from lockstep.cli.errors import UsageError
from lockstep.cli.service import plan
from lockstep.cli.service.plan import Item
from lockstep.cli.terminal import EXIT_OK, EXIT_PROBLEM, Json, Yes, console, fail, is_sure, print_json
from lockstep.core.diagnostics.counts import counted

BOOTED = Path("/run/systemd/system")  # as sd_booted(3)
HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # from a service with ProtectHome= and PrivateTmp=
HOST = Path("/")

Names = Annotated[
    list[str] | None, Parameter(help="Venues, or nodes of them: NAME runs /etc/lockstep/NAME.toml.", negative=())
]
Root = Annotated[
    Path, Parameter(help="Work on the tree in this folder, such as an image of a host; nothing of this host is asked.")
]
DryRun = Annotated[bool, Parameter(negative=(), help="Only print what would be written, removed and run.")]


class Done(Struct, frozen=True):
    """What there was to do. `commands` are run after the files, on this host only; `is_dry`: nothing was done."""

    items: list[Item]
    commands: list[list[str]]
    is_dry: bool


def install(
    names: Names = None,
    /,
    *,
    program: Annotated[str | None, Parameter(help="The command that the units run; by default this one.")] = None,
    cpus: Annotated[str | None, Parameter(help="The cores that these venues may use, such as 2-5.")] = None,
    root: Root = HOST,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Have systemd run venues: writes lockstep@.service and lockstep.target, and makes the OS user lockstep.

    Each NAME starts with the host from then on (this command starts nothing), gets /etc/lockstep/NAME.credentials for
    its secrets, and keeps its data in /var/lib/lockstep/NAME. Repeat it after an upgrade: what is right stays.

    Examples: lockstep install main; lockstep install main node-b --cpus 2-5 --yes; lockstep install main --dry-run

    Exit codes: 0 all of it is there; 1 a file can't be written, or a command of systemd failed; 2 it can't be done
    here, or was not confirmed.
    """
    named = program or str(Path(sys.prefix) / "bin" / "lockstep")
    root = _checked_root(root, is_dry=dry_run)
    if root == HOST:
        _check_program(Path(named))
    items = plan.wanted(root, names or [], named, cpus)
    commands = [["systemd-sysusers", str(plan.SYSUSERS)], ["systemctl", "daemon-reload"]]
    done = Done(items, commands if root == HOST else [], dry_run)
    code = _carry_out(done, root, "Write it?", yes=yes, json=json)
    if code == EXIT_OK and not json and not dry_run:
        _say_next(root, names or [])
    return code


def uninstall(
    names: Names = None,
    /,
    *,
    root: Root = HOST,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Remove what lockstep install wrote: for the venues NAME, or, without a name, all of it.

    Data, configurations, secrets and the OS user stay. A venue that runs is refused: stop it first.

    Examples: lockstep uninstall node-b; lockstep uninstall --dry-run

    Exit codes: 0 nothing of it is there; 1 a file can't be removed, or a command of systemd failed; 2 it can't be done
    here, a venue runs, or it was not confirmed.
    """
    root = _checked_root(root, is_dry=dry_run)
    items = plan.unwanted(root, names or [])
    if root == HOST and not dry_run:
        check_stopped(names or [])
    done = Done(items, [["systemctl", "daemon-reload"]] if root == HOST else [], dry_run)
    code = _carry_out(done, root, "Remove it?", yes=yes, json=json)
    if code == EXIT_OK and not json and not dry_run:
        console().print("data (/var/lib/lockstep), /etc/lockstep and the OS user lockstep stay", soft_wrap=True)
    return code


def _checked_root(root: Path, *, is_dry: bool) -> Path:
    """HOST by whatever name it was given, or another tree's folder. UsageError where nothing may be changed there."""
    if not root.is_dir():
        raise UsageError(f"--root is {root}, which is no folder")
    if not root.samefile(HOST):
        return root
    if not is_dry:
        _check_host()
    return HOST


def _check_host() -> None:
    if not BOOTED.is_dir():
        raise UsageError("systemd does not run this host: lockstep run needs no service manager; --dry-run prints what "
                         "would be written, --root DIR writes it into the tree of another host")  # fmt: skip
    if os.geteuid() != 0:
        raise UsageError("only root may do that: repeat it with sudo, or add --dry-run to look at it")


def _check_program(program: Path) -> None:
    ours = Path(sys.prefix) in program.parents
    for path in (program, Path(sys.executable).resolve()) if ours else (program,):
        hidden = next((each for each in HIDDEN if path.is_relative_to(each)), None)
        if hidden:
            raise UsageError(
                f"{path} is below {hidden}, which services don't see: put the project, and its Python, where every "
                "user can read them, such as /opt/lockstep, and run make build there"
            )
    if not program.is_absolute() or not os.access(program, os.X_OK):
        raise UsageError(f"{program} is no program: name one by --program, by its whole path")


def check_stopped(names: Sequence[str]) -> None:
    units = [f"lockstep@{name}.service" for name in names] or ["lockstep@*.service"]
    states = "--state=active,activating,deactivating,reloading"
    asked = ["systemctl", "list-units", "--no-legend", "--plain", states, *units]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise UsageError(f"whether a venue runs is unknown: {' '.join(asked)}: {_said(answer)}")
    running = [line.split()[0] for line in answer.stdout.splitlines() if line.strip()]
    if running:
        raise UsageError(f"{', '.join(running)} runs: stop it first (systemctl stop {' '.join(running)})")


def _carry_out(done: Done, root: Path, question: str, *, yes: bool, json: bool) -> int:
    """Print what there is to do; do it, if that is asked for and confirmed."""
    changes = [item for item in done.items if item.state != "there"]
    if json:
        print_json(done)
    else:
        for item in done.items if done.is_dry else changes:
            _print(item, whole=done.is_dry)
        for command in done.commands if done.is_dry else []:
            console().print(f"run      {' '.join(command)}", soft_wrap=True)
    if done.is_dry:
        return EXIT_OK
    if changes and not (yes or is_sure(f"{counted(len(changes), 'change')} below {root}. {question}")):
        raise UsageError("nothing was changed: confirm on a terminal, or by --yes")
    for item in changes:
        try:
            _apply(item, root / item.path.lstrip("/"))
        except OSError as error:
            text = f"{item.path}: {error.strerror}. What came before it is done: mend this, then repeat the command"
            return fail(text, json=json, code=EXIT_PROBLEM)
    for command in done.commands:
        if not shutil.which(command[0]):
            return fail(f"{command[0]} is not on this host: run it yourself, {' '.join(command)}", json=json)
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            return fail(f"{' '.join(command)}: {_said(answer)}", json=json, code=EXIT_PROBLEM)
    return EXIT_OK


def _said(answer: subprocess.CompletedProcess[str]) -> str:
    return " ".join(answer.stderr.split()) or f"exit code {answer.returncode}"


def _print(item: Item, *, whole: bool) -> None:
    word = {"new": "write", "changed": "change", "there": "is there", "gone": "remove"}[item.state]
    kind = f"{item.path} -> {item.target}" if item.target else item.path
    mode = f" ({'mode' if item.text is not None else 'folder, mode'} {item.mode})" if item.mode else ""
    console().print(f"{word:<8} {kind}{mode}", soft_wrap=True)
    if whole and item.text is not None and item.state != "gone":
        for line in item.text.splitlines():
            console().print(f"         {line}".rstrip(), soft_wrap=True)


def _apply(item: Item, path: Path) -> None:
    """Make the tree as the item wants it: each file and link is replaced as a whole."""
    if item.state == "gone":
        path.unlink()
        folder = path.parent
        is_made = folder.name.endswith((".service.d", "lockstep.target.wants")) and not folder.is_symlink()
        if is_made and not any(folder.iterdir()):
            folder.rmdir()
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    if item.target is None and item.text is None:
        path.mkdir()
        path.chmod(int(item.mode, 8))
        return
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    if item.target is not None:
        fresh.symlink_to(item.target)
    else:
        fresh.write_text(item.text or "")
        fresh.chmod(int(item.mode, 8))
    fresh.replace(path)


def _say_next(root: Path, names: Sequence[str]) -> None:
    for name in names:
        file = plan.CONFIGURATIONS / f"{name}.toml"
        if not (root / file.relative_to("/")).exists():
            console().print(f"next: lockstep init {file} --name {name} --data /var/lib/lockstep/{name}", soft_wrap=True)
            console().print(f"      chgrp lockstep {file} && chmod 640 {file}", soft_wrap=True)
        console().print(f"next: systemctl start lockstep@{name}", soft_wrap=True)
