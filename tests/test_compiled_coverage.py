"""The probes of `make coverage` say which lines and outcomes ran, of a process that was killed too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.compiled_coverage import ROOT, sources

SAMPLE = """\
cdef int count(int n) noexcept nogil:
    cdef int i, total = 0
    for i in range(n):
        if i > 2 and total < 100:
            total += 1
        elif i > 50:
            total += 2
    while n > 9 or total > 1:
        total -= 1
    return total

def run(bint strict, int n):
    if strict:
        if n < 0:
            raise ValueError(n)
    return count(n)

def never(x):
    return 1 if x else 2

cdef extern from "<pthread.h>" nogil:
    ctypedef unsigned long pthread_t
    int pthread_create(pthread_t *thread, void *attributes, void *(*run)(void *) noexcept, void *argument) noexcept
    int pthread_join(pthread_t thread, void **result) noexcept

cdef void *nothing(void *argument) noexcept nogil:
    return NULL

def joined():  # the thread can't have the GIL
    cdef pthread_t thread
    pthread_create(&thread, NULL, nothing, NULL)
    pthread_join(thread, NULL)
"""
KILLED = "import os; from lockstep import sample; sample.run(True, 5); sample.joined(); os.kill(os.getpid(), 9)"


def test_a_killed_process_left_what_it_ran(tmp_path: Path) -> None:
    (tmp_path / "lockstep").mkdir()
    (tmp_path / "lockstep" / "__init__.py").touch()
    (tmp_path / "lockstep" / "sample.pyx").write_text(SAMPLE)
    environ = os.environ | {"LOCKSTEP_TRACE": "1", "PYTHONPATH": str(tmp_path)}
    build = [sys.executable, str(ROOT / "setup.py"), "--quiet", "build_ext", "--inplace"]
    subprocess.run(build, cwd=tmp_path, env=environ, check=True, capture_output=True)
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, env=environ, check=False, timeout=60)
    assert killed.returncode == -9
    found = sources(tmp_path)
    assert list(found) == [str(tmp_path / "lockstep" / "sample.pyx")]
    sample = found[str(tmp_path / "lockstep" / "sample.pyx")]
    ran = {line for line, hit in sample.lines.items() if hit}
    assert ran >= {2, 3, 4, 5, 6, 8, 9, 10, 13, 14, 16, 27, 31, 32}
    assert set(sample.lines) - ran == {7, 15, 19}
    # Of `a and b`, the first condition is `a` and the second one is the whole.
    assert sorted(arc for arc, hit in sample.outcomes() if not hit) == [
        (6, -1),
        (8, -1),
        (13, -2),
        (14, -1),
        (19, -2),
        (19, -1),
    ]
    assert sorted(arc for arc, hit in sample.outcomes() if hit) == [
        (3, -2), (3, -1), (4, -4), (4, -3), (4, -2), (4, -1), (6, -2), (8, -4), (8, -3), (8, -2), (13, -1), (14, -2)
    ]  # fmt: skip
