"""Builds the carried path: every .pyx in the tree becomes an extension module beside it.

Set LOCKSTEP_ONLY to a comma-separated list of folders to build only what lies below them, LOCKSTEP_JOBS to how many
compilers may run at once, and LOCKSTEP_ANNOTATE=1 for Cython's annotated HTML. LOCKSTEP_TRACE=1 builds modules that
note each line they run; `make coverage` has a tree of its own for them.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
PACKAGES = ("lockstep", "bench", "tests")
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
OPTIMIZED = ["-O1", "-g0", "-w"] if TRACED else ["-O2", "-g0"]
FLAGS = [*OPTIMIZED, "-fno-semantic-interposition", "-Wall", "-Wno-unused-function", "-Wno-sign-compare"]
PAGE = Path("lockstep/procs/api/web/index.html")
SAID_S = 5.0  # between two lines of progress in a log


def sources() -> list[Path]:
    """What to compile, the longest first: so the compilers end together."""
    only = [Path(part) for part in os.environ.get("LOCKSTEP_ONLY", "").split(",") if part]
    found = (path for package in PACKAGES for path in Path(package).rglob("*.pyx"))
    chosen = [path for path in found if not only or any(path.is_relative_to(part) for part in only)]
    return sorted(chosen, key=lambda path: (-path.stat().st_size, path))


def extension(path: Path) -> Extension:
    return Extension(
        ".".join(path.with_suffix("").parts),
        [str(path)],
        include_dirs=["lockstep/shm", "lockstep/core/files"],
        depends=["lockstep/shm/atomics.h", "lockstep/core/files/crc32c.h"],
        extra_compile_args=FLAGS,
        libraries=["rt"],
        # What is left of Cython's tracer would take the GIL at the end of each function.
        define_macros=[("CYTHON_PROFILE", "0")] if TRACED else [],
    )


def missing() -> list[str]:
    """What this machine lacks to compile, each with how to get it."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    header = Path(sysconfig.get_path("include"), "Python.h")
    problems = {
        "Lockstep runs on Linux alone": sys.platform != "linux",
        f"the C compiler {compiler} is missing: install gcc": shutil.which(compiler) is None,
        f"this Python has no headers to compile against ({header}): install python3-dev": not header.exists(),
    }
    return [problem for problem, is_one in problems.items() if is_one]


class Progress:
    """One line that says how far the compilers are: rewritten on a terminal, in a log a new one each few seconds."""

    def __init__(self, total: int) -> None:
        self._total, self._count = total, 0
        self._began_s = self._said_s = time.monotonic()

    def done(self) -> None:
        self._count += 1
        now_s = time.monotonic()
        left = self._total - self._count
        if sys.stderr.isatty():
            end = "\r" if left else "\n"
        elif now_s - self._said_s >= SAID_S or (not left and self._said_s > self._began_s):
            end = "\n"
        else:
            return
        self._said_s = now_s
        about = f", about {(now_s - self._began_s) / self._count * left:.0f} s left" if left else ""
        clear = "\033[K" if sys.stderr.isatty() else ""
        print(f"compiling {self._count}/{self._total}{about}{clear}", end=end, file=sys.stderr, flush=True)


class Compiler(build_ext):
    """Translates and compiles modules, one in each of several processes."""

    def build_extensions(self) -> None:
        if self.extensions and (problems := missing()):
            raise SystemExit("\n".join(problems))
        if self.extensions:
            subprocess.run([sys.executable, "-m", "lockstep.core.schema.layout"], cwd=ROOT, check=True)
        forked = get_context("fork")  # and sent nothing: where pip runs this file, no process could import it
        begun = forked.Value("i", 0)
        progress = Progress(len(self.extensions))
        done, done_by_worker = os.pipe()
        workers = [forked.Process(target=self.work, args=(begun, done_by_worker)) for _ in range(JOBS)]
        for worker in workers:
            worker.start()
        os.close(done_by_worker)
        while os.read(done, 1):
            progress.done()
        for worker in workers:
            worker.join()
        if any(worker.exitcode for worker in workers):
            raise SystemExit("it was not built")  # the worker has said why

    def work(self, begun: "Synchronized[int]", done: int) -> None:
        """Build the modules that no other worker has begun, and write a byte to `done` for each."""
        while True:
            with begun:
                number = begun.value
                begun.value += 1
            if number >= len(self.extensions):
                return
            self.compile(self.extensions[number])
            os.write(done, b".")

    def compile(self, module: Extension) -> None:
        translated = cythonize(
            [module],
            compiler_directives=DIRECTIVES,
            annotate=bool(os.environ.get("LOCKSTEP_ANNOTATE")),
            force=self.force,
            quiet=True,
        )
        if TRACED:
            from tests.compiled_coverage import probe

            probe(Path(translated[0].sources[0]))
        module.sources = translated[0].sources
        self.build_extension(module)


class Wheel(bdist_wheel):
    """A wheel has the package `lockstep` with the web page, and nothing else that a build has left."""

    def run(self) -> None:
        if not PAGE.exists():
            raise SystemExit("the web page is not built, and a wheel without it would be half a venue: make page")
        self.distribution.ext_modules = [
            module for module in self.distribution.ext_modules if module.name.startswith("lockstep.")
        ]
        built = Path(self.get_finalized_command("build").build_lib)
        for path in sorted(built.rglob("*"), reverse=True):
            name = path.relative_to(built)
            source = name.with_name(f"{name.name.partition('.')[0]}.pyx") if path.suffix == ".so" else name
            if path.is_file() and (name.parts[0] != "lockstep" or not source.exists()):
                path.unlink()
        super().run()


# Forked compilers never get here; an import of this file builds nothing.
if __name__ == "__main__":
    setup(
        ext_modules=[extension(path) for path in sources()],
        cmdclass={"build_ext": Compiler, "bdist_wheel": Wheel},
        zip_safe=False,
    )
