"""The console command in a child of this process: a process of its own without the start of an interpreter.

Most of what a command costs is what it imports. What a child has loaded is loaded here then, too, so that the next one
finds it. For commands that change their process, or that another user gives; `AsUser` is for tests whose interpreter
only root can read. What an interpreter's own start shows is left to tests/cli/test_cli.py.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pwd
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from io import BufferedRandom
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, NoReturn

from lockstep.__main__ import COMMANDS, OPERATORS, main


class AsUser:
    """Gives commands as any user, with `python`, an interpreter that all of them can run. For root."""

    def __init__(self, python: str, **spawning: Any) -> None:
        self._process = subprocess.Popen(
            [python, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **spawning
        )

    def give(self, user: str, *words: str | Path) -> CompletedProcess[str]:
        """As `lockstep`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([user, *map(str, words)]) + "\n")
        self._process.stdin.flush()
        return CompletedProcess(*json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End it, between two commands."""
        self._process.communicate(timeout=60)


def lockstep(*arguments: object, user: str = "") -> CompletedProcess[str]:
    """What `lockstep ARGUMENTS` prints and ends with, given by that user; nothing is on its standard input."""
    return begun(*arguments, user=user)()


def begun(*arguments: object, user: str = "") -> Callable[[], CompletedProcess[str]]:
    """The same, under way; call what is returned once: it waits for the end."""
    words = [str(argument) for argument in arguments]
    place = (COMMANDS | OPERATORS).get(words[0], ("", ""))[0]
    if place:
        importlib.import_module(f"lockstep.cli.{place.partition(':')[0]}")
    files = tuple(tempfile.TemporaryFile() for _ in range(3))  # noqa: SIM115  # `_content` closes them
    child = os.fork()
    if child == 0:
        _run(words, user, files)

    def ended() -> CompletedProcess[str]:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said, errors, names = map(_content, files)
        for name in names.split():
            with contextlib.suppress(Exception):  # some are loaded only by others
                importlib.import_module(name)
        return CompletedProcess(words, code, said, errors)

    return ended


def _content(file: BufferedRandom) -> str:
    with file:
        file.seek(0)
        return file.read().decode()


def _run(words: list[str], user: str, files: tuple[BufferedRandom, ...]) -> NoReturn:
    """In the child: the command, which ends as an interpreter's `main` does."""
    known, code = set(sys.modules), 1
    try:
        for number, fd in enumerate((os.open(os.devnull, os.O_RDONLY), files[0].fileno(), files[1].fileno())):
            os.dup2(fd, number)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(fd, "rw"[fd > 0], closefd=False) for fd in range(3))
        if user:
            entry = pwd.getpwnam(user)
            os.setgroups([])
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
        sys.argv = ["lockstep", *words]
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(BaseException):
        files[2].write("\n".join(set(sys.modules) - known).encode())
        files[2].flush()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _serve() -> None:
    for line in sys.stdin:
        user, *words = json.loads(line)
        told = lockstep(*words, user=user)
        print(json.dumps([told.args, told.returncode, told.stdout, told.stderr]), flush=True)


if __name__ == "__main__":
    _serve()
