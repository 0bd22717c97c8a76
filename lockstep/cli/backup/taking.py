"""What a backup of a venue has, and the order in which it is read, so that it fits together while the venue trades.

Each copy may know only of what later copies have: rows and messages come from events, and the journal, copied last, has
all that caused them. It changes nothing of the venue.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from msgspec import structs

from lockstep.cli.backup import tables
from lockstep.cli.backup.pace import Pace, chunks
from lockstep.cli.backup.repository import File, Point, RepositoryError
from lockstep.cli.running import attach
from lockstep.config.schema import Config
from lockstep.core.journal.end import End, chain_at, end_before, end_of, segment_header
from lockstep.core.journal.format import file_name
from lockstep.core.journal.journal import JournalError, segment_seqs
from lockstep.core.journal.repair import tail
from lockstep.core.recovery import retained_definitions, snapshot_catalog
from lockstep.core.recovery.snapshot_catalog import SavedSnapshot
from lockstep.core.rules.credentials import without_passwords
from lockstep.core.tables.saved import DamagedPart
from lockstep.core.venue import homes, venue_key, voided_commands
from lockstep.core.venue.committed import committed
from lockstep.core.venue.snapshot_parts import folder_of, part_name
from lockstep.procs.batcher import database
from lockstep.procs.gateway import segments, seq_num_file
from lockstep.procs.gateway.store_reader import PATTERN

JOURNAL = "journal"
DATABASE = "database"
SPOOL = "spool"
SMALL = (voided_commands.FILE, homes.FILE, retained_definitions.FILE, venue_key.FILE)


class Segment(NamedTuple):
    """A segment of the journal that another one follows: it never changes, and these values identify it.

    `chain` is the hash of all records before it, `next_chain` before the following one, which begins with `next_seq`.
    """

    journal_id: str
    number: int
    first_seq: int
    chain: int
    next_seq: int
    next_chain: int

    @property
    def known(self) -> str:
        """The same in a file's `known`."""
        return "-".join(map(str, self))

    @classmethod
    def of(cls, file: File) -> Segment | None:
        """What a file's `known` says; None of the last segment, which nothing follows yet."""
        if not file.known:
            return None
        journal_id, *others = file.known.split("-")
        return cls(journal_id, *map(int, others))


class Target(Protocol):
    """Where a backup's contents go: a locked `Repository`, or another place that does as that does."""

    folder: Path

    def points(self) -> list[Point]: ...
    def object(self, sha256: str) -> Path: ...
    def find(self, path: str, known: str) -> File | None: ...
    def add(self, path: str, source: Path, size: int, speed: Pace, known: str = "") -> File: ...
    def add_content(self, path: str, content: Iterator[bytes], known: str = "") -> File: ...
    def note(self, file: File) -> File: ...


class Taking:
    """One backup of the venue of `config` into `repository`."""

    def __init__(self, config: Config, repository: Target, pace: Pace) -> None:
        self._config = config
        self._data = Path(config.venue.data)
        self._journal = self._data / JOURNAL
        self._repository = repository
        self._pace = pace
        self._sealed: dict[tuple[str, int], tuple[Segment, File]] = {}  # by journal and number

    def take(self) -> Point:
        """Copy what is not there yet, and return the backup; it is not published.

        RepositoryError if the folder has another history, JournalError, psycopg.Error, UnavailableError, OSError.
        """
        points = self._repository.points()
        if points:
            self._check_history(points[-1])
        for file in (file for point in points for file in point.below(JOURNAL)):
            self._keep(file)
        self._copy_full()  # before anything that must be of one moment
        with self._pinned() as entry:
            files = [] if entry is None else self._snapshot(entry)
            database_seq = None
            if self._before(segment_seqs(self._journal)[-1])[0] > 1:
                if entry is None:
                    raise JournalError("its beginning was removed, and there is no snapshot that leads to what is left")
                files += self._appended(self._data / SPOOL, "[0-9a-f]" * 16 + ".spool")
                database_seq = self._rows(files)
            for store in segments.stores(self._data):
                files += self._appended(store, PATTERN, ".start")
                files += self._whole([store / seq_num_file.NAME])
            end = self._end()
            files += self._whole(self._data / name for name in SMALL)
        self._copy_full()
        files.append(self._last(end))
        first_seq, before = self._before(end.segment)
        files += before
        venue, snapshot = self._config.venue.name, 0 if entry is None else entry.seq
        return Point(
            venue, end.journal_id.hex(), end.seq, end.chain, first_seq, snapshot, database_seq, time.time_ns(),
            _without_secrets(self._config), files,
        )  # fmt: skip

    def _end(self) -> End:
        """Where the journal is committed to now; its offset is that of the last batch without a record behind that."""
        venue = attach(self._data)
        if venue is None:
            return end_of(self._journal)
        seq = committed(venue)
        before = end_before(self._journal, seq)
        return before if before.seq == seq else before._replace(seq=seq, chain=chain_at(self._journal, seq))

    def _check_history(self, last: Point) -> None:
        """Check that the journal is that of the last backup, and goes on after it."""
        end = self._end()
        where = self._repository.folder
        if last.journal_id != end.journal_id.hex():
            raise RepositoryError(f"{where} has backups of another venue ({last.venue}): give this one its own folder")
        first = segment_seqs(self._journal)[0]
        if end.seq < last.seq or (first <= last.seq + 1 and chain_at(self._journal, last.seq) != last.chain):
            raise RepositoryError(
                f"{where} has backups up to record {last.seq:,}, and the journal of {self._data} has another history: "
                f"it ends at {end.seq:,}, or was restored to before that. Keep them, and give this venue a new folder"
            )

    @contextlib.contextmanager
    def _pinned(self) -> Iterator[SavedSnapshot | None]:
        """The newest snapshot, pinned so that it is not removed meanwhile; None if there is none."""
        venue = attach(self._data)
        for entry in reversed(snapshot_catalog.entries(self._data)):
            if venue is not None and entry.seq > committed(venue):
                continue  # a failover could take its mark back
            with snapshot_catalog.pinned(self._data, entry.seq) as is_there:
                if is_there:
                    yield entry
                    return
        yield None

    def _keep(self, file: File) -> None:
        if (segment := Segment.of(file)) is not None:
            self._sealed[segment.journal_id, segment.number] = segment, file

    def _before(self, first_seq: int) -> tuple[int, list[File]]:
        """All copied segments that lead to the one that begins with a sequence, and where the first of them begins.

        Retention may have removed them since they were copied, long ago.
        """
        head = segment_header(self._journal, first_seq)
        number, chain, found = head.number, head.chain, []
        while (before := self._sealed.get((head.journal_id.hex(), number - 1))) is not None:
            segment, file = before
            if (segment.next_seq, segment.next_chain) != (first_seq, chain):
                break
            number, first_seq, chain = segment.number, segment.first_seq, segment.chain
            found.append(file)
        return first_seq, found

    def _copy_full(self) -> None:
        """Copy all segments that another one follows."""
        for seq, after in itertools.pairwise(segment_seqs(self._journal)):
            path = self._journal / file_name(seq)
            try:
                head, following = segment_header(self._journal, seq), segment_header(self._journal, after)
                segment = Segment(head.journal_id.hex(), head.number, seq, head.chain, after, following.chain)
                self._keep(self._full(path, segment))
            except (FileNotFoundError, JournalError):
                if path.exists():
                    raise
                # retention has removed it

    def _full(self, path: Path, segment: Segment) -> File:
        """A segment that another one follows, checked to be whole before it counts as a copy."""
        name = f"{JOURNAL}/{path.name}"
        if (found := self._repository.find(name, segment.known)) is not None:
            return found
        file = self._repository.add_content(name, chunks(path, path.stat().st_size, self._pace))
        if end_of(self._journal, segment.next_seq - 1).chain != segment.next_chain:
            raise JournalError(f"{path} does not lead to the segment behind it (lockstep verify says where)")
        return self._repository.note(structs.replace(file, known=segment.known))

    def _last(self, end: End) -> File:
        """The segment that the journal ends in, up to there."""
        path = self._journal / file_name(end.segment)
        full = self._sealed.get((end.journal_id.hex(), segment_header(self._journal, end.segment).number))
        if full is not None and full[0].next_seq == end.seq + 1:
            return full[1]
        content = chunks(path, end.offset, self._pace)
        before = end_before(self._journal, end.seq)
        if before.seq != end.seq:  # the batch has more: what was not committed is not in the backup
            content = itertools.chain(content, [tail(self._journal, before, end.seq)])
        return self._repository.add_content(f"{JOURNAL}/{path.name}", content)

    def _snapshot(self, entry: SavedSnapshot) -> list[File]:
        """Its parts, each checked to be whole, and its manifest. OSError if one is damaged."""
        folder = folder_of(self._data, entry.seq)
        name = folder.relative_to(self._data)
        found = []
        for agent, part in entry.parts.items():
            known = f"{entry.seq}-{entry.chain}-{part.crc}"
            file = self._repository.add(
                f"{name}/{part_name(agent)}", folder / part_name(agent), part.size, self._pace, known
            )
            try:
                is_whole = snapshot_catalog.check(self._repository.object(file.sha256)) == part
            except DamagedPart:
                is_whole = False
            if not is_whole:
                raise OSError(f"{folder / part_name(agent)} is damaged: take another snapshot (lockstep snapshot)")
            found.append(file)
        content = (folder / snapshot_catalog.MANIFEST).read_bytes()
        return [*found, self._repository.add_content(f"{name}/{snapshot_catalog.MANIFEST}", iter([content]))]

    def _rows(self, files: list[File]) -> int:
        """What only PostgreSQL has, if no journal reaches back to its first row."""
        with database.started(self._config) as url:
            return tables.dump(
                url, lambda name, rows: files.append(self._repository.add_content(f"{DATABASE}/{name}", rows))
            )

    def _appended(self, folder: Path, pattern: str, beside: str = "") -> list[File]:
        """Files that are only added to, as far as they are written now; the oldest may be removed meanwhile."""
        found: list[File] = []
        sizes = [(path, path.stat().st_size) for path in sorted(folder.glob(pattern)) if path.exists()]
        for path, size in sizes:
            try:
                own = [self._repository.add(str(path.relative_to(self._data)), path, size, self._pace)]
                own += self._whole([path.with_suffix(beside)] if beside else [])
            except FileNotFoundError:
                found.clear()  # and so are all before it
            else:
                found += own
        return found

    def _whole(self, paths: Iterable[Path]) -> list[File]:
        """Small files that are replaced as a whole; what is not there is left out."""
        found = []
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                content = path.read_bytes()
                found.append(self._repository.add_content(str(path.relative_to(self._data)), iter([content])))
        return found


def _without_secrets(config: Config) -> Config:
    """Hashes in place of passwords, and no alerts: a webhook's address may be a secret, too."""
    alerts = structs.replace(config.alerts, command="", webhook="")
    return structs.replace(without_passwords(config), alerts=alerts)
