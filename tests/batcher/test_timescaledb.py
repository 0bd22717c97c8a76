"""Where a server has TimescaleDB preloaded, trades are a hypertable, and what is made of them is as it should be."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from msgspec import structs

from lockstep.cli.rebuild_db import make
from lockstep.config.schema import DatabaseSection
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.backfill import fill
from lockstep.procs.batcher.compare import compare
from lockstep.procs.batcher.database import Embedded, migrate
from lockstep.procs.batcher.rebuild import Outcome
from lockstep.procs.batcher.spool import Spool
from tests.batcher.conftest import created, end_at_once
from tests.batcher.events import Stream
from tests.batcher.test_backfill import DEMO, born_ns, commands_of, events_of
from tests.batcher.test_candles import load, model, rows
from tests.batcher.test_writer import session
from tests.router.rig import Rig

# The programs' folder of a PostgreSQL that has the extension, where it is none of the places that are looked at.
PLACE = "LOCKSTEP_TIMESCALEDB"
CONTROL = "comment = 'what an installed extension leaves'\ndefault_version = '2.0.0'\n"
HYPERTABLES = "SELECT hypertable_name, num_chunks FROM timescaledb_information.hypertables"


def installed() -> Path | None:
    """The programs of a PostgreSQL on this machine that has TimescaleDB."""
    places = [os.environ.get(PLACE), str(Path(shutil.which("pg_config") or "/").parent)]
    places += [str(folder / "bin") for folder in sorted(Path("/usr/lib/postgresql").glob("*"), reverse=True)]
    for place in (Path(each) for each in places if each):
        if (place / "pg_config").exists() and (place / "initdb").exists():
            shared = subprocess.run([place / "pg_config", "--sharedir"], capture_output=True, text=True, check=True)
            if (Path(shared.stdout.strip()) / "extension" / "timescaledb.control").exists():
                return place
    return None


class Preloaded(Embedded):
    """A server of other programs than the wheel's, with the extension loaded, or as it is without being asked to."""

    def __init__(self, data: Path, programs: Path, preload: bool) -> None:
        super().__init__(data)
        self._installed = programs, super()._installed[1]
        self._preload = preload

    def _options(self) -> str:
        return super()._options() + (" -c shared_preload_libraries=timescaledb" if self._preload else "")

    def _run(self, program: str, *arguments: str, folder: Path | None = None) -> None:
        """Servers before 17 have no choice of how to sync."""
        super()._run(program, *(each for each in arguments if "sync-method" not in each), folder=folder)


@pytest.fixture(scope="module", params=[True, False], ids=["preloaded", "installed alone"])
def timescale(request: pytest.FixtureRequest) -> Iterator[Preloaded]:
    programs = installed()
    if programs is None:
        pytest.skip(f"no PostgreSQL with TimescaleDB: install one, or name its programs' folder in {PLACE}")
    with tempfile.TemporaryDirectory(prefix="lockstep-test-") as folder:
        server = Preloaded(Path(folder), programs, request.param)
        server.start()
        yield server
        end_at_once(server)


def test_trades_of_many_days_and_what_is_made_of_them(timescale: Preloaded, tmp_path: Path) -> None:
    stream = Stream(seed=11, day_ns=30_000_000_000_000).define()
    migrate(timescale.url)
    assert migrate(timescale.url) == []
    spool = Spool(tmp_path)
    with session(timescale.url) as opened:
        for _ in range(4):
            load(opened, stream.steps(60), spool)
    assert rows(timescale.url) == model(stream)
    assert compare(timescale.url, stream.rings.__getitem__, stream.commands).clean
    with psycopg.connect(timescale.url) as connection:
        days = connection.execute("SELECT count(DISTINCT date_trunc('day', time, 'UTC')) FROM trades").fetchone()
        assert days is not None
        assert days[0] > 2
        if timescale._preload:
            assert connection.execute(HYPERTABLES).fetchall() == [("trades", days[0])]
        else:
            kind = connection.execute("SELECT relkind FROM pg_class WHERE oid = 'trades'::regclass").fetchone()
            assert kind == ("p",)


def test_a_database_with_a_hypertable_is_rebuilt(timescale: Preloaded, rig: Rig, journal: Path) -> None:
    database = created(timescale.url, "template0")
    venue = structs.replace(DEMO, database=DatabaseSection(url=database))
    migrate(database)
    fill(venue, journal, Author(), born_ns(rig), len(rig.log) // 2)
    outcome = Outcome()
    make(venue, journal, "", outcome)
    assert (outcome.problem, outcome.complete) == ("", len(rig.log))
    assert compare(database, events_of(rig), commands_of(rig)).clean
    if timescale._preload:
        with psycopg.connect(database) as connection:
            assert [name for name, _ in connection.execute(HYPERTABLES)] == ["trades"]


def test_installed_alone_it_is_said_once_and_trades_get_partitions(
    empty_database: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A real server that offers the extension: its library is not there, which creating it would need."""
    (data / "extension").mkdir()
    (data / "extension" / "timescaledb.control").write_text(CONTROL)
    for folder in (data, data / "extension"):
        folder.chmod(0o755)  # the server may be another user's
    name = empty_database.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET extension_control_path = '$system:{data}'".encode())
    with psycopg.connect(empty_database) as connection:
        offered = connection.execute("SELECT FROM pg_available_extensions WHERE name = 'timescaledb'")
        assert offered.rowcount == 1
    assert "0001-tables" in migrate(empty_database)
    assert migrate(empty_database) == []
    said = capsys.readouterr().err
    assert said.count("TimescaleDB is installed, but not preloaded: trades get partitions of a day") == 1
    assert "add timescaledb to shared_preload_libraries before the first start" in said
    with psycopg.connect(empty_database) as connection:
        kind = connection.execute("SELECT relkind FROM pg_class WHERE oid = 'trades'::regclass").fetchone()
        assert kind == ("p",)
