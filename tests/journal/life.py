"""A journal's lives on a disk that forgets: written, interrupted anywhere, opened again, compared with its model.

It is the engine of the crash tests: what must hold is asserted here, which faults strike is the caller's choice.
"""

from __future__ import annotations

from functools import cache
from random import Random

from lockstep.core.journal.journal import JournalReader, verify
from lockstep.core.journal.writer import JournalWriter
from tests.broken import require
from tests.compiled import look_after
from tests.models import journal as model
from tests.simulation.disk import FakeDisk, Fates

PAGE = 4096
SIZES = (1, 1, 2, 5, 30, 31, 32, 62)


@cache
def record(seq: int, life: int) -> bytes:
    """What life number `life` writes at `seq`: other lives write something else there."""
    return model.record(seq, amount=life + 1)


class Journal:
    """One journal through its lives. `history` is all that was handed to it and is not known to be cut.

    `reported` was reported as durable (in mode none: as in the kernel); no power loss may take what is `safe`.
    """

    def __init__(self, disk: FakeDisk, durability: str = "local", segment_pages: int = 8) -> None:
        self.disk = disk
        self.durability = durability
        self.segment_bytes = segment_pages * PAGE
        self.history: list[bytes] = []
        self.reported = self.safe = self.opened_at = 0
        self.kept_from = 1
        self.life = 0
        self.ready = False  # in this run of the venue, a journaler has said what is durable
        self.writer: JournalWriter | None = None

    def open(self, *, alone: bool = False) -> bool:
        """Begin a life; False if the disk ended it at once. What is there must be what was written, all of it."""
        self.life += 1
        self.ready = alone
        trusted = self.reported if alone else None
        try:
            self.writer = JournalWriter(self.disk, self.durability, self.segment_bytes, trusted_seq=trusted)
        except OSError:
            return False
        last = self.opened_at = self.writer.last_seq
        require(last >= self.safe, f"records {last + 1} to {self.safe} were durable, and are gone")
        require(not alone or last == self.reported, f"trusted up to {last}, not to {self.reported}")
        self.check(last)
        self.ready = True
        del self.history[last:]
        self.reported = self.safe = last
        return True

    def check(self, last: int) -> None:
        kept = list(JournalReader(self.disk, self.kept_from, limit=last)) if last >= self.kept_from else []
        require(last <= len(self.history), f"records {len(self.history) + 1} to {last} were never written")
        require(kept == self.history[self.kept_from - 1 : last], "what is read is not what was written")
        assert self.writer is not None
        require(self.writer.chain == model.chain(self.history[:last]), "the chained hash differs")
        report = verify(self.disk)
        require(report.corruption is None, f"corrupt after it was opened: {report.corruption}")
        is_cut = self.writer.torn is None or self.writer.last_seq > self.opened_at
        require(not is_cut or report.torn_bytes == 0, "a torn end is still there after something was written")

    def append(self, count: int, wrap_at: int) -> bool:
        """Commit a batch; False if the disk ended this life."""
        assert self.writer is not None
        first = self.writer.last_seq + 1
        count = min(count, self.writer.max_batch)
        batch = [record(seq, self.life) for seq in range(first, first + count)]
        del self.history[first - 1 :]
        self.history += batch
        try:
            self.reported = self.writer.append(batch, wrap_at=min(wrap_at, count))
        except OSError:
            return False
        if self.durability == "local":
            self.safe = self.reported
        return True

    def retain(self, from_seq: int) -> bool:
        assert self.writer is not None
        try:
            self.writer.retain(from_seq)
        except OSError:
            self.kept_from = from_seq  # some of it may be gone
            return False
        self.kept_from = max(self.kept_from, self.writer.first_seq)
        return True

    def die(self) -> None:
        """The process ends, whatever state it is in."""
        if self.writer is not None:
            self.writer.close()
        self.writer = None
        self.disk.kill()

    def lose_power(self, fates: Fates | None = None) -> None:
        self.die()
        self.disk.power_on(fates)
        self.reported = self.safe


def live(seed: int, disk: FakeDisk, lives: int = 6) -> Journal:
    """So many lives of a journal, all drawn from the seed: which mode, which faults, when, and what survives them."""
    draw = Random(seed)
    journal = Journal(disk, draw.choice(("local", "local", "none")), draw.choice((2, 4, 8, 16)))
    alone = False
    for _ in range(lives):
        plan(draw, disk)
        if journal.open(alone=alone):
            write(draw, journal)
        alone = end(draw, journal)
    disk.fail_sync_at = disk.fail_write_at = disk.short_write_at = disk.power_off_at = 0
    require(journal.open(alone=alone), "it can't be opened on a disk without faults")
    require(journal.append(3, 0), "it can't be written on a disk without faults")
    journal.die()
    return journal


def plan(draw: Random, disk: FakeDisk) -> None:
    """Which fault strikes next, if any: about one life in five has none."""
    kind = draw.choice(("power", "power", "sync", "write", "short", "none"))
    disk.power_off_at = disk.operations + draw.randint(1, 120) if kind == "power" else 0
    disk.fail_sync_at = disk.syncs + draw.randint(1, 40) if kind == "sync" else 0
    disk.fail_write_at = disk.writes + draw.randint(1, 60) if kind == "write" else 0
    disk.short_write_at = disk.writes + draw.randint(1, 60) if kind == "short" else 0


def write(draw: Random, journal: Journal) -> None:
    for turn in range(draw.randint(0, 25)):
        if not journal.append(draw.choice(SIZES), draw.randint(0, 40)):
            return
        if draw.random() < 0.1 and not journal.retain(draw.randint(1, journal.reported)):
            return
        if draw.random() < 0.2:
            assert journal.writer is not None
            try:
                look_after(journal.writer, (turn + 1) * 10**9)
            except OSError:
                return


def end(draw: Random, journal: Journal) -> bool:
    """End a life, by loss of power or by the death of its process; whether its successor starts alone."""
    if journal.disk.off or draw.random() < 0.4:
        journal.lose_power()
        return False
    journal.die()
    return journal.ready and draw.random() < 0.5
