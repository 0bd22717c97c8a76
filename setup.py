"""Builds the carried path: every .pyx in the tree becomes an extension module beside it.

Set LOCKSTEP_ONLY to a comma-separated list of folders to build only what lies below them, LOCKSTEP_JOBS to how many
compilers may run at once, and LOCKSTEP_ANNOTATE=1 for Cython's annotated HTML.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

PACKAGES = ("shm", "procs", "config", "scripts", "bench", "tests")
JOBS = int(os.environ.get("LOCKSTEP_JOBS", "0")) or len(os.sched_getaffinity(0))
DIRECTIVES = {
    "language_level": "3",
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
    "embedsignature": False,
}
FLAGS = ["-O3", "-g1", "-fno-semantic-interposition", "-Wall", "-Wno-unused-function", "-Wno-sign-compare"]


def sources() -> list[Path]:
    only = [Path(part) for part in os.environ.get("LOCKSTEP_ONLY", "").split(",") if part]
    found = sorted(path for package in PACKAGES for path in Path(package).rglob("*.pyx"))
    return [path for path in found if not only or any(path.is_relative_to(part) for part in only)]


extensions = [
    Extension(
        ".".join(path.with_suffix("").parts),
        [str(path)],
        include_dirs=["shm"],
        depends=["shm/atomics.h", "shm/crc32c.h"],
        extra_compile_args=FLAGS,
        libraries=["rt"],
    )
    for path in sources()
]

# Cython's own worker processes import this file again: guarded, or each would build everything.
if __name__ == "__main__":
    setup(
        ext_modules=cythonize(
            extensions,
            compiler_directives=DIRECTIVES,
            annotate=bool(os.environ.get("LOCKSTEP_ANNOTATE")),
            nthreads=JOBS if len(extensions) > 1 else 0,
        ),
        options={"build_ext": {"parallel": JOBS}},
        zip_safe=False,
    )
