"""Builds the carried path: every .pyx in the tree becomes an extension module beside it.

Set LOCKSTEP_ONLY to a comma-separated list of folders to build only what lies below them, LOCKSTEP_JOBS to how many
compilers may run at once, and LOCKSTEP_ANNOTATE=1 for Cython's annotated HTML. LOCKSTEP_TRACE=1 builds modules that
note each line they run; `make coverage` has a tree of its own for them.
"""

import os
import subprocess
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel

PACKAGES = ("shm", "procs", "config", "scripts", "bench", "tests")
JOBS = int(os.environ.get("LOCKSTEP_JOBS", "0")) or len(os.sched_getaffinity(0))
DIRECTIVES = {
    "language_level": "3",
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
    "embedsignature": False,
    "auto_pickle": False,  # nothing is pickled, and what that needs is up to half of a module's C
    "binding": False,  # nothing asks a compiled function for its signature: a tenth of the compiler's time
}
TRACED = bool(os.environ.get("LOCKSTEP_TRACE"))
if TRACED:
    # A condition of a `switch` would not be counted.
    DIRECTIVES |= {"linetrace": True, "optimize.use_switch": False}
OPTIMIZED = ["-O1", "-g0", "-w"] if TRACED else ["-O3", "-g1"]
FLAGS = [*OPTIMIZED, "-fno-semantic-interposition", "-Wall", "-Wno-unused-function", "-Wno-sign-compare"]


def sources() -> list[Path]:
    only = [Path(part) for part in os.environ.get("LOCKSTEP_ONLY", "").split(",") if part]
    found = sorted(path for package in PACKAGES for path in Path(package).rglob("*.pyx"))
    return [path for path in found if not only or any(path.is_relative_to(part) for part in only)]


class Wheel(bdist_wheel):
    """A wheel has the web page."""

    def run(self) -> None:
        if not Path("procs/api/web/index.html").exists():
            raise SystemExit("the web page is not built, and a wheel without it would be half a venue: make page")
        super().run()


extensions = [
    Extension(
        ".".join(path.with_suffix("").parts),
        [str(path)],
        include_dirs=["shm"],
        depends=["shm/atomics.h", "shm/crc32c.h"],
        extra_compile_args=FLAGS,
        libraries=["rt"],
        # What is left of Cython's tracer would take the GIL at the end of each function.
        define_macros=[("CYTHON_PROFILE", "0")] if TRACED else [],
    )
    for path in sources()
]

# Cython's own worker processes import this file again: guarded, or each would build everything.
if __name__ == "__main__":
    if extensions:
        subprocess.run([sys.executable, "-m", "shm.layout"], check=True)  # writes shm/records.pxd
    modules = cythonize(
        extensions,
        compiler_directives=DIRECTIVES,
        annotate=bool(os.environ.get("LOCKSTEP_ANNOTATE")),
        nthreads=JOBS if len(extensions) > 1 else 0,
    )
    if TRACED:
        from tests.compiled_coverage import probe

        for module in modules:
            probe(Path(module.sources[0]))
    setup(
        # The longest first, so that the compilers end together.
        ext_modules=sorted(modules, key=lambda module: -os.path.getsize(module.sources[0])),
        options={"build_ext": {"parallel": JOBS}},
        cmdclass={"bdist_wheel": Wheel},
        zip_safe=False,
    )
