"""A host that locks its memory keeps what it uses from then on; one that may not says so, and how to allow it."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from functools import partial

import pytest

from lockstep.core.host.memory import _is_privileged
from tests.pages import ROOT

LIMIT = 65_536
PROGRAM = """
import mmap
from pathlib import Path
from lockstep.core.host import memory
from lockstep.core.diagnostics.refusal import FinalError

def kib(name):
    (row,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(row.split()[1])

try:
    memory.lock()
except FinalError as error:
    raise SystemExit(str(error))
later = mmap.mmap(-1, 64 << 20)
reserved = kib("VmRSS")
later[: 8 << 20] = bytes(8 << 20)
print(kib("VmLck"), reserved, kib("VmRSS"))
"""


def told(*wrapped: str, limit: int) -> subprocess.CompletedProcess[str]:
    lower = partial(resource.setrlimit, resource.RLIMIT_MEMLOCK, (limit, limit))
    command = [*wrapped, sys.executable, "-c", PROGRAM]
    return subprocess.run(command, cwd=ROOT, preexec_fn=lower, capture_output=True, text=True, check=False)


def test_what_is_mapped_later_is_locked_and_only_what_is_used_takes_memory() -> None:
    if not _is_privileged():
        pytest.skip("this user may not lock memory")
    answer = told(limit=LIMIT)
    assert answer.returncode == 0, answer.stderr
    locked, reserved, used = map(int, answer.stdout.split())
    assert locked >= 64 << 10  # the mapping is locked as a whole
    assert 8 << 10 <= used - reserved < 32 << 10  # and takes what was written


def test_who_may_lock_little_is_told_what_allows_it() -> None:
    wrapped = []
    if _is_privileged():
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is not installed")
        wrapped = ["setpriv", "--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock"]
    answer = told(*wrapped, limit=LIMIT)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith(f"processes.lock_memory is true, and this user may lock {LIMIT} bytes: let it lock")
    assert "LimitMEMLOCK=infinity" in answer.stderr
