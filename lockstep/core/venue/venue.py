"""The shared memory of one run of a venue: created by the supervisor, attached by every host, or private to a test.

It finds rings, bells and the board by name; it never looks into them and starts nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import time
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from lockstep.config.schema import Config
from lockstep.core.venue import homes
from lockstep.core.venue import snapshot_parts as parts
from lockstep.core.venue.instrument_images import Filed, Images, Kept
from lockstep.core.venue.node import Node, is_paired
from lockstep.core.venue.snapshot_parts import Snapshots, Start
from lockstep.core.venue.topology import LOG, RingSpec, Topology
from lockstep.shm import board as board_module
from lockstep.shm import segment
from lockstep.shm.bell import Bells, Sleeper
from lockstep.shm.board import Board, Word
from lockstep.shm.ring import NO_BELL, Consumer, Producer, Ring
from lockstep.shm.segment import RoleLock

CODE = Path(__file__).resolve().parents[3]  # where the code of this process lies
BELLS_SIZE = 4096
FIRST_GENERATION = 1
LAPSED = 1  # of LEASE_UNTIL: a time that is over


class OtherVersionError(Exception):
    """Another version of the software runs the venue; the message says where, and what to use."""


class Manifest(Struct, frozen=True):
    """What a host must know of the run that it belongs to. The supervisor writes it where only its user can read it.

    Log and event rings are of a `generation`, and begin behind `start`. `draining` is the generation whose log ring may
    hold records that are not in the journal yet (0: none does). The journal reaches `known_seq` at least. `anchor_ns`
    is the wall clock's time less the monotonic clock's, read once for all processes of the run, whenever they start: of
    two that read a clock before and after it was set, one would find the other's messages an hour old (LOG-4). `code`,
    the folder of the code that runs, and `pid`, the supervisor's, are all that a command of another version reads.
    `homes` are the gateways that sessions are bound to, by name.
    """

    boot_id: str
    prefix: str
    data: str
    config: Config
    topology: Topology
    start: Start = Start()
    generation: int = FIRST_GENERATION
    draining: int = 0
    known_seq: int = 0
    anchor_ns: int = 0
    node: Node = Node()
    code: str = ""
    pid: int = 0
    homes: dict[str, int] = {}

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read the manifest that a supervisor wrote."""
        return msgspec.json.decode(path.read_bytes(), type=cls)


def read_anchor_ns() -> int:
    """What the wall clock is ahead of the monotonic one, which is the same for all processes of a machine."""
    return time.time_ns() - time.monotonic_ns()


def manifest_of(data: Path) -> Path:
    """Where the manifest of the venue in `data` is, while it runs."""
    return data / "run" / "manifest.json"


def prefix_of(data: Path) -> str:
    """How the names of all shared memory and message queues of the venue in `data` begin, whatever the run."""
    return f"/lockstep-{hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:10]}-"


def create(
    topology: Topology,
    config: Config,
    data: Path,
    boot_id: str,
    start: Start | None = None,
    known_seq: int = 0,
    node: Node | None = None,
    bound: dict[str, int] | None = None,
    anchor_ns: int | None = None,
) -> Manifest:
    """Create the rings, bells and board of a new run. SegmentError, and nothing left behind, where memory is short."""
    prefix = prefix_of(data) + boot_id[:8]
    begin = start or Start.genesis()
    manifest = Manifest(
        boot_id,
        prefix,
        str(data),
        config,
        topology,
        begin,
        known_seq=known_seq,
        anchor_ns=read_anchor_ns() if anchor_ns is None else anchor_ns,
        node=node or Node(),
        code=str(CODE),
        pid=os.getpid(),
        homes=bound or {},
    )
    Filed(_images_of(data)).clear()
    try:
        bells = segment.create(f"{manifest.prefix}-bells", BELLS_SIZE)
        Bells.format(bells, manifest.prefix, topology.pollable_bells)
        memory = segment.create(f"{manifest.prefix}-board", board_module.SIZE)
        Board.format(memory)
        set_back(Board(memory), manifest.start)
        for ring in topology.rings:
            _create_ring(manifest, ring)
        Board(memory).set(Word.GENERATION, manifest.generation)
        Board(memory).set(Word.COMMIT_BY, _commit_by(manifest))
        Board(memory).set(Word.LEASE_UNTIL, _lease_until(manifest))
    except segment.SegmentError:
        destroy(manifest)
        raise
    return manifest


def _commit_by(manifest: Manifest) -> int:
    """What commits wait for besides this node's journal (LOG-13)."""
    if manifest.node.is_secondary:
        return Word.PRIMARY_COMMIT
    return Word.ACKED_SEQ if is_paired(manifest.config, manifest.node) else 0


def _lease_until(manifest: Manifest) -> int:
    """A time that is over where a primary has a witness; a secondary releases to nobody, and needs no lease."""
    return LAPSED if "witness" in manifest.topology.agents and not manifest.node.is_secondary else 0


def create_generation(manifest: Manifest) -> None:
    """Create the log and event rings of a later generation. SegmentError, and none of them, where memory is short."""
    try:
        for ring in manifest.topology.rings:
            if ring.is_core:
                _create_ring(manifest, ring)
    except segment.SegmentError:
        remove_generation(manifest, manifest.generation)
        raise


def remove_generation(manifest: Manifest, generation: int) -> None:
    """Remove the log and event rings of `generation`. Whoever is still attached keeps them until it lets go."""
    for ring in manifest.topology.rings:
        if ring.is_core:
            with contextlib.suppress(segment.SegmentError):
                segment.remove(_memory_of(manifest.prefix, ring, generation))


def set_back(board: Board, start: Start) -> None:
    """Set all words of router and matchers: nothing after `start` has been done, and no router leads."""
    for word in (Word.EPOCH, Word.READY_EVENT, Word.JOURNAL_READY, Word.SNAPSHOT_SEQ):
        board.set(word, 0)
    board.set(Word.ROUTER_DONE, start.seq)
    board.set(Word.LOG_END, start.seq)
    for matcher, number in enumerate(start.numbers[1:]):
        board.set(Word.MATCHER_DONE + matcher, start.seq)
        board.set(Word.MATCHER_DUE + matcher, 0)
        board.set(Word.SETTLED + matcher, number)


def _create_ring(manifest: Manifest, ring: RingSpec) -> None:
    memory = segment.create(_memory_of(manifest.prefix, ring, manifest.generation), Ring.size_for(ring.capacity))
    consumers = [(agent, manifest.topology.host_of(agent).bell) for agent in ring.consumers]
    watching = [(agent, manifest.topology.host_of(agent).bell) for agent in ring.observers]
    incarnation, first_seq = _incarnation(manifest, ring), _first_seq(ring, manifest.start)
    Ring.format(memory, ring.capacity, consumers + watching, incarnation, first_seq)
    for agent in ring.observers:
        Ring(memory).take_out(agent, 0)  # its bell is rung, and no producer waits for it


def _incarnation(manifest: Manifest, ring: RingSpec) -> int:
    """Tells one ring from another of its name: for positions in ingress rings, which are in the log (LOG-5)."""
    return manifest.generation if ring.is_core else int(manifest.boot_id[:8], 16) or 1


def _first_seq(ring: RingSpec, start: Start) -> int:
    if ring.name == LOG:
        return start.seq + 1
    return 1 if ring.events_of is None else start.numbers[ring.events_of] + 1


def _memory_of(prefix: str, ring: RingSpec, generation: int) -> str:
    """The name of a ring's memory. Ingress rings outlive generations: what clients sent is in them."""
    return f"{prefix}-{ring.name}" + (f".{generation}" if ring.is_core else "")


def _images_of(data: Path) -> Path:
    return data / "run" / "images"


def destroy(manifest: Manifest) -> None:
    """Remove what `create` made. Hosts that are still attached keep their memory until they end."""
    segment.remove_leftovers(manifest.prefix)
    Bells.remove(manifest.prefix)


class Venue:
    """A run's rings, bells, board, images and parts of snapshots, as one process sees them.

    `start` is where its log and event rings begin; `snapshots.start`, with which a stage begins, is a later one where a
    stage starts again while the others run.
    """

    def __init__(
        self,
        manifest: Manifest,
        rings: dict[str, Ring],
        bells: Bells,
        board: Board,
        images: Images,
        snapshots: Snapshots,
    ) -> None:
        self.boot_id = manifest.boot_id
        self.config = manifest.config
        self.topology = manifest.topology
        self.data = Path(manifest.data)
        self.start = manifest.start
        self.generation = manifest.generation
        self.bells = bells
        self.board = board
        self.images = images
        self.snapshots = snapshots
        self._manifest = manifest
        self._rings = rings

    @classmethod
    def attach(cls, manifest: Manifest) -> Venue:
        """Map a run's shared memory. SegmentError if the run is over."""
        bells = Bells(segment.attach(f"{manifest.prefix}-bells"), manifest.prefix)
        board = Board(segment.attach(f"{manifest.prefix}-board"))
        rings = {ring.name: _attach_ring(manifest, ring, bells) for ring in manifest.topology.rings}
        data = Path(manifest.data)
        return cls(manifest, rings, bells, board, Filed(_images_of(data)), parts.Filed(data, manifest.start))

    @classmethod
    def private(
        cls,
        topology: Topology,
        config: Config,
        data: Path,
        start: Start | None = None,
        boot_id: str | None = None,
        node: Node | None = None,
        bound: dict[str, int] | None = None,
    ) -> Venue:
        """The same in this process's own memory, without wake-ups: for tests, verification and simulation.

        It is a run of its own: `boot_id`, 32 hex digits, tells its ingress rings from those of other runs.
        """
        start = start or Start.genesis()
        run = boot_id or os.urandom(16).hex()
        manifest = Manifest(
            run,
            "",
            str(data),
            config,
            topology,
            start,
            anchor_ns=read_anchor_ns(),
            node=node or Node(),
            homes=bound or {},
        )
        rings = {}
        for ring in topology.rings:
            memory = mmap.mmap(-1, Ring.size_for(ring.capacity))
            consumers = [(agent, NO_BELL) for agent in ring.consumers]
            Ring.format(memory, ring.capacity, consumers, _incarnation(manifest, ring), _first_seq(ring, start))
            rings[ring.name] = Ring(memory)
        board = Board.private()
        set_back(board, start)
        board.set(Word.GENERATION, manifest.generation)
        board.set(Word.COMMIT_BY, _commit_by(manifest))
        board.set(Word.LEASE_UNTIL, _lease_until(manifest))
        return cls(manifest, rings, Bells.private(), board, Kept(), parts.Kept(start))

    def renew(self) -> None:
        """Change to the log and event rings of the run's newest generation, as the board names it.

        Ends of the old rings stay readable, as far as was published there. SegmentError if the run is over.
        """
        manifest = Manifest.load(manifest_of(self.data))
        if manifest.boot_id != self.boot_id:
            raise segment.SegmentError(f"another run of the venue in {self.data} has begun")
        self._rings |= {
            ring.name: _attach_ring(manifest, ring, self.bells) for ring in manifest.topology.rings if ring.is_core
        }
        self._manifest = manifest
        self.start, self.generation = manifest.start, manifest.generation

    @property
    def anchor_ns(self) -> int:
        """What to add to the monotonic clock for the run's wall clock: the same in all of its processes."""
        return self._manifest.anchor_ns

    def now_ns(self) -> int:
        """The run's wall clock."""
        return time.monotonic_ns() + self.anchor_ns

    @property
    def known_seq(self) -> int:
        """The journal reaches as far at least, or it has lost something."""
        return self._manifest.known_seq

    @property
    def draining(self) -> int:
        """The generation whose log ring must be read to its end before this one's; 0 if that has been."""
        manifest = self._manifest
        return 0 if self.board.get(Word.JOURNAL_READY) == manifest.generation else manifest.draining

    def undrained_log(self, agent: str) -> Consumer | None:
        """`agent`'s end of the log ring of `draining`, where there is such a generation."""
        if not self.draining:
            return None
        earlier = structs.replace(self._manifest, generation=self.draining)
        return _attach_ring(earlier, earlier.topology.ring(LOG), self.bells).consumer(agent)

    @property
    def node(self) -> Node:
        """What this node was when the process was started, or when the core's rings were renewed."""
        return self._manifest.node

    @property
    def matchers(self) -> tuple[int, ...]:
        """The numbers of the venue's matchers, ascending."""
        return tuple(int(agent.partition(".")[2]) for agent in self.topology.agents if agent.startswith("matcher."))

    @property
    def gateways(self) -> tuple[int, ...]:
        """The numbers of the venue's gateways, ascending."""
        return tuple(int(agent.partition(".")[2]) for agent in self.topology.agents if agent.startswith("gateway."))

    def home_of(self, session: str) -> int:
        """The number of the gateway that a session is bound to, by its account's name."""
        return self._manifest.homes.get(session, homes.FIRST)

    def ring(self, name: str) -> Ring:
        """The ring called `name`. KeyError if the topology has none such."""
        return self._rings[name]

    def producer(self, ring: str) -> Producer:
        """The producing end of `ring`; there is one."""
        return self._rings[ring].producer()

    def consumer(self, ring: str, agent: str) -> Consumer:
        """The end of `ring` at which `agent` gates it."""
        return self._rings[ring].consumer(agent)

    def events(self, agent: str) -> dict[int, Consumer]:
        """`agent`'s ends of all event rings: the router's, 0, and each matcher's."""
        specs = (ring for ring in self.topology.rings if agent in ring.consumers)
        return {ring.events_of: self.consumer(ring.name, agent) for ring in specs if ring.events_of is not None}

    def is_late(self, agent: str) -> bool:
        """Whether `agent` lacks events that won't come again: an earlier process took them, or was out of the gate."""
        begins = self.start.numbers
        ends = self.events(agent).items()
        return any(not consumer.gates or consumer.next > begins[ring] + 1 for ring, consumer in ends)

    def take_out(self, agent: str, now_ns: int) -> None:
        """Let no producer of events wait for `agent` any more. No process is it now."""
        for ring in self.topology.rings:
            if ring.events_of is not None and agent in ring.consumers and agent not in self._rings[ring.name].left():
                self._rings[ring.name].take_out(agent, now_ns)

    def left(self) -> dict[str, int]:
        """The agents that are out of the gate of an event ring, each with the time at which it was taken out."""
        found: dict[str, int] = {}
        for ring in self.topology.rings:
            if ring.events_of is not None:
                found |= self._rings[ring.name].left()
        return found

    def sleeper(self, host: str) -> Sleeper:
        """The bell that wakes `host`."""
        return Sleeper(self.bells, self.topology.host(host).bell)


def attach(data: Path) -> Venue | None:
    """Return the run of the venue in `data`, or None if there is none. PermissionError if it is another user's,
    OtherVersionError.

    Of a supervisor that was killed the shared memory stays until the next start, and is no run: what it says of the
    log's end need not hold any more.
    """
    try:
        manifest = Manifest.load(manifest_of(data))
        if manifest.pid not in (0, RoleLock.holder(data / "venue.lock")):
            return None
        return Venue.attach(manifest)
    except (FileNotFoundError, segment.SegmentError):
        return None
    except ValueError:  # a manifest or a board that is laid out otherwise
        raise OtherVersionError(
            f"the venue in {data} is run by another version of the software, whose lockstep has to be used"
        ) from None


def _attach_ring(manifest: Manifest, ring: RingSpec, bells: Bells) -> Ring:
    return Ring(segment.attach(_memory_of(manifest.prefix, ring, manifest.generation)), bells)
