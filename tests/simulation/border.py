"""The border of a simulation: while it runs, it can touch nothing of the machine but its own folder.

Whoever opens, lists, asks for or changes anything else, or begins a process or a connection, is stopped, and the run
fails: its outcome would depend on the machine.
"""

# Audit hooks see every call that opens, lists or changes a file, of C code too where it goes through Python's own
# functions; a hook can't be taken out again, so one is there for all borders. What asks for a file without opening it
# (stat) has no audit event: those functions are replaced while a border is up. Cython opens files by `os.open`, or
# below a folder that was opened so.

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

# Events whose first argument is a path, or the number of a file that was opened before. A path may be relative to a
# folder that was: `REMOVALS` say to which.
PATHS = frozenset({
    "open", "os.chdir", "os.chmod", "os.chown", "os.getxattr", "os.link", "os.listdir", "os.listxattr", "os.mkdir",
    "os.rename", "os.scandir", "os.setxattr", "os.symlink", "os.truncate", "os.utime", "sqlite3.connect",
})  # fmt: skip
REMOVALS = frozenset({"os.remove", "os.rmdir"})  # (path, folder's number or -1)
NEVER = frozenset({
    "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "socket.bind", "socket.connect",
    "socket.getaddrinfo", "subprocess.Popen",
})  # fmt: skip
ASKING = ("access", "lstat", "readlink", "stat", "statvfs")


class OutsideError(AssertionError):
    """A simulation touched something real."""


class Border:
    """Around one run, in one thread: only what is below `inside`, and below none of `forbidden`, may be touched.

    `touched` has what was touched, even if the code at fault hid the error.
    """

    def __init__(self, inside: Path, *forbidden: Path) -> None:
        self._inside = str(inside)
        self._forbidden = tuple(map(str, forbidden))
        self._thread = threading.get_ident()
        self.touched: list[str] = []

    def check(self, what: str, path: Any) -> None:
        """OutsideError where `path` lies outside."""
        if threading.get_ident() != self._thread or isinstance(path, int) or path is None:
            return
        text = os.path.normpath(os.fsdecode(path))
        if _is_below(text, self._inside) and not any(_is_below(text, each) for each in self._forbidden):
            return
        self.stop(f"{what} of {text}")

    def stop(self, what: str) -> None:
        if threading.get_ident() == self._thread:
            self.touched.append(what)
            raise OutsideError(f"a simulation touches nothing real: {what}")


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)


_up: Border | None = None
_is_hooked = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    border = _up
    if border is None:
        return
    if event in PATHS or (event in REMOVALS and arguments[1] < 0):
        border.check(event, arguments[0])
    elif event in NEVER:
        border.stop(event)


@contextlib.contextmanager
def around(inside: Path, *forbidden: Path) -> Iterator[Border]:
    """Put up a border for the length of the block. What was touched is an OutsideError at its end, if not before."""
    global _up, _is_hooked
    if not _is_hooked:
        _is_hooked = True
        sys.addaudithook(_hook)
    assert _up is None, "one border at a time"
    border = Border(inside, *forbidden)
    with contextlib.ExitStack() as replaced:
        for name in ASKING:
            replaced.enter_context(patch.object(os, name, _checked(border, name, getattr(os, name))))
        _up = border
        try:
            yield border
        finally:
            _up = None
    if border.touched:
        raise OutsideError(f"a simulation touches nothing real: {', '.join(border.touched[:5])}")


def _checked(border: Border, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def asked(path: Any, *arguments: Any, **named: Any) -> Any:
        if named.get("dir_fd") is None:
            border.check(f"os.{name}", path)
        return function(path, *arguments, **named)

    return asked
