"""What a host needs so that systemd runs its venues: files, links and folders, by path.

It compares and words; writing is the command's work. Nothing in here is a venue's data.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from lockstep import config
from lockstep.cli.errors import UsageError

SOURCES = Path(config.__file__).with_name("systemd")
OURS = "# Lockstep's own: "  # how each file of ours begins: no other is written over, or removed
PROGRAM = "/opt/lockstep/.venv/bin/lockstep"  # in the unit as it lies in lockstep/config/systemd
UNITS = Path("/etc/systemd/system")
WANTED = UNITS / "lockstep.target.wants"
CONFIGURATIONS = Path("/etc/lockstep")
SYSUSERS = Path("/etc/sysusers.d/lockstep.conf")
DROP_IN = "50-lockstep.conf"
NAME = re.compile(r"[A-Za-z0-9_.-]{1,36}")
CPUS = re.compile(r"\d{1,4}(-\d{1,4})?([, ]\d{1,4}(-\d{1,4})?)*")
PROGRAM_PATH = re.compile(r"/[A-Za-z0-9_./+:@=,-]+")  # what systemd takes as it stands: no space, quote, % or line feed

State = Literal["new", "changed", "there", "gone"]


class Item(Struct, frozen=True):
    """One thing that systemd reads: a file's text, a link's target, or, with neither, a folder; and how it is now."""

    path: str
    state: State
    mode: str = ""
    text: str | None = None
    target: str | None = None


def wanted(root: Path, names: Sequence[str], program: str, cpus: str | None) -> list[Item]:
    """All that there shall be for the venues `names` below `root`. UsageError where another's file is in the way."""
    if cpus is not None and not _are_cpus(cpus):
        raise UsageError(f"--cpus is {cpus!r}; allowed are cores such as 2,3 or 2-5")
    if not PROGRAM_PATH.fullmatch(program):
        raise UsageError(
            f"a unit can't run {program!r}: a whole path of letters, digits and _./+:@=,- can stand in one"
        )
    items = [
        _file(root, SYSUSERS, source("lockstep.sysusers")),
        _file(root, UNITS / "lockstep@.service", source("lockstep@.service").replace(PROGRAM, program)),
        _file(root, UNITS / "lockstep.target", source("lockstep.target")),
        _link(root, UNITS / "multi-user.target.wants" / "lockstep.target", UNITS / "lockstep.target"),
        _folder(root, CONFIGURATIONS, 0o755),
    ]
    for name in _checked(names):
        items.append(_folder(root, CONFIGURATIONS / f"{name}.credentials", 0o700))
        if cpus is not None:
            text = f"{OURS}of `lockstep install --cpus`.\n[Service]\nCPUAffinity={cpus}\n"
            items.append(_file(root, _drop_in(name), text))
        items.append(_link(root, WANTED / f"lockstep@{name}.service", UNITS / "lockstep@.service"))
    for item in items:
        _check_way(root, Path(item.path))
    return items


def unwanted(root: Path, names: Sequence[str]) -> list[Item]:
    """What is there for the venues `names`, or of ours at all, in the order in which it can go. Never a folder."""
    every = not names
    names = _checked(names) if names else _installed(root)
    paths = [path for name in names for path in (WANTED / f"lockstep@{name}.service", _drop_in(name))]
    if every:
        paths += [UNITS / "multi-user.target.wants/lockstep.target", UNITS / "lockstep.target",
                  UNITS / "lockstep@.service", SYSUSERS]  # fmt: skip
    there = [path for path in paths if _is_there(_below(root, path))]
    for path in there:
        _check_way(root, path)
    return [_removal(root, path) for path in there]


def source(name: str) -> str:
    """One of the files in lockstep/config/systemd."""
    return (SOURCES / name).read_text()


def _installed(root: Path) -> list[str]:
    links = _below(root, WANTED).glob("lockstep@*.service")
    drop_ins = _below(root, UNITS).glob(f"lockstep@*.service.d/{DROP_IN}")
    files = {path.name for path in links} | {path.parent.name.removesuffix(".d") for path in drop_ins}
    return sorted(name.removeprefix("lockstep@").removesuffix(".service") for name in files)


def _drop_in(name: str) -> Path:
    return UNITS / f"lockstep@{name}.service.d" / DROP_IN


def _are_cpus(text: str) -> bool:
    if not CPUS.fullmatch(text):
        return False
    ranges = [part.split("-") for part in re.split("[, ]", text)]
    return all(int(each[0]) <= int(each[-1]) for each in ranges)


def _checked(names: Collection[str]) -> list[str]:
    for name in names:
        if not NAME.fullmatch(name) or name in (".", ".."):
            raise UsageError(f"{name!r} is no name of a venue: 1 to 36 letters, digits, dots, dashes or underscores")
    return list(dict.fromkeys(names))


def _below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _is_there(path: Path) -> bool:
    """Whether anything has this name, be it a link that leads nowhere."""
    return path.is_symlink() or path.exists()


def _check_way(root: Path, path: Path) -> None:
    """UsageError unless each folder above `path` is one, or can be made, and none leads out of `root`."""
    for folder in reversed(path.parents):
        there = _below(root, folder)
        if _is_there(there) and not there.is_dir():
            raise UsageError(f"{folder} is no folder: nothing was changed. Move it away, then repeat this command")
        if not there.resolve().is_relative_to(root.resolve()):
            raise UsageError(f"{folder} leads out of {root}, to {there.resolve()}: nothing was changed")


def _file(root: Path, path: Path, text: str) -> Item:
    there = _below(root, path)
    state: State = "new"
    if _is_there(there):
        state = "there" if _ours(there, path) == text and stat.S_IMODE(there.stat().st_mode) == 0o644 else "changed"
    return Item(str(path), state, "0644", text=text)


def _ours(there: Path, path: Path) -> str:
    """The text of a file of ours. UsageError if it is another's: masked, a folder, or written by hand."""
    text = there.read_text(errors="replace") if there.is_file() and not there.is_symlink() else ""
    if not text.startswith(OURS):
        raise UsageError(f"{path} is not Lockstep's: nothing was changed. Move it away, then repeat this command")
    return text


def _link(root: Path, path: Path, target: Path) -> Item:
    there = _below(root, path)
    if not there.is_symlink():
        if there.exists():
            raise UsageError(f"{path} is no link: nothing was changed. Move it away, then repeat this command")
        return Item(str(path), "new", target=str(target))
    return Item(str(path), "there" if there.readlink() == target else "changed", target=str(target))


def _folder(root: Path, path: Path, mode: int) -> Item:
    """A folder that is there stays as it is, with its mode and its owner."""
    there = _below(root, path)
    if _is_there(there) and not there.is_dir():
        raise UsageError(f"{path} is no folder: nothing was changed. Move it away, then repeat this command")
    return Item(str(path), "there" if there.exists() else "new", f"{mode:04o}")


def _removal(root: Path, path: Path) -> Item:
    there = _below(root, path)
    if there.is_symlink() and path.parent.name.endswith(".wants"):
        return Item(str(path), "gone", target=str(there.readlink()))
    return Item(str(path), "gone", text=_ours(there, path))
