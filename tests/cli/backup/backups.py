"""A venue that is stopped, and its backups: what the tests of them do again and again."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

from msgspec import structs

from lockstep.cli.backup import proving, restoring
from lockstep.cli.backup.pace import Pace
from lockstep.cli.backup.proving import Proof
from lockstep.cli.backup.repository import Point, Repository
from lockstep.cli.backup.taking import Taking
from lockstep.cli.replay import Digests, digests_of
from lockstep.core.journal.journal import JournalReader
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.venue.snapshot_parts import Start
from lockstep.procs.gateway import seq_num_file
from lockstep.procs.gateway.restored import ROW
from tests.cli.test_verify import SEGMENT_BYTES, Busy
from tests.forked import lockstep

SESSION, GENERATION, RESERVED = 7, 2, 70_000


class Backups:
    """A venue that is stopped, and the folder that its backups go to."""

    def __init__(self, folder: Path) -> None:
        self.busy = Busy(folder)
        self.data = self.busy.data
        self.repository = Repository(folder / "backup")
        self.restored = folder / "restored"
        store = self.data / "gateway.1"
        store.mkdir()
        (store / f"{0:020}.fix").write_bytes(b"messages" * 100)
        seq_num_file.write(store, b"boot", ROW.pack(SESSION, GENERATION, 1, RESERVED, 44))

    def take(self, keep: int = 0) -> tuple[Point, int]:
        """A backup, and how many bytes were read for it."""
        self.repository = Repository(self.repository.folder)
        lock = self.repository.lock()
        try:
            pace = Pace()
            point = Taking(self.busy.config, self.repository, pace).take()
            self.repository.publish(point)
            self.repository.prune(keep)
            return point, pace.done
        finally:
            lock.release()

    def prove(self) -> Proof:
        found, points = Proof([]), self.repository.points()
        proving.check_files(self.repository, points, found, Pace())
        if not found.problems:
            proving.replay(self.repository, points, found, lambda _: None)
        return found

    def restore(self, seq: int | None = None) -> restoring.Restored:
        self.restored.mkdir()
        chosen = restoring.plan(self.repository.points(), seq)
        return restoring.restore(self.repository, chosen, self.restored, "", Pace())

    def state(self, data: Path, seq: int) -> Digests:
        loaded = structs.replace(self.busy.config, venue=structs.replace(self.busy.config.venue, data=str(data)))
        core = ReplayedCore(loaded, data, Start.genesis(), seq, reader=False)
        core.run()
        return digests_of(core)


def shorten(backups: Backups, seq: int) -> list[bytes]:
    """Have the journal end with a record, as if the rest were still to come; which is returned."""
    reader = JournalReader(backups.data / "journal")
    records = list(reader)
    reader.close()
    for file in (backups.data / "journal").glob("*.journal"):  # beside them may be one that is only prepared
        if int(file.name[:20]) > 1:
            file.unlink()
    (backups.data / "journal" / f"{1:020}.journal").write_bytes(
        (backups.data / "journal" / f"{1:020}.journal").read_bytes()[:4096]
    )
    extend(backups, records[:seq])
    return records[seq:]


def extend(backups: Backups, records: list[bytes]) -> None:
    with JournalWriter(backups.data / "journal", "none", SEGMENT_BYTES) as writer:
        for at in range(0, len(records), 50):
            writer.append(records[at : at + 50])


def command(*arguments: object) -> CompletedProcess[str]:
    """At the tests' own priority: the lowest one gets nothing where all of them run at once."""
    if arguments[0] == "backup" and not any(str(word).startswith("--rate") for word in arguments):
        arguments = (*arguments, "--rate", "0")
    return lockstep(*arguments)
