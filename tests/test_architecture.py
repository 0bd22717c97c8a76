"""The direction of imports is the architecture: it is read from the sources, compiled modules' included."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("lockstep", "bench", "tests")
IMPORT = re.compile(
    r"^\s*(?:from\s+([\w.]+)\s+c?import\s+(\([^)]*\)|[^\n(]*)|c?import\s+([\w., ]+?)(?:\s+as\s+\w+)?\s*$)", re.MULTILINE
)

PACKAGE = ROOT / "lockstep"
PAGE = ROOT / "docs" / "ARCHITECTURE.md"
GROUPS = ("core", "procs")  # whose folders are rooms


def pictured() -> tuple[tuple[str, ...], ...]:
    """The rooms of each layer, the lowest first, as the picture in docs/ARCHITECTURE.md draws them."""
    picture = PAGE.read_text().split("## Rooms and layers")[1].split("```")[1].strip()
    rows = [re.split(r"\s{2,}", line)[:-1] for line in picture.splitlines()]  # the last column says what they are
    return tuple(tuple(row) for row in reversed(rows))


# A room may import from the layers below its own, and from nothing beside it: so no import runs upwards.
LAYERS = pictured()

# The api's dialects, and the modules that say which of them a request is for.
DIALECTS = ("lockstep.procs.api.binance", "lockstep.procs.api.v1")
SWITCHBOARD = ("lockstep.procs.api.__main__", "lockstep.procs.api.app", "lockstep.procs.api.upgrade")

# What decides, and so must run in tests, in a replay and in a simulation as it is.
PURE_CORES = (
    "lockstep/procs/matcher/amend.pyx",
    "lockstep/procs/matcher/auction.pyx",
    "lockstep/procs/matcher/bands.pyx",
    "lockstep/procs/matcher/book.pyx",
    "lockstep/procs/matcher/check.pyx",
    "lockstep/procs/matcher/fillable_quantity.pyx",
    "lockstep/procs/matcher/entry.pyx",
    "lockstep/procs/matcher/expiry.pyx",
    "lockstep/procs/matcher/fees.pyx",
    "lockstep/procs/matcher/image.pyx",
    "lockstep/procs/matcher/levels.pyx",
    "lockstep/procs/matcher/matching.pyx",
    "lockstep/procs/matcher/orders.pyx",
    "lockstep/procs/matcher/event_writer.pyx",
    "lockstep/procs/matcher/phases.pyx",
    "lockstep/procs/matcher/resting.pyx",
    "lockstep/procs/matcher/worklist.pyx",
    "lockstep/procs/matcher/stop_orders.pyx",
    "lockstep/core/tables",
    "lockstep/core/rules/order_terms.pyx",
    "lockstep/procs/router/balances.pyx",
    "lockstep/procs/router/collars.pyx",
    "lockstep/procs/router/holds.pyx",
    "lockstep/procs/router/ledger.pyx",
    "lockstep/procs/router/orders.pyx",
    "lockstep/procs/router/positions.pyx",
    "lockstep/procs/router/schedule.pyx",
    "lockstep/procs/router/transfers.pyx",
    "lockstep/procs/gateway/fix",
    "lockstep/procs/publisher/book.pyx",
    "lockstep/procs/publisher/candles.pyx",
    "lockstep/procs/publisher/figures.pyx",
    "lockstep/procs/publisher/tape.pyx",
    "lockstep/procs/publisher/trades.pyx",
    "lockstep/core/venue/topology.py",
    "lockstep/procs/supervisor/backoff.py",
    "lockstep/procs/supervisor/recovery.py",
    "lockstep/cli/demo/population",
)
WORLD = {"socket", "asyncio", "uvloop", "time", "select", "selectors", "mmap", "posix_ipc", "threading", "subprocess"}
SHARED_MEMORY = {
    "lockstep.shm.segment",
    "lockstep.shm.bell",
    "lockstep.shm.board",
    "lockstep.core.journal.journal",
    "lockstep.core.journal.writer",
    "lockstep.core.venue.venue",
}


MAX_LINES = 500
MAX_PARAMETERS = 5  # of a constructor: what has more takes structs, each of what belongs together
# Those that have more yet, and how many. None is added, and none grows.
MORE_PARAMETERS = {
    "cli/nodes/drill.py::_Drill": 6,
    "client/fix/client.py::FixClient": 7,
    "core/host/spin_loop.pyx::Loop": 7,
    "core/journal/writer.pyx::JournalWriter": 8,
    "core/recovery/replay.py::ReplayedCore": 6,
    "core/venue/venue.py::Venue": 6,
    "procs/api/binance/caller.pyx::Call": 6,
    "procs/api/server.py::Server": 8,
    "procs/api/v1/problems.py::ProblemError": 6,
    "procs/gateway/server.py::Server": 7,
    "procs/journaler/journaler.pyx::Journaler": 6,
    "procs/matcher/matcher.pyx::Matcher": 7,
    "procs/replicator/receiver.pyx::Receiver": 6,
    "procs/replicator/shipper.pyx::Shipper": 8,
    "procs/supervisor/run.py::Run": 7,
    "procs/supervisor/snapshots.py::Coordinator": 6,
    "procs/supervisor/supervisor.py::Supervisor": 7,
    "procs/supervisor/watch.py::Watch": 8,
}
CONSTRUCTOR = re.compile(r"^(?:cdef )?class (\w+)|^    def __c?init__\(", re.MULTILINE)


def sources(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    yield from (path for suffix in ("py", "pyx", "pxd") for path in sorted(folder.rglob(f"*.{suffix}")))


def imports(path: Path) -> set[str]:
    """The modules that `path` names in import and cimport statements. Tests have none that are computed."""
    found: set[str] = set()
    for package, names, many in IMPORT.findall(path.read_text()):
        found.update(name.strip() for name in (package or many).split(","))
        if package:
            named = (name.split(" as ")[0].strip() for name in names.strip("()").split(","))
            found.update(f"{package}.{name}" for name in named if is_module(package, name))
    return found


def is_module(package: str, name: str) -> bool:
    stem = ROOT.joinpath(*package.split("."), name or "-")
    return any(stem.with_suffix(f".{suffix}").exists() for suffix in ("py", "pyx", "pxd"))


def ours(path: Path) -> set[str]:
    return {name for name in imports(path) if name.partition(".")[0] in OURS}


def room_of(name: str) -> str:
    """The room of one of our modules: its folder in core/ or procs/, or its folder next to those two."""
    parts = name.removeprefix("lockstep.").split(".")
    if parts == ["__main__"]:
        return "cli"
    return parts[1] if parts[0] in GROUPS else parts[0]


def folder_of(room: str) -> Path:
    places = (ROOT / "lockstep" / group / room for group in ("", *GROUPS))
    return next((place for place in places if place.is_dir()), ROOT / room)


def layer_of(room: str) -> int:
    return next(number for number, rooms in enumerate(LAYERS) if room in rooms)


def modules(folder: str) -> dict[str, set[str]]:
    """Each module below `folder`, and which of our modules it imports or cimports."""
    found: dict[str, set[str]] = {}
    for path in sources(ROOT / folder):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found.setdefault(name, set()).update(ours(path) - {name})
    return found


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Nodes of which each leads to the next and the last to the first, or nothing."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return path[path.index(node) :]
        if node in done:
            return []
        found = next((found for each in sorted(graph.get(node, ())) if (found := visit(each, [*path, node]))), [])
        done.add(node)
        return found

    return next((found for node in sorted(graph) if (found := visit(node, []))), [])


def test_the_reader_of_imports_sees_every_form(tmp_path: Path) -> None:
    file = tmp_path / "sample.pyx"
    file.write_text(
        "import a.b\nfrom c.d cimport (\n    x,\n)\ncimport e\nfrom f import y\nif True:\n    import g as h\n"
        "from lockstep.core.venue import (\n    topology,\n    venue as v,\n)\n"
        "from lockstep.procs.matcher import fees\n"
    )
    assert imports(file) == {"a.b", "c.d", "e", "f", "g"} | {
        *("lockstep.core.venue", "lockstep.core.venue.topology", "lockstep.core.venue.venue"),
        *("lockstep.procs.matcher", "lockstep.procs.matcher.fees"),
    }


def test_a_cycle_is_found() -> None:
    assert cycle({"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}) == ["b", "d"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def foreign(name: str, named: set[str]) -> set[str]:
    """Those of the modules that `name` imports that are a dialect's, and not its own's."""
    of = {each: next((dialect for dialect in DIALECTS if f"{each}.".startswith(f"{dialect}.")), None) for each in named}
    return {each for each, dialect in of.items() if dialect is not None and not f"{name}.".startswith(f"{dialect}.")}


def test_an_import_of_a_dialect_is_found() -> None:
    planted = {
        "lockstep.procs.api.binance.errors",
        "lockstep.procs.api.v1.problems",
        "lockstep.procs.api.read.views",
        "lockstep.procs.api.v1",
    }
    assert foreign("lockstep.procs.api.v1.orders", planted) == {"lockstep.procs.api.binance.errors"}
    assert foreign("lockstep.procs.api.binance.rest", planted) == {
        "lockstep.procs.api.v1.problems",
        "lockstep.procs.api.v1",
    }
    assert foreign("lockstep.procs.api.read.past", planted) == planted - {"lockstep.procs.api.read.views"}
    assert all(foreign(name, modules("lockstep/procs/api")[name]) for name in SWITCHBOARD), (
        "one needs to be no exception"
    )


def test_no_dialect_knows_another_and_what_they_share_knows_none() -> None:
    found = {
        name: foreign(name, named) for name, named in modules("lockstep/procs/api").items() if name not in SWITCHBOARD
    }
    assert {name: named for name, named in found.items() if named} == {}


def test_a_group_of_rooms_has_rooms_only() -> None:
    for group in GROUPS:
        loose = {path.name for path in (PACKAGE / group).iterdir() if path.suffix in (".py", ".pyx", ".pxd", ".pyi")}
        assert loose == {"__init__.py"}


def test_the_picture_has_every_room() -> None:
    folders = (
        path
        for pattern in ("*", "core/*", "procs/*")
        for path in PACKAGE.glob(pattern)
        if (path / "__init__.py").exists()
    )
    drawn = [room for layer in LAYERS for room in layer]
    assert sorted(drawn) == sorted({path.name for path in folders} - {*GROUPS} | {"bench", "tests"})


@pytest.mark.parametrize("room", [room for layer in LAYERS[:-1] for room in layer])
def test_no_import_runs_upwards_or_sideways(room: str) -> None:
    for path in sources(folder_of(room)):
        others = {name for name in ours(path) if room_of(name) != room}
        assert {name for name in others if layer_of(room_of(name)) >= layer_of(room)} == set(), path


@pytest.mark.parametrize("folder", ["lockstep"])
def test_modules_import_each_other_in_no_circle(folder: str) -> None:
    assert cycle(modules(folder)) == []


@pytest.mark.parametrize("core", PURE_CORES)
def test_what_decides_knows_no_socket_clock_loop_or_shared_memory(core: str) -> None:
    assert (ROOT / core).exists(), f"{core} has moved: name its new place here"
    for path in sources(ROOT / core):
        named = imports(path)
        assert {name.partition(".")[0] for name in named} & WORLD == set(), path
        assert named & SHARED_MEMORY == set(), path


def parameters(path: Path) -> Iterator[tuple[str, int]]:
    """Each constructor of a module, by its class, and how many parameters it takes."""
    text = path.read_text()
    if path.suffix == ".py":
        for each in ast.walk(ast.parse(text)):
            if isinstance(each, ast.ClassDef):
                for made in each.body:
                    if isinstance(made, ast.FunctionDef) and made.name == "__init__":
                        yield each.name, len(made.args.posonlyargs + made.args.args + made.args.kwonlyargs) - 1
        return
    name = ""
    for found in CONSTRUCTOR.finditer(text):
        name = found[1] or name
        if not found[1]:
            yield name, sum(part not in ("", "self", "*") and part[0] != "*" for part in listed(text, found.end()))


def listed(text: str, start: int) -> list[str]:
    """What commas part from `start` to the bracket that closes it, leaving those in brackets of their own."""
    depth, parts = 1, [""]
    for char in text[start:]:
        depth += (char in "([{") - (char in ")]}")
        if depth == 0:
            break
        if char == "," and depth == 1:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


def test_constructors_are_read_from_both_languages(tmp_path: Path) -> None:
    compiled, plain = tmp_path / "one.pyx", tmp_path / "two.py"
    compiled.write_text(
        "cdef class One:\n    def __cinit__(self, *_args):\n        pass\n\n"
        "    def __init__(\n        self, int a, b: Callable[[], tuple[int, int]], *, object c=set(),\n    ):\n"
    )
    plain.write_text("class Two:\n    def __init__(self, a: int, *, b: int = 0) -> None: ...\n")
    assert list(parameters(compiled)) == [("One", 0), ("One", 3)]
    assert list(parameters(plain)) == [("Two", 2)]


def test_constructors_take_few_parameters() -> None:
    found = {
        f"{path.relative_to(PACKAGE).as_posix()}::{name}": count
        for path in sources(PACKAGE)
        if path.suffix != ".pxd"
        for name, count in parameters(path)
        if count > MAX_PARAMETERS
    }
    assert found == MORE_PARAMETERS


def test_files_are_short() -> None:
    """Those of records.pxd are what a build writes."""
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines())
        for suffix in ("py", "pyx", "pxd", "pyi")
        for path in PACKAGE.rglob(f"*.{suffix}")
        if path.name != "records.pxd"
    }
    assert {name for name, count in lines.items() if count > MAX_LINES} == set()


def test_a_stub_is_of_a_module_that_python_code_names() -> None:
    """The types of other stubs count: a checker reads those too."""
    named: set[str] = set()
    for folder in OURS:
        for suffix in ("py", "pyi"):
            for path in (ROOT / folder).rglob(f"*.{suffix}"):
                named |= imports(path)
    stubs = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in PACKAGE.rglob("*.pyi")}
    assert stubs - named == set()
