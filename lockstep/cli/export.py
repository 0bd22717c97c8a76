"""`lockstep export`: trades, candles or orders of an instrument, as a file.

It only reads the database. A file has its name once it is whole: what is interrupted leaves nothing under it.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import importlib
import io
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import psycopg
from cyclopts import Parameter
from msgspec import Struct

from lockstep.cli.errors import UsageError
from lockstep.cli.progress import Progress
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json
from lockstep.core.diagnostics.counts import counted
from lockstep.core.rules.intervals import SECONDS
from lockstep.procs.api import export as streams
from lockstep.procs.api.history.rows import HistoryUnavailableError
from lockstep.procs.batcher import database

Kind = Literal["trades", "candles", "orders"]
SUFFIXES = (".csv", ".csv.gz", ".parquet")
ROWS_AT_ONCE = 50_000  # of a Parquet file's groups
# Of a Parquet file's columns that are neither text nor amounts.
WHOLE = ("matcher", "trade_id", "order_id", "user_id", "mate_order_id", "trades")
FLAGS = ("auction", "post_only")
TIMES = ("time", "created", "updated")
TEXTS = (
    "cl_ord_id", "side", "taker_side", "type", "time_in_force", "state", "end_reason", "self_trade", "list_kind",
    "list_name",
)  # fmt: skip
AMOUNT = (38, 18)  # digits of an amount, and those behind the point


class Exported(Struct):
    """What was written: how many rows, and how many bytes the file has."""

    file: str
    rows: int
    size_bytes: int


def export(
    what: Annotated[Kind, Parameter(help="trades, candles or orders (of all accounts).")],
    symbol: Annotated[str, Parameter(help="The instrument.")],
    file: Annotated[Path, Parameter(help="Its name says the format: .csv, .csv.gz or .parquet.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    interval: Annotated[str, Parameter(help="Of candles: 1s, 1m, 3m … 1d, 3d, 1w or 1M.")] = "1m",
    since: Annotated[str, Parameter(name=["--from"], help="From this time on (UTC), as 2026-11-23T18:40.")] = "",
    until: Annotated[str, Parameter(name=["--to"], help="Before this time (UTC).")] = "",
    replace: Annotated[bool, Parameter(negative=(), help="Replace the file if it is there.")] = False,
    json: Json = False,
) -> int:
    """Write trades, candles or orders of an instrument to a file: CSV, gzip or Parquet, by its name.

    Trades are as corrections left them, candles have no hole, amounts are exact. All rows are of one moment, and the
    venue may run. Parquet needs pyarrow: pip install 'lockstep-venue[parquet]'.

    Exit codes: 0 the file is written; 1 the database can't be asked; 2 the command line or the configuration is wrong.
    """
    loaded = load(config, secrets=False)
    suffix = next((each for each in sorted(SUFFIXES, key=len, reverse=True) if file.name.endswith(each)), None)
    if suffix is None:
        raise UsageError(f"{file}: its name must end in one of {', '.join(SUFFIXES)}")
    if interval not in SECONDS:
        raise UsageError(f"{interval} is no interval: there are {', '.join(SECONDS)}")
    if file.exists() and not replace:
        raise UsageError(f"{file} is there already: give another name, or --replace")
    if not file.parent.is_dir():
        raise UsageError(f"{file.parent} is no folder")
    span = {"since": time_of(since or "1970-01-01"), "until": time_of(until or "9999-12-31")}
    if what == "candles":
        span["interval"] = interval  # type: ignore[assignment]
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        sink = _sink(part, suffix)
        with database.started(loaded) as url, Progress("exporting", 0, "rows") as progress:
            asyncio.run(_write(streams.STREAMS[what](url, symbol, **span), sink, progress))
        with part.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(part, file)
    except streams.UnknownSymbolError as error:
        raise UsageError(str(error)) from None
    except (HistoryUnavailableError, database.UnavailableError, psycopg.Error) as error:
        return fail(f"database: {str(error).strip()}", json=json)
    finally:
        part.unlink(missing_ok=True)
    done = Exported(str(file), sink.rows, file.stat().st_size)
    if json:
        print_json(done)
    else:
        console().print(f"{counted(done.rows, 'row')} in {file} ({done.size_bytes:,} bytes)", soft_wrap=True)
    return EXIT_OK


async def _write(stream: AsyncIterator[bytes], sink: _Text | _Parquet, progress: Progress) -> None:
    async for chunk in stream:
        sink.write(chunk)
        progress.show(sink.rows)
    sink.close()


class _Text:
    """CSV as it comes, compressed or not."""

    def __init__(self, path: Path, *, is_compressed: bool) -> None:
        self._out = gzip.open(path, "xb", 6) if is_compressed else path.open("xb")  # noqa: SIM115
        self._lines = 0

    @property
    def rows(self) -> int:
        """Lines but the first. No field of ours has a line break."""
        return max(0, self._lines - 1)

    def write(self, chunk: bytes) -> None:
        self._out.write(chunk)
        self._lines += chunk.count(b"\n")

    def close(self) -> None:
        self._out.close()


class _Parquet:
    """Groups of rows, with types: amounts are decimals, times have microseconds."""

    def __init__(self, path: Path, arrow: Any, parquet: Any) -> None:
        self._path, self._arrow, self._parquet = path, arrow, parquet
        self._writer: Any = None
        self._rest = b""
        self._names: list[str] = []
        self._held: list[list[str]] = []
        self.rows = 0

    def write(self, chunk: bytes) -> None:
        whole, end, self._rest = (self._rest + chunk).rpartition(b"\n")
        if not end:
            return
        lines = list(csv.reader(io.StringIO(whole.decode())))
        if not self._names and lines:
            self._begin(lines.pop(0))
        self._held += lines
        self.rows += len(lines)
        if len(self._held) >= ROWS_AT_ONCE:
            self._put()

    def close(self) -> None:
        self._put()
        self._writer.close()

    def _begin(self, names: list[str]) -> None:
        self._names = names
        self._schema = self._arrow.schema([(name, self._type(name)) for name in names])
        self._writer = self._parquet.ParquetWriter(self._path, self._schema)

    def _type(self, name: str) -> Any:
        if name in WHOLE:
            return self._arrow.int64()
        if name in FLAGS:
            return self._arrow.bool_()
        if name in TIMES:
            return self._arrow.timestamp("us", tz="UTC")
        return self._arrow.string() if name in TEXTS else self._arrow.decimal128(*AMOUNT)

    def _put(self) -> None:
        columns = [
            self._arrow.array([_value(name, row[i]) for row in self._held], self._schema.field(name).type)
            for i, name in enumerate(self._names)
        ]
        self._writer.write_table(self._arrow.Table.from_arrays(columns, schema=self._schema))
        self._held = []


def _value(name: str, text: str) -> Any:
    if text == "":
        return None
    if name in WHOLE:
        return int(text)
    if name in FLAGS:
        return text == "t"
    if name in TIMES:
        return datetime.fromisoformat(text)
    return text if name in TEXTS else Decimal(text)


def _sink(path: Path, suffix: str) -> _Text | _Parquet:
    if suffix != ".parquet":
        return _Text(path, is_compressed=suffix == ".csv.gz")
    try:
        return _Parquet(path, importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet"))
    except ImportError:
        raise UsageError("Parquet needs pyarrow: pip install 'lockstep-venue[parquet]', or name a .csv.gz") from None


def time_of(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text} is no time: write it as 2026-11-23 or 2026-11-23T18:40:00") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
