"""No command costs an allocation or a Python object: what the allocator is asked for is counted while commands run."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = 100_000
# Tables double when they are full, and calling the measured function makes a few objects.
MOST = {"matcher": 40, "core": 40}

# Stands before glibc's allocator and counts what goes to it.
COUNTER = """
#include <stddef.h>
static unsigned long count;
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
static void one_more(void) { __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED); }
unsigned long allocations(void) { return __atomic_load_n(&count, __ATOMIC_RELAXED); }
void *malloc(size_t size) { one_more(); return __libc_malloc(size); }
void *calloc(size_t items, size_t size) { one_more(); return __libc_calloc(items, size); }
void *realloc(void *old, size_t size) { one_more(); return __libc_realloc(old, size); }
"""


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that counts. Skipped where the C library is not GNU's."""
    if "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        pytest.skip("counts calls of glibc's allocator")
    folder = tmp_path_factory.mktemp("count")
    (folder / "count.c").write_text(COUNTER)
    library = folder / "count.so"
    compiler = shlex.split(os.environ.get("CC", "cc"))  # with a launcher before it, or flags behind it
    subprocess.run([*compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(folder / "count.c")], check=True)
    return library


@pytest.mark.parametrize("what", list(MOST))
def test_commands_allocate_nothing(what: str, counter: Path) -> None:
    command = [sys.executable, "-m", "tests.bench.count_allocations", what, str(COMMANDS), str(counter)]
    # Without Python's own allocator in between every object is counted, too.
    environment = {**os.environ, "LD_PRELOAD": str(counter), "PYTHONMALLOC": "malloc"}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert int(done.stdout) <= MOST[what], f"{done.stdout.strip()} allocations in {COMMANDS} commands"
