"""The console command in this process, which saves the start of another: imports are most of what a command costs.

What only a process of its own can show (the working folder, the environment at the start, a terminal, a pipe that is
closed) is given to a real one, by `tests/cli/test_cli.py` above all. What changes its process for good (`backup`
its priority, `run` its signals) is never given here.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

from lockstep.__main__ import main

CHANGES_ITS_PROCESS = frozenset({"backup", "restore", "run"})


def lockstep(*arguments: str | Path, stdin: str = "") -> CompletedProcess[str]:
    """What `lockstep ARGUMENTS` prints and ends with; an exception that would end a process goes on to the test."""
    words = [str(argument) for argument in arguments]
    changes = "--help" not in words and CHANGES_ITS_PROCESS.intersection(words[:1])
    assert not changes, f"{words[0]} changes the process that it runs in"
    out, err, user = io.StringIO(), io.StringIO(), os.geteuid()
    code: object = None
    with (
        patch.object(sys, "argv", ["lockstep", *words]),
        patch.object(sys, "stdin", io.StringIO(stdin)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    assert os.geteuid() == user, "the folder is another user's: that takes a process of its own"
    assert code is None or isinstance(code, int), code
    return CompletedProcess(words, code or 0, out.getvalue(), err.getvalue())
