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

from procs.batcher import writer
from procs.batcher.database import Remote
from procs.batcher.loader import Loader
from procs.batcher.spool import Spool
from procs.batcher.spooler import Spooler
from procs.gateway import __main__ as gateway_main
from procs.journaler.__main__ import build as build_journaler
from procs.matcher.__main__ import build as build_matcher
from procs.publisher.feed import Feed, Kind
from procs.router.__main__ import build as build_router
from procs.venue import Venue
from shm.board import Board, Word
from shm.disk import Disk
from tests.batcher.feed import no_journal
from tests.invariants import require
from tests.simulation.database import Database
from tests.simulation.gate import Door

SPOOL_SEGMENT = 64 * 1024
BATCH_ROWS = 200


class Folder(type(Path())):  # type: ignore[misc]
    """The venue's data folder, in which the journal is on a simulated disk."""

    disk: Disk

    def __truediv__(self, name: Any) -> Any:
        return self.disk if name == "journal" else Path(str(self)) / name


class GatewayStage:
    def __init__(self, venue: Venue, name: str, draw: Random) -> None:
        with patch.object(gateway_main, "Server", Door):
            self.door = cast(Door, gateway_main.build(venue, name))
        self._draw = draw

    def step(self, now_ns: int) -> int:
        return self.door.poll(now_ns, self._draw)


class PublisherStage:
    """A feed, and the one subscriber of its trades and books, who checks what it is told."""

    def __init__(self, venue: Venue, name: str, seen: MarketData, board: Board) -> None:
        matchers = {matcher: venue.consumer(f"events.matcher.{matcher}", name) for matcher in venue.matchers}
        self.feed = Feed(venue.consumer("events.router", name), matchers, venue.board)
        self._board = board
        self._seen = seen
        self._wanted: set[str] = set()

    def step(self, _now_ns: int) -> int:
        work = self.feed.poll()
        if not self.feed.live:
            return work
        for symbol in self._seen.symbols:
            instrument = self.feed.find(symbol.lower())
            if symbol not in self._wanted and instrument is not None:
                self._wanted.add(symbol)
                for kind in (Kind.TRADE, Kind.BOOK_20):
                    self.feed.want(instrument, kind, True)
        for instrument, made in self.feed.pending():
            self._seen.take(instrument, made, self.feed.take(instrument, made), self._board.get(Word.DURABLE_SEQ))
            self.feed.clear(instrument, made)
        return work


class MarketData:
    """What a subscriber was told, over all lives of the venue."""

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
    """Spooler and loader, of which the loader is stepped instead of having a thread."""

    def __init__(self, venue: Venue, name: str, database: Database, session: Callable[..., writer.Session]) -> None:
        consumers = {0: venue.consumer("events.router", name)}
        consumers |= {matcher: venue.consumer(f"events.matcher.{matcher}", name) for matcher in venue.matchers}
        self.spool = Spool(venue.data / "spool", SPOOL_SEGMENT)
        self._spooler = Spooler(venue.board, consumers, self.spool)
        self.loader = Loader(self.spool, Remote(""), BATCH_ROWS, lambda: venue.board.get(Word.EPOCH), no_journal)
        self._database = database
        self._new_session = session
        self._session: writer.Session | None = None
        self._board = venue.board

    def step(self, now_ns: int) -> int:
        work = self._spooler.poll(now_ns)
        self._board.set(Word.SPOOLED, self.spool.end - self.loader.position)
        self._board.set(Word.DATABASE_SEQ, self.loader.complete_seq)
        return work

    def load(self) -> int:
        """One batch of the loader, or one try to connect."""
        if not (self._board.get(Word.EPOCH) and self.spool.born_ns):
            return 0
        try:
            if self._session is None:
                self._connect()
                return 1
            before = self.loader.position
            self.loader._load_batch(self._session)
            return int(self.loader.position > before)
        except (psycopg.Error, writer.RefusedError):
            self.disconnect()
            return 1

    def _connect(self) -> None:
        with patch.object(psycopg, "connect", self._database.connect):
            session = self._new_session("", self._board.get(Word.EPOCH), self.spool.born_ns)
        require(self.loader.reaches_spool(session), "I5: what stood before the spool is not in the database")
        session.teach(self.loader._batch)
        self.loader._reader.seek(self.loader.position)
        self._session = session

    def disconnect(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


__all__ = ["build_journaler", "build_matcher", "build_router"]
