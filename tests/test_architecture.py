"""The direction of imports is the architecture: it is read from the sources, compiled modules' included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("shm", "procs", "config", "scripts", "bench", "tests")
IMPORT = re.compile(
    r"^\s*(?:from\s+([\w.]+)\s+c?import\s+(\([^)]*\)|[^\n(]*)|c?import\s+([\w., ]+?)(?:\s+as\s+\w+)?\s*$)", re.MULTILINE
)

PAGE = ROOT / "docs" / "ARCHITECTURE.md"
TOP = ("shm", "config", "scripts", "bench", "tests")


def pictured() -> tuple[tuple[str, ...], ...]:
    """The rooms of each layer, the lowest first, as the picture in docs/ARCHITECTURE.md draws them."""
    picture = PAGE.read_text().split("## Rooms and layers")[1].split("```")[1].strip()
    rows = [re.split(r"\s{2,}", line)[:-1] for line in picture.splitlines()]  # the last column says what they are
    return tuple(tuple(name if name in TOP else f"procs.{name}" for name in row) for row in reversed(rows))


# A room may import from the layers below its own, and from nothing beside it: so no import runs upwards.
LAYERS = pictured()
# The rules of an order's terms and of texts are written once, for the configuration too.
EXCEPTIONS = {("config", "shm.alphabet")}

# The api's dialects, and the modules that say which of them a request is for.
DIALECTS = ("procs.api.binance", "procs.api.v1")
SWITCHBOARD = ("procs.api.__main__", "procs.api.app", "procs.api.upgrade")

# What decides, and so must run in tests, in a replay and in a simulation as it is.
PURE_CORES = (
    "procs/matcher/amend.pyx",
    "procs/matcher/auction.pyx",
    "procs/matcher/bands.pyx",
    "procs/matcher/book.pyx",
    "procs/matcher/check.pyx",
    "procs/matcher/fillable_quantity.pyx",
    "procs/matcher/entry.pyx",
    "procs/matcher/expiry.pyx",
    "procs/matcher/fees.pyx",
    "procs/matcher/image.pyx",
    "procs/matcher/levels.pyx",
    "procs/matcher/matching.pyx",
    "procs/matcher/orders.pyx",
    "procs/matcher/event_writer.pyx",
    "procs/matcher/phases.pyx",
    "procs/matcher/resting.pyx",
    "procs/matcher/worklist.pyx",
    "procs/matcher/stop_orders.pyx",
    "procs/tables",
    "procs/rules/order_terms.pyx",
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
    "procs/publisher/candles.pyx",
    "procs/publisher/figures.pyx",
    "procs/publisher/tape.pyx",
    "procs/publisher/trades.pyx",
    "procs/venue/topology.py",
    "procs/supervisor/backoff.py",
    "procs/supervisor/recovery.py",
    "scripts/demo/population",
)
WORLD = {"socket", "asyncio", "uvloop", "time", "select", "selectors", "mmap", "posix_ipc", "threading", "subprocess"}
SHARED_MEMORY = {"shm.segment", "shm.bell", "shm.board", "shm.journal", "shm.journal_writer", "procs.venue.venue"}


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
    """The room of one of our modules: its folder in procs/, or its folder in the root."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "procs" else parts[0]


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
        "from procs.venue import (\n    topology,\n    venue as v,\n)\nfrom procs.matcher import fees\n"
    )
    assert imports(file) == {"a.b", "c.d", "e", "f", "g"} | {
        f"procs.{name}" for name in ("venue", "venue.topology", "venue.venue", "matcher", "matcher.fees")
    }


def test_a_cycle_is_found() -> None:
    assert cycle({"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}) == ["b", "d"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def foreign(name: str, named: set[str]) -> set[str]:
    """Those of the modules that `name` imports that are a dialect's, and not its own's."""
    of = {each: next((dialect for dialect in DIALECTS if f"{each}.".startswith(f"{dialect}.")), None) for each in named}
    return {each for each, dialect in of.items() if dialect is not None and not f"{name}.".startswith(f"{dialect}.")}


def test_an_import_of_a_dialect_is_found() -> None:
    planted = {"procs.api.binance.errors", "procs.api.v1.problems", "procs.api.read.views", "procs.api.v1"}
    assert foreign("procs.api.v1.orders", planted) == {"procs.api.binance.errors"}
    assert foreign("procs.api.binance.rest", planted) == {"procs.api.v1.problems", "procs.api.v1"}
    assert foreign("procs.api.read.past", planted) == planted - {"procs.api.read.views"}
    assert all(foreign(name, modules("procs/api")[name]) for name in SWITCHBOARD), "one needs to be no exception"


def test_no_dialect_knows_another_and_what_they_share_knows_none() -> None:
    found = {name: foreign(name, named) for name, named in modules("procs/api").items() if name not in SWITCHBOARD}
    assert {name: named for name, named in found.items() if named} == {}


def test_procs_has_rooms_only() -> None:
    loose = {path.name for path in (ROOT / "procs").iterdir() if path.suffix in (".py", ".pyx", ".pxd", ".pyi")}
    assert loose == {"__init__.py"}
    rooms = {f"procs.{path.parent.name}" for path in (ROOT / "procs").glob("*/__init__.py")}
    drawn = [room for layer in LAYERS for room in layer]
    assert sorted(drawn) == sorted([*rooms, *TOP])


@pytest.mark.parametrize("room", [room for layer in LAYERS[:-1] for room in layer])
def test_no_import_runs_upwards_or_sideways(room: str) -> None:
    for path in sources(ROOT / room.replace(".", "/")):
        others = {name for name in ours(path) if room_of(name) != room and (room, name) not in EXCEPTIONS}
        assert {name for name in others if layer_of(room_of(name)) >= layer_of(room)} == set(), path


@pytest.mark.parametrize("folder", ["shm", "config", "procs", "scripts"])
def test_modules_import_each_other_in_no_circle(folder: str) -> None:
    assert cycle(modules(folder)) == []


@pytest.mark.parametrize("core", PURE_CORES)
def test_what_decides_knows_no_socket_clock_loop_or_shared_memory(core: str) -> None:
    assert (ROOT / core).exists(), f"{core} has moved: name its new place here"
    for path in sources(ROOT / core):
        named = imports(path)
        assert {name.partition(".")[0] for name in named} & WORLD == set(), path
        assert named & SHARED_MEMORY == set(), path
