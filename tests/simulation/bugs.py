"""Bugs that are planted into a simulated venue, to show that the simulation finds them.

Each changes what a test builds (a subclass, or a name that is replaced while the run lasts); production code has no
switch for any of them. Each names the rule of docs/log-rules.md, or the invariant, that it breaks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from msgspec import structs

from lockstep.core.files import space
from lockstep.core.journal.journal import JournalReader
from lockstep.core.journal.retain import retain
from lockstep.core.recovery import edge_catch_up, snapshot_catalog
from lockstep.core.schema.layout import type_of
from lockstep.core.schema.records import MAX_MATCHERS, CommandType, NewOrder
from lockstep.core.venue.snapshot_parts import Start, Write
from lockstep.core.venue.venue import Venue
from lockstep.procs.batcher import batcher
from lockstep.procs.batcher.loader import Loader, Loading
from lockstep.procs.batcher.rows import Batch
from lockstep.procs.batcher.spool import Spool
from lockstep.procs.batcher.writer import MOVE_WATERMARK, Session
from lockstep.procs.gateway import __main__ as gateway_main
from lockstep.procs.router import __main__ as router_main
from lockstep.procs.router.log_source import RecordList
from lockstep.procs.router.origin import Origin
from lockstep.procs.router.sequencer import Sequencer
from lockstep.procs.router.witnesses import Witnesses
from lockstep.procs.supervisor import snapshots
from lockstep.shm.board import Board, Word
from tests.models.journal import crc32c, stamp
from tests.simulation import planted_disk, planted_gateway, planted_stages, stages
from tests.simulation.api import Outcome
from tests.simulation.delayed import Asides, Deferred
from tests.simulation.disk import FakeDisk
from tests.simulation.environment import Parts
from tests.simulation.files import Files
from tests.simulation.login_stub import Door
from tests.simulation.setting import START_NS

if TYPE_CHECKING:
    from tests.simulation.lifecycle import Life

VERDICT_AT = 48 + 36 + 4 + 4 + 2  # in a NEW_ORDER


class Bug:
    """No bug: what a venue is made of by right."""

    disk: type[FakeDisk] = FakeDisk
    session: type[Session] = Session

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        """The bug is there for the length of the block."""
        yield

    parts: type[Parts] = Parts
    outcome: type[Outcome] = Outcome
    asides: type[Asides] = Asides
    files: type[Files] = Files

    def board_of(self, board: Board, agent: str) -> Board:  # noqa: ARG002
        """The board that a process is given."""
        return board

    def begin(self, start: Start) -> Start:
        """Where a start, or a generation, begins."""
        return start

    def at_death(self, agents: tuple[str, ...], world: Life) -> None:
        """What a dying process has done as its last."""

    def at_promotion(self, world: Life) -> None:
        """A node is told to lead."""

    def anchor_ns(self, of_run: int, world: Life) -> int:  # noqa: ARG002
        """What a process that starts now adds to the monotonic clock."""
        return of_run

    def catch_up(self, venue: Venue, name: str, stage: Any) -> None:
        """Bring an edge that starts again alone to where its predecessor was."""
        edge_catch_up.catch_up(venue, name, stage, lambda: None)

    def before_start(self, world: Life) -> None:
        """Before a whole start reads what is on the disk."""

    def stage(self, name: str, stage: Any, world: Life) -> Any:  # noqa: ARG002
        """What is stepped in place of a stage."""
        return stage


class ReleasedBeforeSync(Bug):
    """LOG-13, LOG-20: what is in the log counts as durable before it is on the disk."""

    def stage(self, name: str, stage: Any, world: Life) -> Any:
        return planted_stages.Hasty(stage, world.venue) if name == "journaler" else stage


class NeverSynced(Bug):
    """LOG-13, LOG-20: nothing is ever synced."""

    disk = planted_disk.PublishesBeforeSync


class RetriedAfterError(Bug):
    """LOG-20: after a failed sync it is tried again, and the second one succeeds."""

    disk = planted_disk.RetriesSync


class BelievedMemory(Bug):
    """LOG-20, LOG-27: the successor believes what it reads of pages whose sync failed."""

    disk = planted_disk.BelievesMemory


class NoDirectorySync(Bug):
    """LOG-27: a new segment's name is not synced."""

    disk = planted_disk.NoDirectorySync


class NamedBeforeHeader(Bug):
    """LOG-27: a segment gets its name before its header is on the disk."""

    disk = planted_disk.NamesBeforeHeader


class RewrittenPages(Bug):
    """LOG-26: batches are not padded, so that pages that are synced are written again."""

    disk = planted_disk.RewritesSyncedPages


class TruncatedInTheMiddle(Bug):
    """LOG-28: what looks torn is cut without a look behind it: here, from some batch of the last segment on."""

    def before_start(self, world: Life) -> None:
        names = [name for name in world.disk.names() if name.endswith(".journal")]
        if names and world.seen["whole start"] % 3 == 2:
            file = world.disk.entries[max(names)]
            pages = [at for at in range(4096, len(file.cached), 4096) if any(file.cached[at : at + 128])]
            if len(pages) > 1:
                at = pages[len(pages) // 2]
                size = len(file.cached)
                file.truncate(at)
                file.write(bytes(size - at), at)
                file.sync()


class WatermarkOutside(Bug):
    """The watermark is moved by a transaction of its own (I5)."""

    class session(Session):  # noqa: N801
        def write(self, batch: Batch) -> None:
            execute = self._connection.execute
            kept: list[tuple[Any, Any]] = []

            def without(query: Any, parameters: Any = None, **options: Any) -> Any:
                if query == MOVE_WATERMARK:
                    kept.append((query, parameters))
                    return None
                return execute(query, parameters, **options)

            with patch.object(self._connection, "execute", without):
                super().write(batch)
            for query, parameters in kept:
                execute(query, parameters)


class Ungated(Bug):
    """LOG-13: an edge looks at events that are not committed."""

    agent = ""

    def __init__(self) -> None:
        self._boards: list[tuple[Board, Board]] = []

    def board_of(self, board: Board, agent: str) -> Board:
        if agent != self.agent:
            return board
        told = Board.private()
        for word in (*Word, *range(Word.MATCHER_DONE, Word.MATCHER_DONE + MAX_MATCHERS)):
            told.set(word, board.get(word))
        self._boards.append((board, told))
        return told

    def stage(self, name: str, stage: Any, world: Life) -> Any:
        return (
            planted_stages.Mirrored(stage, self._boards[-1])
            if name == self.agent
            else super().stage(name, stage, world)
        )


class UngatedMarketData(Ungated):
    """LOG-13: market data of commands that are not committed."""

    agent = "publisher"


class UngatedReports(Ungated):
    """LOG-13: execution reports of commands that are not committed."""

    agent = "gateway.1"


class UngatedRows(Ungated):
    """LOG-13: rows of commands that are not committed."""

    agent = "batcher"


class ForgottenIds(Bug):
    """LOG-6: closed client order ids are forgotten at once."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(router_main, "Origin", lambda **parts: Origin(**parts, core=Sequencer(1))):
            yield


class Rewritten(RecordList):
    """The journal with every record changed by `change`, for a router that starts."""

    def __init__(self, directory: Any) -> None:
        super().__init__([])
        self.directory = directory

    def open(self, first: int, last: int) -> None:
        records = list(JournalReader(self.directory, first, last)) if last >= first else []
        RecordList.__init__(self, [stamp(self.change(record)) for record in records], first)
        super().open(first, last)

    def change(self, record: bytes) -> bytes:
        return record


class RecomputedVerdicts(Bug):
    """LOG-1: replay decides afresh what is accepted."""

    class source(Rewritten):  # noqa: N801
        def change(self, record: bytes) -> bytes:
            if record[4] != type_of(NewOrder):
                return record
            return record[:VERDICT_AT] + bytes(2) + record[VERDICT_AT + 2 :]

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(router_main, "Journal", self.source):
            yield


class MissingMarkers(RecomputedVerdicts):
    """LOG-7, LOG-9: replay does not settle where the markers say."""

    class source(Rewritten):  # noqa: N801
        def change(self, record: bytes) -> bytes:
            return record if record[4] != CommandType.MARKER else record[:48] + bytes(64) + record[112:]


class ReportsRepeated(Bug):
    """LOG-15: a gateway that starts again does not know what it has told."""

    def before_start(self, world: Life) -> None:
        for path in sorted(Path(str(world.data)).glob("gateway.1/*.fix")):
            path.write_bytes(_without_numbers(path.read_bytes()))


def _without_numbers(data: bytes) -> bytes:
    """A store's segment whose reports name no event."""
    made, at = bytearray(data[:64]), 64
    while at + 32 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        entry = bytearray(data[at : at + 32 + length])
        if len(entry) < 32 + length:
            break
        entry[24:32] = bytes(8)
        entry[0:4] = crc32c(bytes(entry[4:])).to_bytes(4, "little")
        size = 32 + (length + 7) // 8 * 8
        made += entry + data[at + 32 + length : at + size]
        at += size
    return bytes(made + data[at:])


class ClockOfItsOwn(Bug):
    """LOG-4: every process reads the wall clock when it starts, whatever it was when the others did."""

    def anchor_ns(self, of_run: int, world: Life) -> int:  # noqa: ARG002
        return START_NS + world.wall_shift_ns


class NumbersRestarted(Bug):
    """LOG-16: the events of a new generation are numbered from 1."""

    def begin(self, start: Start) -> Start:
        return structs.replace(start, numbers=(0,) * len(start.numbers))


class SavedTooLate(Bug):
    """LOG-18: a part is copied when it is written, not at the mark."""

    class parts(Parts):  # noqa: N801
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            self._late: list[tuple[int, int, str, Write]] = []

        def save(self, seq: int, agent: str, write: Write, _digests: object = None) -> None:
            self._late.append((self.turn + 25, seq, agent, write))

        def reap(self) -> None:
            for due, seq, agent, write in [entry for entry in self._late if entry[0] <= self.turn]:
                self._late.remove((due, seq, agent, write))
                super().save(seq, agent, write)
            super().reap()


class ManifestBeforeParts(Bug):
    """LOG-17: a snapshot counts as valid before all of its parts are there."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with (
            patch.object(snapshot_catalog, "missing", lambda *_: []),
            patch.object(snapshot_catalog, "_check", lambda _path: snapshot_catalog.Part(0, 0)),
        ):
            yield


class ReleasedBeforePublished(Bug):
    """LOG-5: the router frees commands of the gateways before they are in the log, and dies between the two."""

    def at_death(self, agents: tuple[str, ...], world: Life) -> None:
        if "router" in agents:
            world.venue.consumer("ingress.gateway.1", "router").take()


class FreedBeforeSync(Bug):
    """LOG-20: the journaler frees slots of the log before they are on the disk, and dies between the two."""

    def at_death(self, agents: tuple[str, ...], world: Life) -> None:
        if "journaler" in agents:
            world.venue.consumer("log", "journaler").take()


class RetainedTooLittle(Bug):
    """LOG-17: the journal goes up to its end when a snapshot is valid, and not up to the oldest that is kept."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:
        def all_of_it(journal: Any, _from_seq: int) -> list[int]:
            return retain(journal, world.ground.board.get(Word.LOG_END))

        with patch.object(snapshots, "retain", all_of_it):
            yield


class ReservedTooLate(Bug):
    """Numbers are given before the disk keeps that they may be."""

    class asides(Asides):  # noqa: N801
        _late: Deferred | None = None

        def finish(self) -> None:
            if self._late is not None:
                self._late.done()
            self._late, self._work = self._work, None


class Unsynced(Bug):
    """Some files are never synced, and believed to be."""

    where = ""

    def __init__(self) -> None:
        self.files = type("files", (_Unsynced,), {"where": self.where})


class _Unsynced(Files):
    where = ""

    def is_kept(self, name: str) -> bool:
        return self.where not in name


class StoreNotSynced(Unsynced):
    """A gateway's part knows more than the disk has of its store."""

    where = ".fix"


class SpoolNotSynced(Unsynced):
    """The batcher's part knows more than the disk has of the spool."""

    where = ".spool"


class NumbersNotSynced(Unsynced):
    """Numbers are given that the disk has not reserved."""

    where = "numbers"


class ReservationsUnread(Bug):
    """A host without the gateway's messages goes on as if no other one had given numbers since the snapshot."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(gateway_main, "reserved_behind", lambda *_: []):
            yield


class DeathByFullDisk(Bug):
    """A stage takes a full disk for one that is broken, and ends."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(space, "is_full", lambda _: False):
            yield


class ToldUnstored(Bug):
    """The gateway tells what its store has failed to keep: an append that fails counts as done."""

    class files(Files):  # noqa: N801
        def append(self, fd: int, data: bytes, offset: int) -> int:
            try:
                return super().append(fd, data, offset)
            except OSError:
                if self._disk.off or not self._names[fd].endswith(".fix"):
                    raise
                return len(data)


class RowsBeforeSpool(Bug):
    """Without syncs: the database has rows of which, after a loss of power, no file of the venue knows."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        def hasty(spool: Spool, loading: Loading, *given: Any, **_: Any) -> Loader:
            return Loader(spool, structs.replace(loading, spool_first=False), *given)

        with patch.object(batcher, "Loader", hasty):
            yield


class AtTheDoor(Bug):
    """A bug of the gateway's engine, which the door has for it."""

    door: type[Door] = Door

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(stages, "Door", self.door):
            yield


class ResendLeavesOut(AtTheDoor):
    """A resend leaves out what was sent."""

    door = planted_gateway.ResendLeavesOut


class LogoutLast(AtTheDoor):
    """An order behind its client's own Logout is accepted."""

    door = planted_gateway.LogoutLast


class WitnessesUnasked(Bug):
    """LOG-28: a journal's end is held against nothing that the edges' files, and snapshots, know."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(Witnesses, "objection", lambda *_: None):
            yield


ALL: tuple[type[Bug], ...] = (
    ReleasedBeforeSync, NeverSynced, RetriedAfterError, BelievedMemory, NoDirectorySync, NamedBeforeHeader,
    RewrittenPages, TruncatedInTheMiddle, WatermarkOutside, UngatedMarketData, UngatedReports, UngatedRows,
    ForgottenIds, RecomputedVerdicts, MissingMarkers, ReportsRepeated, ClockOfItsOwn, NumbersRestarted, SavedTooLate,
    ManifestBeforeParts, ReleasedBeforePublished, FreedBeforeSync, RetainedTooLittle, ReservedTooLate,
    StoreNotSynced, SpoolNotSynced, NumbersNotSynced, ReservationsUnread, DeathByFullDisk, ToldUnstored,
    ResendLeavesOut, LogoutLast, RowsBeforeSpool, WitnessesUnasked,
)  # fmt: skip
BUGS: dict[str, type[Bug]] = {bug.__name__: bug for bug in ALL}
