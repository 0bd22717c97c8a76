"""The stages of a simulated venue: each is what its host builds, with a fake in place of sockets, disk and database.

A stage is stepped by the world and holds nothing that outlives its host but what its files keep.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, cast
from unittest.mock import patch

import psycopg

from lockstep.core.files.disk import Disk
from lockstep.core.venue.venue import Venue
from lockstep.procs.batcher import __main__ as batcher_main
from lockstep.procs.batcher import batcher as batcher_module
from lockstep.procs.batcher import writer
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.database import Remote
from lockstep.procs.batcher.spool import Spool
from lockstep.procs.gateway import __main__ as gateway_main
from lockstep.procs.journaler.__main__ import build as build_journaler
from lockstep.procs.matcher.__main__ import build as build_matcher
from lockstep.procs.publisher import __main__ as publisher_main
from lockstep.procs.publisher.__main__ import Publisher
from lockstep.procs.publisher.kinds import Kind
from lockstep.procs.router.__main__ import build as build_router
from lockstep.shm.bell import Reason
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer
from tests.broken import require
from tests.simulation.database import Database
from tests.simulation.login_stub import Door

SPOOL_SEGMENT = 64 * 1024
BATCH_ROWS = 200
READERS = ("gateway", "api", "publisher", "batcher")  # the edges that read released events


class Folder(type(Path())):  # type: ignore[misc]
    """The venue's data folder, in which the journal is on a simulated disk."""

    disk: Disk

    def __truediv__(self, name: Any) -> Any:
        return self.disk if name == "journal" else Path(str(self)) / name

    def resolve(self, strict: bool = False) -> Any:  # noqa: ARG002
        """The same on every machine."""
        return Path("/") / self.name


class GatewayStage:
    def __init__(self, venue: Venue, name: str, draw: Random) -> None:
        with patch.object(gateway_main, "Server", Door):
            self.door = cast(Door, gateway_main.build(venue, name))
        self._draw = draw

    def step(self, now_ns: int) -> int:
        return self.door.serve(now_ns, self._draw)

    def poll(self, now_ns: int) -> int:
        """The engine alone, while it catches up."""
        return self.door.engine.poll(now_ns)

    def wants(self) -> Reason:
        return self.door.engine.wants()

    def attach(self, consumers: dict[int, Consumer], board: Board) -> None:
        self.door.attach(consumers, board)


class Subscribed(Publisher):
    """A publisher with no server: its one subscriber gets trades and every state of every book, and checks them."""

    seen: MarketData
    durable: Board

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        self._wanted: set[str] = set()

    def _serve(self, _now_ns: int, _share: int) -> None:
        feed = self._feed
        for symbol in self.seen.symbols:
            instrument = feed.find(symbol.lower())
            if symbol not in self._wanted and instrument is not None:
                self._wanted.add(symbol)
                for kind in (Kind.TRADE, Kind.BOOK_20):
                    feed.want(instrument, kind, True)
        for instrument, made in feed.pending():
            self.seen.take(instrument, made, feed.take(instrument, made), self.durable.commit_position())
            feed.clear(instrument, made)

    def step(self, now_ns: int) -> int:
        return self.poll(now_ns)


def publisher(venue: Venue, name: str, seen: MarketData, durable: Board) -> Subscribed:
    """As its host builds it; `durable` is the venue's board, whatever the publisher sees."""
    with patch.object(publisher_main, "Publisher", Subscribed):
        made = cast(Subscribed, publisher_main.build(venue, name))
    made.seen, made.durable = seen, durable
    return made


class MarketData:
    """What a subscriber received, over all lives of the venue."""

    def __init__(self, symbols: tuple[str, ...]) -> None:
        self.symbols = symbols
        self.trades: dict[tuple[int, int], tuple[str, str]] = {}  # (instrument, trade id) -> price, quantity
        self.books: dict[int, tuple[list[Any], list[Any]]] = {}
        self.last_seq: dict[int, int] = {}
        self.messages = 0

    def take(self, instrument: int, kind: int, frames: bytes, durable: int) -> None:
        for payload in unframed(frames):
            self.messages += 1
            message = json.loads(payload)
            if kind == Kind.TRADE:
                key, said = (instrument, message["t"]), (message["p"], message["q"])
                require(self.trades.setdefault(key, said) == said, f"trade {key} was told otherwise before")
                continue
            for state in message:
                require(state["s"] <= durable, f"I8: a book after command {state['s']}, of which {durable} are safe")
                self.books[instrument] = (state["b"], state["a"])
                self.last_seq[instrument] = state["s"]


def unframed(frames: bytes) -> Iterator[bytes]:
    """The payloads of a server's WebSocket frames."""
    at = 0
    while at < len(frames):
        size = frames[at + 1]
        at += 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size = int.from_bytes(frames[at : at + width], "big")
            at += width
        yield frames[at : at + size]
        at += size


class BatcherStage:
    """The batcher as its host builds it; its loader is stepped instead of having a thread."""

    def __init__(self, venue: Venue, name: str, database: Database, session: Callable[..., writer.Session]) -> None:
        with (
            patch.object(batcher_main, "server", lambda *_: Remote("")),
            patch.object(batcher_module, "Spool", lambda folder, **spare: Spool(folder, SPOOL_SEGMENT, **spare)),
        ):
            self.batcher = batcher_main.build(venue, name)
        self.spool = self.batcher.spool
        self.loader = self.batcher._loader
        self.loader.is_heard = True  # its thread does not run: the database is not asked before there is an epoch
        self._database = database
        self._new_session = session
        self._session: writer.Session | None = None

    def step(self, now_ns: int) -> int:
        return self.batcher.poll(now_ns)

    def poll(self, now_ns: int) -> int:
        return self.batcher.poll(now_ns)

    def wants(self) -> Reason:
        return self.batcher.wants()

    def attach(self, consumers: dict[int, Consumer], board: Board) -> None:
        self.batcher.attach(consumers, board)

    def load(self) -> int:
        """One batch of the loader, or one try to connect."""
        if not self.loader.is_started:  # as `Batcher.start` does it
            self.batcher._join()
            self.loader.is_started = True
        author = self.batcher._author()
        if author is None or not self.spool.born_ns:
            return 0
        try:
            if self._session is None:
                self._connect(author)
                return 1
            if not self.loader.may_write():
                return 0
            before = self.loader.position
            self.loader._load_batch(self._session)
            return int(self.loader.position > before)
        except (psycopg.Error, writer.RefusedError):
            self.disconnect()
            return 1

    def _connect(self, author: Author) -> None:
        with patch.object(psycopg, "connect", self._database.connect):
            session = self._new_session("", author, self.spool.born_ns)
        require(self.loader.reaches_spool(session), "I5: what stood before the spool is not in the database")
        session.teach(self.loader._batch)
        self.loader._reader.seek(self.loader.position)
        self._session = session

    def disconnect(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


__all__ = ["build_journaler", "build_matcher", "build_router"]
