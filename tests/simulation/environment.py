"""What a simulated venue's processes share: rings of each generation, the board, images, and snapshots in files.

It stands for shared memory, and for what the supervisor does to it; the rules of what begins where are the venue's own.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from random import Random

import msgspec
from msgspec import structs

from lockstep.config.schema import Config
from lockstep.core.tables.saved import Loader, Saver
from lockstep.core.venue import venue as venues
from lockstep.core.venue.instrument_images import Kept
from lockstep.core.venue.node import Node
from lockstep.core.venue.snapshot_parts import (
    Digests,
    NotSyncedError,
    Start,
    Write,
    digests_of,
    folder_of,
    load_part,
    part_name,
)
from lockstep.core.venue.topology import LOG, RingSpec, Topology
from lockstep.core.venue.venue import Manifest, Venue
from lockstep.shm.bell import Bells
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import NO_BELL, Consumer, Ring
from tests.simulation.setting import homes_of


class Ground:
    """One run of a venue. `manifest` is what the supervisor has written last."""

    def __init__(
        self,
        topology: Topology,
        config: Config,
        data: Path,
        boot_id: str,
        start: Start,
        known_seq: int,
        anchor_ns: int,
        node: Node,
    ) -> None:
        self.data = data
        self.manifest = Manifest(
            boot_id, "", str(data), config, topology, start, known_seq=known_seq, anchor_ns=anchor_ns, node=node,
            homes=homes_of(config),
        )  # fmt: skip
        self.board = Board.private()
        self.images = Kept()
        self.bells = Bells.private()
        self.logs: dict[int, Ring] = {}
        venues.set_back(self.board, start)
        self.rings = {ring.name: self._made(ring) for ring in topology.rings}
        self.logs[self.manifest.generation] = self.rings[LOG]
        self.board.set(Word.GENERATION, self.manifest.generation)
        self.board.set(Word.COMMIT_BY, venues._commit_by(self.manifest))
        self.board.set(Word.LEASE_UNTIL, venues._lease_until(self.manifest))

    def become(self, node: Node) -> None:
        """The supervisor writes another role into the manifest."""
        self.manifest = structs.replace(self.manifest, node=node)

    def next_generation(self, start: Start, known_seq: int, left: dict[str, int]) -> None:
        """As the supervisor does it while the core is down: new rings, words set back, and the generation last.

        Who has `left` the gate is out of the new rings' too.
        """
        before = self.manifest
        is_drained = self.board.get(Word.JOURNAL_READY) == before.generation
        self.manifest = structs.replace(
            before,
            start=start,
            known_seq=known_seq,
            generation=before.generation + 1,
            draining=before.generation if is_drained else before.draining,
        )
        self.rings |= {ring.name: self._made(ring) for ring in before.topology.rings if ring.is_core}
        self.logs[self.manifest.generation] = self.rings[LOG]
        for ring in before.topology.rings:
            for agent in left.keys() & {*ring.consumers} if ring.events_of is not None else ():
                self.rings[ring.name].take_out(agent, left[agent])
        venues.set_back(self.board, start)
        self.board.set(Word.GENERATION, self.manifest.generation)

    def _made(self, ring: RingSpec) -> Ring:
        manifest, start = self.manifest, self.manifest.start
        memory = mmap.mmap(-1, Ring.size_for(ring.capacity))
        first = 1 if ring.events_of is None else start.numbers[ring.events_of] + 1
        incarnation = manifest.generation if ring.is_core else int(manifest.boot_id[:8], 16)
        consumers = [(agent, NO_BELL) for agent in (*ring.consumers, *ring.observers)]
        Ring.format(memory, ring.capacity, consumers, incarnation, start.seq + 1 if ring.name == LOG else first)
        for agent in ring.observers:
            Ring(memory).take_out(agent, 0)
        return Ring(memory)


class Attached(Venue):
    """The run as one process sees it, which learns of a generation when it looks."""

    def __init__(self, ground: Ground, parts: Parts, board: Board) -> None:
        super().__init__(ground.manifest, dict(ground.rings), ground.bells, board, ground.images, parts)
        self._ground = ground
        self.data = ground.data

    def renew(self) -> None:
        manifest = self._ground.manifest
        self._rings |= {ring.name: self._ground.rings[ring.name] for ring in manifest.topology.rings if ring.is_core}
        self._manifest = manifest
        self.start, self.generation = manifest.start, manifest.generation

    def undrained_log(self, agent: str) -> Consumer | None:
        return self._ground.logs[self.draining].consumer(agent) if self.draining else None


class Parts:
    """One process's way to save parts: what is saved is what there is now; the file gets its name some turns later.

    A process that dies takes the children with it that were to write its parts.
    """

    keeps_digests = False  # who has no other node compares none

    def __init__(self, data: Path, start: Start, draw: Random) -> None:
        self.start = start
        self._data = data
        self._draw = draw
        self._under_way: list[tuple[int, Path, Path]] = []
        self._unsafe: tuple[int, NotSyncedError] | None = None
        self.turn = 0

    def save(self, seq: int, agent: str, write: Write, digests: Digests | None = None) -> None:
        folder = folder_of(self._data, seq)
        folder.mkdir(parents=True, exist_ok=True)
        if digests is not None and self.keeps_digests:
            digests_of(folder, agent).write_bytes(msgspec.json.encode(digests()))
        temporary = folder / f"{agent}.{self.turn}.new"
        due = self.turn + self._draw.randint(0, 60)
        try:
            _write(temporary, write)
        except NotSyncedError as error:
            self._unsafe = (due, error)
        except OSError:  # no part comes of it
            return
        self._under_way.append((due, temporary, folder / part_name(agent)))

    def load(self, agent: str) -> Loader | None:
        return load_part(self.start, agent)

    def reap(self) -> None:
        """Give their names to the parts that are written by now. NotSyncedError, as a child that ends with it."""
        if self._unsafe is not None and self._unsafe[0] <= self.turn:
            raise self._unsafe[1]
        for due, temporary, path in [entry for entry in self._under_way if entry[0] <= self.turn]:
            self._under_way.remove((due, temporary, path))
            if temporary.exists():  # else the folder was dropped meanwhile
                temporary.rename(path)


def _write(file: Path, write: Write) -> None:
    """A part, as the child of a stage writes it: what its saver writes by system calls comes to the disk by `os`."""
    memory = os.memfd_create("part")
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        saver = Saver(memory)
        write(saver)
        saver.finish()
        content = os.pread(memory, os.fstat(memory).st_size, 0)
        while content:
            content = content[os.write(fd, content) :]
        os.fsync(fd)
    finally:
        os.close(memory)
        os.close(fd)
