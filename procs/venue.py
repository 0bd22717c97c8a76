"""The shared memory of one run of a venue: created by the supervisor, attached by every host, or private to a test.

It finds rings, bells and the board by name; it never looks into them and starts nothing.
"""

from __future__ import annotations

import hashlib
import mmap
from pathlib import Path

import msgspec
from msgspec import Struct

from config.schema import Config
from procs.images import Filed, Images, Kept
from procs.supervisor.topology import Topology
from shm import board as board_module
from shm import segment
from shm.bell import Bells, Sleeper
from shm.board import Board
from shm.ring import NO_BELL, Consumer, Producer, Ring

BELLS_SIZE = 4096


class Manifest(Struct, frozen=True):
    """What a host must know of the run that it belongs to. The supervisor writes it where only its user can read it."""

    boot_id: str
    prefix: str
    data: str
    config: Config
    topology: Topology

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read the manifest that a supervisor wrote."""
        return msgspec.json.decode(path.read_bytes(), type=cls)


def prefix_of(data: Path) -> str:
    """How the names of all shared memory and message queues of the venue in `data` begin, whatever the run."""
    return f"/lockstep-{hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:10]}-"


def create(topology: Topology, config: Config, data: Path, boot_id: str) -> Manifest:
    """Create the rings, bells and board of a new run. SegmentError, and nothing left behind, where memory is short."""
    manifest = Manifest(boot_id, prefix_of(data) + boot_id[:8], str(data), config, topology)
    Filed(_images_of(data)).clear()
    try:
        bells = segment.create(f"{manifest.prefix}-bells", BELLS_SIZE)
        Bells.format(bells, manifest.prefix, topology.pollable_bells)
        Board.format(segment.create(f"{manifest.prefix}-board", board_module.SIZE))
        for ring in topology.rings:
            memory = segment.create(f"{manifest.prefix}-{ring.name}", Ring.size_for(ring.capacity))
            consumers = [(agent, topology.host_of(agent).bell) for agent in ring.consumers]
            Ring.format(memory, ring.capacity, consumers)
    except segment.SegmentError:
        destroy(manifest)
        raise
    return manifest


def _images_of(data: Path) -> Path:
    return data / "run" / "images"


def destroy(manifest: Manifest) -> None:
    """Remove what `create` made. Hosts that are still attached keep their memory until they end."""
    segment.remove_leftovers(manifest.prefix)
    Bells.remove(manifest.prefix)


class Venue:
    """A run's rings, bells, board and images, as one process sees them."""

    def __init__(self, manifest: Manifest, rings: dict[str, Ring], bells: Bells, board: Board, images: Images) -> None:
        self.boot_id = manifest.boot_id
        self.config = manifest.config
        self.topology = manifest.topology
        self.data = Path(manifest.data)
        self.bells = bells
        self.board = board
        self.images = images
        self._rings = rings

    @classmethod
    def attach(cls, manifest: Manifest) -> Venue:
        """Map a run's shared memory. SegmentError where the run is over."""
        bells = Bells(segment.attach(f"{manifest.prefix}-bells"), manifest.prefix)
        board = Board(segment.attach(f"{manifest.prefix}-board"))
        rings = {
            ring.name: Ring(segment.attach(f"{manifest.prefix}-{ring.name}"), bells) for ring in manifest.topology.rings
        }
        return cls(manifest, rings, bells, board, Filed(_images_of(Path(manifest.data))))

    @classmethod
    def private(cls, topology: Topology, config: Config, data: Path) -> Venue:
        """The same in this process's own memory, without wake-ups: for tests, verification and simulation."""
        manifest = Manifest("0" * 32, "", str(data), config, topology)
        rings = {}
        for ring in topology.rings:
            memory = mmap.mmap(-1, Ring.size_for(ring.capacity))
            Ring.format(memory, ring.capacity, [(agent, NO_BELL) for agent in ring.consumers])
            rings[ring.name] = Ring(memory)
        return cls(manifest, rings, Bells.private(), Board.private(), Kept())

    @property
    def matchers(self) -> tuple[int, ...]:
        """The numbers of the venue's matchers, ascending."""
        return tuple(int(agent.partition(".")[2]) for agent in self.topology.agents if agent.startswith("matcher."))

    @property
    def gateways(self) -> tuple[int, ...]:
        """The numbers of the venue's gateways, ascending."""
        return tuple(int(agent.partition(".")[2]) for agent in self.topology.agents if agent.startswith("gateway."))

    def ring(self, name: str) -> Ring:
        """The ring called `name`. KeyError where the topology has none such."""
        return self._rings[name]

    def producer(self, ring: str) -> Producer:
        """The producing end of `ring`; there is one."""
        return self._rings[ring].producer()

    def consumer(self, ring: str, agent: str) -> Consumer:
        """The end of `ring` at which `agent` gates it."""
        return self._rings[ring].consumer(agent)

    def sleeper(self, host: str) -> Sleeper:
        """The bell that wakes `host`."""
        return Sleeper(self.bells, self.topology.host(host).bell)
