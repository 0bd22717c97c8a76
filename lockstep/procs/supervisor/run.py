"""One run of the venue: its shared memory, its manifest and its host processes, from creation to the last one reaped.

It starts hosts, one of them again, or the whole core in rings of a new generation; whether, and when, is the
supervisor's decision.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import structs

from lockstep.config.schema import Config
from lockstep.core.cluster.roles import ALONE_S, HANDOVER_S, LOGOUT_S
from lockstep.core.diagnostics.refusal import EXIT_REFUSED
from lockstep.core.files import atomic_file, space
from lockstep.core.host import health
from lockstep.core.recovery import snapshot_catalog
from lockstep.core.venue import homes
from lockstep.core.venue import venue as ground
from lockstep.core.venue.node import Node
from lockstep.core.venue.topology import Host, Topology, role_of
from lockstep.core.venue.venue import Manifest, Venue
from lockstep.procs.replicator.handshake import LINKED, Fence, Promote
from lockstep.procs.supervisor import database
from lockstep.procs.supervisor.child import Child
from lockstep.procs.supervisor.children import Children
from lockstep.procs.supervisor.log import Log
from lockstep.procs.witness import report as lease_report
from lockstep.shm import segment
from lockstep.shm.bell import Bells
from lockstep.shm.board import Handover, Word

FIRST_HEARTBEAT_S = 60.0  # an interpreter starts, and imports, well within it even on a crowded machine
DRAIN_S = 10.0  # for the core to finish what the gateways had taken
FLUSH_S = 10.0  # for the batcher to bring its last rows to PostgreSQL: what it can't stays in its spool
HOST_STOP_S = 10.0
LEAVE_S = ALONE_S + 5.0  # for the primary to continue without this node: it may start its journaler again
CLOSE_S = 2.0  # for the router's last records likewise
POLL_S = 0.02

HostCommand = Callable[[Path, Host], Sequence[str]]


class Run:
    """The hosts of one boot. `report` gets a line for whatever a person should know; `died` is called at each death."""

    venue: Venue

    def __init__(
        self,
        config: Config,
        topology: Topology,
        listed: Children,
        command: HostCommand,
        report: Callable[[str], None],
        died: Callable[[], None],
        node: Node,
    ) -> None:
        self.node = node
        self.anchor_ns: int | None = None  # None: as the wall clock says
        self.boot_id = uuid.uuid4().hex
        self.topology = topology
        self.children: dict[str, Child] = {}
        self._config = config
        self._data = Path(config.venue.data)
        self._listed = listed
        self._command = command
        self._report = report
        self._died = died
        self._started_s: dict[str, float] = {}
        self._down: set[str] = set()
        self._taken_out: dict[int, str] = {}  # why a process was ended, by its id
        self._restarts: dict[str, int] = {}
        self._owes_restarts = False
        self._parts = False  # a core with the journaler in it has been ended by `go_alone`
        self._manifest: Manifest | None = None
        self._old_generations: list[int] = []

    async def start(self) -> None:
        """Create shared memory behind the newest snapshot and start every host.

        SegmentError where memory is short; OSError if the disk is full too: `kill` takes back what there is.
        ConfigError if a session is to leave its gateway.
        """
        bound = homes.bind(self._config, self._data)
        folder = self._data / "run"
        # Written first: whoever cleans up after us finds the names of our memory and queues by it.
        atomic_file.replace_durably(folder / "boot_id", self.boot_id.encode())
        atomic_file.keep_spare(folder / "boot_id")
        choice = await self._choose()
        self._manifest = ground.create(
            self.topology, self._config, self._data, self.boot_id, choice.start, choice.known_seq, self.node, bound,
            self.anchor_ns,
        )  # fmt: skip
        self._write_manifest(self._manifest)
        self.venue = Venue.attach(self._manifest)
        for host in self.topology.hosts:
            self._start_host(host)

    @property
    def is_ready(self) -> bool:
        """Whether orders are taken and every stage runs."""
        return not self._down and all(
            health.is_ready(self.venue, host, self.children[host.name].pid) for host in self.topology.hosts
        )

    @property
    def leads(self) -> bool:
        """Whether the router, as it is now, takes orders."""
        return self.venue.board.get(Word.EPOCH) != 0

    @property
    def follows(self) -> bool:
        """Whether it is the run of a secondary that has not been promoted."""
        return self.node.is_secondary

    def promote(self, node: Node) -> None:
        """Have this secondary lead as `node`, which is on disk already. OSError if the disk takes no manifest.

        Its gateways go on in place of the other node's by themselves, once the router leads; so would new ones.
        """
        assert self._manifest is not None
        manifest = structs.replace(self._manifest, node=node)
        self._write_manifest(manifest)
        self._manifest, self.node = manifest, node
        self.venue.renew()
        self.venue.board.set(Word.PROMOTE, Promote.NOW)

    async def go_alone(self, node: Node) -> None:
        """Have commits wait for the other node no more, as `node` says, which is on disk already. OSError as `promote`.

        Where an operator has said so, the log says it as well: the router begins an epoch, and its clients stay.

        A journaler that was not to sync starts again first, and what it has is synced. One that is in the core takes
        that down: commits go on to wait, and this is to be called again.
        """
        assert self._manifest is not None
        manifest = structs.replace(self._manifest, node=node)
        self._write_manifest(manifest)
        self._manifest, self.node = manifest, node
        self.venue.renew()
        journal = self.topology.host_of("journaler")
        if self._config.venue.durability == "replicated":  # its journaler may have eased
            if journal in self.topology.core:
                self._parts = not self._parts
                if self._parts:
                    await self.children[journal.name].kill()
                    return
            else:
                await self.take_down((journal,))
                self.restart_host(journal)

        def has_opened() -> bool:
            health_of = self.venue.board.health(self.topology.slot_of("journaler"))
            return health_of is not None and health_of["pid"] == self.children[journal.name].pid

        if await self._wait(has_opened, ALONE_S, "the journal is not open again"):
            self.venue.board.set(Word.COMMIT_BY, 0)
            if node.statement and self.leads:  # a router that is about to lead begins an epoch anyway
                self.venue.board.set(Word.EPOCH_WANTED, self.venue.board.get(Word.EPOCH) + 1)

    async def hand_over(self) -> bool:
        """End order entry, and have all that was taken done and acknowledged by the other node. False if it is not.

        Gateways and api stay down, and from then on the log gets nothing more, not even the router's own records.
        """
        intakes = self._intakes
        self._down |= {host.name for host in intakes}
        await self._end(intakes, LOGOUT_S)
        gone = {agent for host in intakes for agent in host.agents}
        board = self.venue.board

        def is_done() -> bool:
            return board.get(Word.ACKED_SEQ) >= board.get(Word.LOG_END) and health.is_drained(self.venue, gone)

        def is_closed() -> bool:
            return board.get(Word.HANDOVER) == Handover.CLOSED and is_done()

        lack = "the other node has not acknowledged all"
        if not await self._wait(is_done, HANDOVER_S, lack):
            return False
        board.set(Word.HANDOVER, Handover.CLOSING)
        return await self._wait(is_closed, CLOSE_S, lack)

    def take_up_again(self) -> None:
        """The other node is not to lead after all: take orders again."""
        for host in self._intakes:
            self.restart_host(host)

    @property
    def pids(self) -> dict[str, int]:
        return {name: child.pid for name, child in self.children.items()}

    def failures(self) -> list[Failure]:
        """The hosts that have ended, or whose heartbeat has stopped; not those that were taken down.

        Failures that no retry mends come first.
        """
        found = []
        for host in self.topology.hosts:
            child = self.children[host.name]
            if host.name in self._down:
                continue
            if not child.alive:
                found.append(Failure(host, child, self._taken_out.pop(child.pid, "") or _obituary(child)))
            elif (silent_s := self._silence_s(host)) is not None:
                found.append(Failure(host, child, f"{host.name} has shown no heartbeat for {silent_s:.1f} s"))
        return sorted(found, key=lambda failure: not failure.refusal)

    async def take_down(self, hosts: Collection[Host]) -> None:
        """End `hosts` at once and reap them; they are no failures until they are started again.

        A downstream host leaves the gate, and comes back as one that was too slow.
        """
        self._down |= {host.name for host in hosts}
        children = [self.children[host.name] for host in hosts]
        await asyncio.gather(*(child.kill() for child in children))
        for host in hosts:
            self._listed.remove(self.children[host.name].pid)
            if host.is_downstream:
                self._leave_out(host)

    async def take_out(self, host: Host, ring: str) -> None:
        """End a downstream host that has kept `ring` full, and let the core go on without it.

        It counts as dead from then on. Its process must be gone first, since it reads the rings in place.
        """
        child = self.children[host.name]
        if host.name in self._down or not child.alive:
            return  # its end has been noticed, or is about to be
        self._taken_out[child.pid] = f"{host.name} kept the ring {ring} full for too long and is out of the gate"
        await child.kill()
        if self.children[host.name] is child:
            self._leave_out(host)

    def _leave_out(self, host: Host) -> None:
        for agent in host.agents:
            self.venue.take_out(agent, time.time_ns())

    def restart_host(self, host: Host) -> None:
        """Start one host again in the rings as they are: they have kept what its predecessor had not finished."""
        self._count_restarts((host,))
        self._start_host(host)

    async def restart_core(self) -> None:
        """Start the core again, in log and event rings of a new generation that begin behind the newest snapshot.

        The hosts of the core are down, and no snapshot is becoming valid. SegmentError if there is no memory for two
        generations, OSError if the disk takes no manifest: nothing has changed then, and it may be tried again.

        The journaler still reads the old log ring to its end: all that was published there counts (I2). Until it has,
        the old rings keep their names, for a successor of it. Edges change rings when they see the board's generation,
        so that is stored last: what is behind it must be complete.
        """
        assert self._manifest is not None
        board = self.venue.board
        choice = await self._choose()
        before = self._manifest
        is_drained = board.get(Word.JOURNAL_READY) == before.generation
        manifest = structs.replace(
            before,
            start=choice.start,
            known_seq=choice.known_seq,
            generation=before.generation + 1,
            draining=before.generation if is_drained else before.draining,
        )
        ground.create_generation(manifest)
        ground.set_back(board, manifest.start)
        try:
            self._write_manifest(manifest)
        except OSError:
            ground.remove_generation(manifest, manifest.generation)
            raise
        self._old_generations.append(before.generation)
        self._manifest = manifest
        left = self.venue.left()
        self.venue.renew()
        for agent, since_ns in left.items():
            self.venue.take_out(agent, since_ns)
        board.set(Word.GENERATION, manifest.generation)
        self._count_restarts(self.topology.core)
        for host in self.topology.core:
            self._start_host(host)

    def tidy(self) -> None:
        """Remove the rings of old generations once the journaler has taken all that was in them; write what is owed."""
        assert self._manifest is not None
        self._listed.tend()
        if self._owes_restarts:
            self._write_restarts()
        if self._old_generations and self.venue.board.get(Word.JOURNAL_READY) == self._manifest.generation:
            for generation in self._old_generations:
                ground.remove_generation(self._manifest, generation)
            self._old_generations.clear()

    async def kill(self) -> None:
        """End every host at once and reap it, then remove the shared memory."""
        await asyncio.gather(*(child.kill() for child in self.children.values()))
        if self._manifest is not None:
            ground.destroy(self._manifest)
        forget(self._data, self._listed)

    async def stop(self, *, ready: bool) -> None:
        """End in order, so that nothing is left to do at the next start: what was taken is matched, synced and told.

        A secondary leaves first. Gateways (they log their sessions out) and api end, then the core once it is done, and
        publisher and batcher. Whoever overstays its time is killed: the next start replays, and nothing is lost.
        """
        await self._leave()
        intakes = self._intakes
        await self._end(intakes, LOGOUT_S)
        if ready:
            gone = {agent for host in intakes for agent in host.agents}
            await self._wait(
                lambda: health.is_drained(self.venue, gone), DRAIN_S, "matchers and journal are still busy"
            )
        # The journaler was started first and goes last.
        for host in reversed(self.topology.hosts):
            if host.kind == "carried":
                await self._end((host,), HOST_STOP_S)
        await self._end(self._hosts_of("publisher"), HOST_STOP_S)
        if ready:
            await self._wait(
                lambda: not self.venue.board.get(Word.SPOOLED), FLUSH_S, "PostgreSQL lags behind the spool"
            )
        await self._end(self._hosts_of("batcher"), HOST_STOP_S)
        await self.kill()

    async def _leave(self) -> None:
        """Have a primary whose commits may wait for this secondary continue without it, as `lockstep stop` does.

        Not where the operator has decided that already, or the two change roles.
        """
        board = self.venue.board
        waits = self._config.venue.durability in ("replicated", "both")
        if not (self.follows and waits and board.get(Word.LINK) in LINKED) or board.get(Word.PROMOTE):
            return
        if board.get(Word.HANDOVER) not in (Fence.NO, Fence.LEAVES):
            return
        board.set(Word.HANDOVER, Fence.LEAVES)
        deadline_s = time.monotonic() + LEAVE_S
        while board.get(Word.HANDOVER) != Fence.LEFT:
            if time.monotonic() > deadline_s or board.get(Word.LINK) not in LINKED:
                self._report(
                    "the primary has not confirmed that it continues without this node. If it runs, it acknowledges "
                    "nothing until this node is back, or until lockstep failover --peer-is-off there"
                )
                return
            await asyncio.sleep(POLL_S)

    async def _choose(self) -> snapshot_catalog.Choice:
        """Where to begin. What is unfinished stays so: who would have written it is dead."""
        snapshot_catalog.drop_unfinished(self._data)
        choice = await asyncio.to_thread(snapshot_catalog.choose, self._data, self.topology.savers)
        for reason in choice.passed_over:
            self._report(reason)
        return choice

    def _write_manifest(self, manifest: Manifest) -> None:
        file = ground.manifest_of(self._data)
        atomic_file.replace(file, msgspec.json.encode(manifest))
        atomic_file.keep_spare(file)

    def _start_host(self, host: Host) -> None:
        log = Log(self._data / "log" / f"{host.name}.log")
        command = self._command(ground.manifest_of(self._data), host)
        child = Child(host.name, command, log, self._report, self._died)
        self.children[host.name] = child
        self._started_s[host.name] = time.monotonic()
        self._down.discard(host.name)
        self._listed.add(child.pid, command)

    def _count_restarts(self, hosts: Sequence[Host]) -> None:
        for host in hosts:
            self._restarts[host.name] = self._restarts.get(host.name, 0) + 1
        self._write_restarts()

    def _write_restarts(self) -> None:
        """Write them for `lockstep status`; on a full disk, later."""
        try:
            atomic_file.replace(restarts_of(self._data), msgspec.json.encode(self._restarts))
        except OSError as error:
            if not space.is_full(error):
                raise
            self._owes_restarts = True
        else:
            self._owes_restarts = False

    @property
    def _intakes(self) -> list[Host]:
        """The hosts by which orders come in."""
        return [*self._hosts_of("gateway"), *self._hosts_of("api")]

    def _hosts_of(self, role: str) -> list[Host]:
        return [host for host in self.topology.hosts if any(role_of(agent) == role for agent in host.agents)]

    async def _end(self, hosts: Sequence[Host], timeout_s: float) -> None:
        """SIGTERM those of `hosts` that live; SIGKILL where that does not end them in time."""
        children = [child for host in hosts if (child := self.children[host.name]).alive]
        for child in children:
            child.terminate()
        for child in children:
            if not await child.wait(timeout_s):
                self._report(f"{child.name} did not stop within {timeout_s:g} s and is killed")
                await child.kill()
            elif child.exit_code:
                self._report(f"{_obituary(child)} (while the venue stopped)")

    async def _wait(self, done: Callable[[], bool], timeout_s: float, lack: str) -> bool:
        """Wait until `done` has been seen twice in a row: a last record may just have been on its way."""
        deadline_s = time.monotonic() + timeout_s
        seen = 0
        while seen < 2:
            if time.monotonic() > deadline_s:
                self._report(f"after {timeout_s:g} s {lack}: the next start goes on from there")
                return False
            await asyncio.sleep(POLL_S)
            seen = seen + 1 if done() else 0
        return True

    def _silence_s(self, host: Host) -> float | None:
        """For how long a host has been silent, where that is too long."""
        beat_ns = health.heartbeat_ns(self.venue, host, self.children[host.name].pid)
        now_s = time.monotonic()
        if beat_ns is None:
            silent_s, allowed_s = now_s - self._started_s[host.name], FIRST_HEARTBEAT_S
        else:
            silent_s, allowed_s = now_s - beat_ns / 1e9, self._config.processes.heartbeat_timeout_s
        return silent_s if silent_s > allowed_s else None


class Failure(NamedTuple):
    """A host that died or hangs, its process, and what to say of it."""

    host: Host
    child: Child
    reason: str

    @property
    def refusal(self) -> str:
        """What it found and no retry mends, in its own words; "" for any other failure."""
        return self.child.last_words() if self.child.exit_code == EXIT_REFUSED else ""


def restarts_of(data: Path) -> Path:
    """Where the supervisor of the venue in `data` writes how often it started each host again in this run."""
    return data / "run" / "restarts.json"


def _obituary(child: Child) -> str:
    """How a host ended, and what it said of that."""
    words = child.last_words()
    return f"{child.name} {child.fate}" + (f": {words}" if words else "")


def remove_leftovers(data: Path, listed: Children) -> list[str]:
    """Remove what a dead supervisor of the venue in `data` left: processes, memory, queues. Returns what there was.

    The caller holds the venue's lock.
    """
    found = [f"process {entry.pid} ({entry.command})" for entry in listed.end_leftovers()]
    boot_file = data / "run" / "boot_id"
    if boot_file.exists():
        Bells.remove(ground.prefix_of(data) + boot_file.read_text()[:8])
    segments = segment.remove_leftovers(ground.prefix_of(data))
    if segments:
        found.append(f"{len(segments)} segments of shared memory")
    forget(data, listed)
    return found


def forget(data: Path, listed: Children) -> None:
    """Remove what the data folder says of a run that is over."""
    troubles = [data / each for each in (*database.WORDS, lease_report.FILE)]
    for file in (ground.manifest_of(data), restarts_of(data), *troubles, data / "run" / "boot_id"):
        file.unlink(missing_ok=True)
    listed.clear()
