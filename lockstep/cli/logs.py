"""`lockstep logs`: what the venue's processes have logged, in the order of time, and on request new lines as they come.

It reads the files in the data folder's `log`; the supervisor rotates them.
"""

from __future__ import annotations

import heapq
import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

import msgspec
from cyclopts import Parameter, validators
from msgspec import Struct
from rich.text import Text

from lockstep.cli.errors import UsageError
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, load

LEVELS = ("debug", "info", "warning", "error", "critical")
COLOURS = {"warning": "yellow", "error": "red", "critical": "bold red"}
LAST = 50
LOOK_S = 0.2


class Line(Struct, frozen=True):
    """A line of a process's log. One that is no JSON (an interpreter's last words) has the time of the one before."""

    time: str
    process: str
    level: str
    event: str
    fields: dict[str, Any]


def logs(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    process: Annotated[list[str] | None, Parameter(help="Only of this process; may be given several times.")] = None,
    level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"], Parameter(help="This level and worse.")
    ] = "info",
    last: Annotated[
        int, Parameter(validator=validators.Number(gte=0), help="Only the last this many lines; 0: all.")
    ] = LAST,
    follow: Annotated[
        bool, Parameter(name=["--follow", "-f"], negative=(), help="Keep showing new lines until Ctrl-C.")
    ] = False,
    json: Json = False,
) -> int:
    """Show what the venue's processes have logged, oldest first. With --json each line is an object.

    Example: lockstep logs --follow --process gateway --level warning

    Exit codes: 0 it is shown; 2 there is no such process, or no log, or the configuration is wrong.
    """
    folder = Path(load(config, secrets=False).venue.data) / "log"
    known = sorted(path.stem for path in folder.glob("*.log"))
    if not known:
        raise UsageError(f"there is no log in {folder}: the venue has never run")
    for each in process or []:
        if each not in known:
            raise UsageError(f"there is no log of {each}; there are {', '.join(known)}")
    files = [Tail(folder / f"{name}.log") for name in process or known]
    # Line by line: together they may be larger than memory.
    kept = (line for line in heapq.merge(*(file.past() for file in files), key=_moment) if _is_wanted(line, level))
    for line in deque(kept, last) if last else kept:
        _show(line, json)
    try:
        while follow:
            for line in sorted((line for file in files for line in file.new()), key=_moment):
                if _is_wanted(line, level):
                    _show(line, json)
            time.sleep(LOOK_S)  # files: nothing to wait on
    except KeyboardInterrupt:
        pass  # what --follow ends by
    return EXIT_OK


class Tail:
    """A process's log files, and how far the newest has been read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._process = file.stem
        self._inode = self._offset = 0
        self._time = ""

    def past(self) -> Iterator[Line]:
        """All lines so far, oldest first; the rotated files' too."""
        # By the number that the supervisor gives them; others (.gz) are not its own.
        rotated = [path for path in self._file.parent.glob(f"{self._file.name}.*") if path.suffix[1:].isdecimal()]
        for path in sorted(rotated, key=lambda path: -int(path.suffix[1:])):
            try:
                yield from self._lines(path.read_bytes())
            except FileNotFoundError:
                continue  # rotated away meanwhile
        yield from self.new()

    def new(self) -> Iterator[Line]:
        """The whole lines that were added since; those of a file that was rotated meanwhile come first."""
        try:
            with self._file.open("rb") as file:
                inode = os.fstat(file.fileno()).st_ino
                if inode != self._inode:
                    yield from self._rest_of_rotated()
                    self._inode, self._offset = inode, 0
                yield from self._added(file)
        except FileNotFoundError:
            return

    def _rest_of_rotated(self) -> Iterator[Line]:
        rotated = self._file.with_name(f"{self._file.name}.1")
        if self._inode and rotated.exists() and rotated.stat().st_ino == self._inode:
            with rotated.open("rb") as file:
                yield from self._added(file)

    def _added(self, file: BinaryIO) -> Iterator[Line]:
        file.seek(self._offset)
        data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        yield from self._lines(whole)

    def _lines(self, data: bytes) -> Iterator[Line]:
        for raw in data.splitlines():
            line = self._line(raw.decode("utf-8", "replace"))
            self._time = line.time
            yield line

    def _line(self, text: str) -> Line:
        try:
            entry = msgspec.json.decode(text)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            return Line(self._time, self._process, "error", text, {})
        moment, level, event = (str(entry.pop(key, "")) for key in ("timestamp", "level", "event"))
        return Line(moment or self._time, self._process, level or "info", event, entry)


def _moment(line: Line) -> str:
    return line.time


def _is_wanted(line: Line, level: str) -> bool:
    return line.level not in LEVELS or LEVELS.index(line.level) >= LEVELS.index(level)


def _show(line: Line, json: bool) -> None:
    if json:
        print(msgspec.json.encode(line).decode(), flush=True)
        return
    fields = "".join(f" {key}={value}" for key, value in line.fields.items())
    style = COLOURS.get(line.level, "")
    console().print(
        Text(f"{line.time[:23]} {line.process:<10} {line.level:<8} {line.event}{fields}", style=style), soft_wrap=True
    )
