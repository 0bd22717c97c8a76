"""A process that is tied to its parent does not outlive it."""

from __future__ import annotations

import signal
import subprocess
import sys

CHILD = "import os, sys, signal; from lockstep.core.venue.parent_death import die_with; {}"
TIED = CHILD.format("print(die_with(os.getppid()), flush=True); signal.pause()")
ORPHAN = CHILD.format("sys.exit(die_with(os.getpid()))")  # no process is its own parent
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


def test_it_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, TIED], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "True\n"
        parent.send_signal(signal.SIGKILL)
        assert parent.stdout.read() == ""  # the pipe's end: both have let go of it


def test_it_is_told_that_its_parent_has_ended_already() -> None:
    assert subprocess.run([sys.executable, "-c", ORPHAN], check=False).returncode == 0
