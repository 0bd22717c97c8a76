"""The direction of imports is the architecture: it is read from the sources, compiled modules' included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("shm", "procs", "config", "scripts", "bench", "tests")
IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import|c?import\s+([\w., ]+?)(?:\s+as\s+\w+)?\s*$)", re.MULTILINE)

# Not a process itself: the duty cycle, the venue's memory, its snapshots, the two loops, the host, tables, and what
# several ask; and the replica, which is a core for whoever must not disturb the real one.
SHARED = {
    "procs.admission",
    "procs.agent",
    "procs.venue",
    "procs.snapshots",
    "procs.catalogue",
    "procs.definitions",
    "procs.files",
    "procs.parent",
    "procs.listening",
    "procs.replica",
    "procs.loop",
    "procs.pump",
    "procs.host",
    "procs.tables",
    "procs.terms",
    "procs.credentials",
    "procs.trouble",
    "procs.voids",
}
# What all of it is wired by: a venue's memory and hosts follow the topology.
TOPOLOGY = "procs.supervisor.topology"

# What decides, and so must run in tests, in a replay and in a simulation as it is.
PURE_CORES = (
    "procs/matcher/amend.pyx",
    "procs/matcher/auction.pyx",
    "procs/matcher/bands.pyx",
    "procs/matcher/book.pyx",
    "procs/matcher/check.pyx",
    "procs/matcher/enough.pyx",
    "procs/matcher/entry.pyx",
    "procs/matcher/expiry.pyx",
    "procs/matcher/fees.pyx",
    "procs/matcher/image.pyx",
    "procs/matcher/levels.pyx",
    "procs/matcher/matching.pyx",
    "procs/matcher/orders.pyx",
    "procs/matcher/outcome.pyx",
    "procs/matcher/phases.pyx",
    "procs/matcher/resting.pyx",
    "procs/matcher/sweep.pyx",
    "procs/matcher/waiting.pyx",
    "procs/tables",
    "procs/terms.pyx",
    "procs/router/balances.pyx",
    "procs/router/collars.pyx",
    "procs/router/holds.pyx",
    "procs/router/ledger.pyx",
    "procs/router/orders.pyx",
    "procs/router/positions.pyx",
    "procs/router/schedule.pyx",
    "procs/router/transfers.pyx",
    "procs/gateway/fix",
    "procs/publisher/book.pyx",
    "procs/supervisor/topology.py",
    "procs/supervisor/backoff.py",
    "procs/supervisor/recovery.py",
)
WORLD = {"socket", "asyncio", "uvloop", "time", "select", "selectors", "mmap", "posix_ipc", "threading", "subprocess"}
SHARED_MEMORY = {"shm.segment", "shm.bell", "shm.board", "shm.journal", "shm.journal_writer", "procs.venue"}


def sources(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    yield from (path for suffix in ("py", "pyx", "pxd") for path in sorted(folder.rglob(f"*.{suffix}")))


def imports(path: Path) -> set[str]:
    """The modules that `path` names in import and cimport statements. Tests have none that are computed."""
    found: set[str] = set()
    for one, many in IMPORT.findall(path.read_text()):
        found.update(name.strip() for name in (one or many).split(","))
    return found


def ours(path: Path) -> set[str]:
    return {name for name in imports(path) if name.partition(".")[0] in OURS}


def package(name: str) -> str:
    """The process package that module `name` belongs to, or the module itself where it lies in procs/ directly."""
    return ".".join(name.split(".")[:2])


def test_the_reader_of_imports_sees_every_form(tmp_path: Path) -> None:
    file = tmp_path / "sample.pyx"
    file.write_text(
        "import a.b\nfrom c.d cimport (\n    x,\n)\ncimport e\nfrom f import y\nif True:\n    import g as h\n"
    )
    assert imports(file) == {"a.b", "c.d", "e", "f", "g"}


def test_shm_imports_nothing_of_ours() -> None:
    for path in sources(ROOT / "shm"):
        assert {name.partition(".")[0] for name in ours(path)} <= {"shm"}, path


def test_config_imports_no_process_and_no_command() -> None:
    for path in sources(ROOT / "config"):
        imported = {name for name in ours(path) if name != "shm.alphabet"}
        assert {name.partition(".")[0] for name in imported} <= {"config"}, path


def test_processes_import_no_command_bench_or_test() -> None:
    for path in sources(ROOT / "procs"):
        assert {name.partition(".")[0] for name in ours(path)} <= {"procs", "shm", "config"}, path


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in (ROOT / "procs").glob("*/__init__.py")))
def test_no_process_imports_another(folder: str) -> None:
    own = f"procs.{folder}"
    for path in sources(ROOT / "procs" / folder):
        others = {name for name in ours(path) if name.startswith("procs.") and package(name) != own}
        assert {name for name in others if package(name) not in SHARED and name != TOPOLOGY} == set(), path


@pytest.mark.parametrize("core", PURE_CORES)
def test_what_decides_knows_no_socket_clock_loop_or_shared_memory(core: str) -> None:
    assert (ROOT / core).exists(), f"{core} has moved: name its new place here"
    for path in sources(ROOT / core):
        named = imports(path)
        assert {name.partition(".")[0] for name in named} & WORLD == set(), path
        assert named & SHARED_MEMORY == set(), path
