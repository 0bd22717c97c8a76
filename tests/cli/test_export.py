"""An exported file has every row of its span, in each format, or is not there."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lockstep.cli.errors import UsageError
from lockstep.cli.export import export
from lockstep.procs.batcher.spool import Spool
from tests.api.test_history import SYMBOL, standing
from tests.batcher.conftest import data, database, server  # noqa: F401
from tests.batcher.events import Stream
from tests.batcher.test_spool import spool_all
from tests.batcher.test_writer import batch_after, session


@pytest.fixture
def loaded(database: str, tmp_path: Path) -> Stream:  # noqa: F811
    stream = Stream(seed=31, day_ns=700_000_000).define().steps(300)
    spool = Spool(tmp_path / "spool")
    spool_all(stream, spool)
    with session(database) as opened:
        opened.write(batch_after(opened, spool))
    return stream


@pytest.fixture
def config(database: str, tmp_path: Path) -> Path:  # noqa: F811
    file = tmp_path / "venue.toml"
    demo = (Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml").read_text()
    kept = [line for line in demo.splitlines() if not line.startswith(("data =", "url ="))]
    text = "\n".join(kept).replace("[venue]", f'[venue]\ndata = "{tmp_path / "data"}"', 1)
    file.write_text(text.replace("[database]", f'[database]\nurl = "{database}"', 1))
    return file


def lines(file: Path) -> list[dict[str, str]]:
    text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return list(csv.DictReader(text.decode().splitlines()))


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_trades_are_all_there_and_exact(
    config: Path, loaded: Stream, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    assert export("trades", SYMBOL, file, config, json=True) == 0
    expected = [(each.trade.number, each.price, each.quantity) for each in standing(loaded)]
    rows = [(int(row["trade_id"]), Decimal(row["price"]), Decimal(row["quantity"])) for row in lines(file)]
    assert rows == expected
    told = json.loads(capsys.readouterr().out)
    assert told == {"file": str(file), "rows": len(expected), "size_bytes": file.stat().st_size}


def test_a_span_begins_with_its_first_and_ends_before_its_last_moment(
    config: Path, loaded: Stream, tmp_path: Path
) -> None:
    assert export("trades", SYMBOL, tmp_path / "all.csv", config) == 0
    rows = lines(tmp_path / "all.csv")
    since, until = rows[5]["time"], rows[20]["time"]
    assert export("trades", SYMBOL, tmp_path / "some.csv", config, since=since, until=until) == 0
    assert lines(tmp_path / "some.csv") == [row for row in rows if since <= row["time"] < until]
    assert export("orders", SYMBOL, tmp_path / "orders.csv", config, since=since, until=until) == 0
    orders = lines(tmp_path / "orders.csv")
    assert orders
    assert all(since <= row["created"] < until for row in orders)
    assert loaded.resting


@pytest.mark.usefixtures("loaded")
def test_candles_have_no_hole_however_many_there_are(config: Path, tmp_path: Path) -> None:
    assert export("candles", SYMBOL, tmp_path / "c.csv", config, interval="1s") == 0
    assert export("trades", SYMBOL, tmp_path / "t.csv", config) == 0
    candles, trades = lines(tmp_path / "c.csv"), lines(tmp_path / "t.csv")
    assert sum(int(row["trades"]) for row in candles) == len(trades)
    assert sum(Decimal(row["quote_volume"]) for row in candles) == sum(Decimal(row["value"]) for row in trades)
    begins = [row["time"] for row in candles]
    assert begins == sorted(set(begins))
    assert len(candles) > 200


@pytest.mark.usefixtures("loaded")
def test_parquet_has_the_same_rows_with_types(config: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for what in ("trades", "candles", "orders"):
        assert export(what, SYMBOL, tmp_path / "a.parquet", config, replace=True) == 0
        assert export(what, SYMBOL, tmp_path / "a.csv", config, replace=True) == 0
        rows: list[dict[str, Any]] = parquet.read_table(tmp_path / "a.parquet").to_pylist()
        text = lines(tmp_path / "a.csv")
        assert len(rows) == len(text) > 0
        for row, line in zip(rows, text, strict=True):
            for name, value in row.items():
                if isinstance(value, Decimal):
                    assert value == Decimal(line[name])
                elif isinstance(value, (str, int)) and not isinstance(value, bool):
                    assert str(value) == line[name]


@pytest.mark.usefixtures("loaded")
def test_without_pyarrow_parquet_is_refused_clearly(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"lockstep-venue\[parquet\]"):
        export("trades", SYMBOL, tmp_path / "a.parquet", config)
    assert not list(tmp_path.glob("*a.parquet*"))


@pytest.mark.usefixtures("loaded")
def test_nothing_half_written_is_left(config: Path, tmp_path: Path, database: str) -> None:  # noqa: F811
    file = tmp_path / "out.csv"
    with pytest.raises(UsageError, match="no instrument NONE"):
        export("trades", "NONE", file, config)
    with pytest.raises(UsageError, match="name must end"):
        export("trades", SYMBOL, tmp_path / "out.txt", config)
    with pytest.raises(UsageError, match="no interval"):
        export("candles", SYMBOL, file, config, interval="7m")
    with pytest.raises(UsageError, match="no time"):
        export("trades", SYMBOL, file, config, since="yesterday")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE corrections RENAME TO elsewhere")
    assert export("trades", SYMBOL, file, config) == 1
    assert not list(tmp_path.glob("*out*"))
    file.write_text("mine")
    with pytest.raises(UsageError, match="already"):
        export("trades", SYMBOL, file, config)
    assert file.read_text() == "mine"
