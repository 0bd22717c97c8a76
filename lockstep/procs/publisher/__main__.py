"""The publisher: event rings in, market data over WebSockets out, and the API's questions answered.

It wires feed, hub, server and queries, and gives them the time; it decides nothing itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from lockstep.config.schema import MarketDataSection
from lockstep.core.edge.listening import RETRY_NS, AddressError
from lockstep.core.edge.own_socket import name_of
from lockstep.core.tables.saved import Loader
from lockstep.core.venue.database_trouble import MARKET_DATA, Notice
from lockstep.core.venue.edge import Edge
from lockstep.core.venue.snapshot_parts import Snapshots
from lockstep.core.venue.venue import Venue
from lockstep.procs.publisher.feed import Feed
from lockstep.procs.publisher.hub import Hub
from lockstep.procs.publisher.kinds import Cadence
from lockstep.procs.publisher.queries import Queries
from lockstep.procs.publisher.server import Server
from lockstep.shm.bell import Reason
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer

NAME = "publisher"  # a venue has one
TICK_NS = 100_000_000
TICKS_PER_SECOND = 10
SLICE_CLIENTS = 32  # served between two looks at the clock
# All readers together take no more than a quarter of a core, and a tenth while so many events come in a turn: emptying
# the rings is first, and on few cores what readers take is taken from orders. What they have not used they may take at
# once later, up to so much: a round of some hundred clients at an ordinary pace waits for nothing.
SHARE, BUSY_SHARE, BUSY_EVENTS = 4, 10, 256
MOST_CREDIT_NS = 8_000_000


class Publisher(Edge):
    """The edge: polled by its host, it serves as soon as the books are rebuilt and the venue leads."""

    rest_s = 0.004  # market data goes to many at once: some milliseconds gather a batch, and cost no trader a wake-up
    spins = False

    def __init__(
        self,
        feed: Feed,
        config: MarketDataSection,
        snapshots: Snapshots | None = None,
        queries: str = "",
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`refused` gets the reason while it can't listen, and "" once it does."""
        self._feed = feed
        self._snapshots = snapshots
        self._hub = Hub(feed, config.client_queue_bytes)
        self._server = Server(feed, self._hub, config)
        self._queries = Queries(feed, queries, self._server.take_over) if queries else None
        self._opening: asyncio.Task[None] | None = None
        self._refused = refused
        self._retry_ns = 0  # until then no other try to listen
        self._next_tick_ns = 0
        self._ticks = 0
        self._credit_ns = 0  # processor time that may be taken for clients
        self._credited_ns = 0
        self._serving_cpu_ns: int | None = None  # when clients were served last, until its cost is known

    @property
    def port(self) -> int:
        """The port that it serves on; 0 while the books are being rebuilt."""
        return self._server.port

    def load(self, part: Loader) -> None:
        """Begin with the books of a snapshot, before the first poll. DamagedPart."""
        self._feed.load(part)
        part.finish()

    def attach(self, consumers: Mapping[int, Consumer], board: Board) -> None:
        """Go on with other rings (0: the router's, m: matcher m's), behind what was handled."""
        self._feed.attach(consumers, board)

    def waiting(self) -> list[int]:
        """How many bytes wait to be sent, for each client."""
        return self._server.waiting()

    async def start(self) -> None:
        """Nothing to prepare: `poll` opens the listener once the books are true."""

    def poll(self, now_ns: int) -> int:
        """Take a batch of events, and send some clients the result; returns 0 when there is nothing left to do.

        Raises what a bug in a connection raised. An address that can't be had is tried again each second.
        """
        self._charge()
        taken = self._feed.poll()
        if mark := self._feed.at_mark:
            if self._snapshots is not None:
                self._snapshots.save(mark, NAME, self._feed.save)
            self._feed.pass_mark()
        if self._feed.may_tell:
            self._serve(now_ns, SHARE if taken < BUSY_EVENTS else BUSY_SHARE)
        return taken + self._hub.is_busy

    def wants(self) -> Reason:
        """What to be woken for: the commit that releases the events in sight, or, with none in sight, events."""
        return self._feed.wants()

    async def stop(self) -> None:
        """Close the listeners and every connection."""
        if self._queries is not None:
            await self._queries.close()
        await self._server.close()

    def _serve(self, now_ns: int, share: int) -> None:
        if self._opening is None and now_ns >= self._retry_ns:
            self._opening = asyncio.get_running_loop().create_task(self._open())
            self._next_tick_ns = self._next_tick_ns or now_ns + TICK_NS
        elif self._opening is not None and self._opening.done():
            self._look_at_opening(self._opening, now_ns)
        if self._server.failure is not None:
            raise self._server.failure
        if self._queries is not None and self._queries.failure is not None:
            raise self._queries.failure
        if now_ns >= self._next_tick_ns:
            self._tick(now_ns)
        self._hub.gather()
        self._fan_out(share)

    async def _open(self) -> None:
        if self._queries is not None and not self._queries.is_open:
            self._queries.open()
        await self._server.open()
        self._refused("")

    def _look_at_opening(self, opening: asyncio.Task[None], now_ns: int) -> None:
        """Raise what went wrong, but for an address that can't be had: that is tried again, and the api is served."""
        if isinstance(error := opening.exception(), AddressError):
            self._refused(str(error))
            self._opening, self._retry_ns = None, now_ns + RETRY_NS
        else:
            opening.result()

    def _fan_out(self, share: int) -> None:
        """Serve the clients that lack something, as long as their share of this core lasts: one part in `share`."""
        if self._hub.is_idle:
            return
        now_ns, cpu_ns = time.monotonic_ns(), time.thread_time_ns()
        self._credit_ns = min(MOST_CREDIT_NS, self._credit_ns + (now_ns - self._credited_ns) // share)
        self._credited_ns = now_ns
        while time.thread_time_ns() - cpu_ns < self._credit_ns and self._hub.serve(SLICE_CLIENTS):
            self._serving_cpu_ns = cpu_ns

    def _charge(self) -> None:
        """Take off what serving has cost until now: the loop writes to slow clients' sockets after a turn."""
        if self._serving_cpu_ns is not None:
            cost_ns = time.thread_time_ns() - self._serving_cpu_ns
            self._credit_ns = max(-MOST_CREDIT_NS, self._credit_ns - cost_ns)  # what connected meanwhile is in it, too
            self._serving_cpu_ns = None

    def _tick(self, now_ns: int) -> None:
        """Publish the timed streams. Missed ticks are skipped: the next has their changes."""
        self._next_tick_ns += TICK_NS * (1 + (now_ns - self._next_tick_ns) // TICK_NS)
        self._feed.tick(Cadence.MS_100)
        self._ticks += 1
        if self._ticks % TICKS_PER_SECOND == 0:
            self._feed.tick(Cadence.MS_1000)
        if self._ticks % (2 * TICKS_PER_SECOND) == 0:
            self._feed.tick(Cadence.MS_2000)


def build(venue: Venue, name: str) -> Publisher:
    """The publisher of a venue, at its ends of the event rings."""
    feed = Feed(venue.events(name), venue.board)
    feed.follow_clock(venue.topology.slot_of("router"), venue.anchor_ns)
    refused = Notice(venue.data, MARKET_DATA).tell
    publisher = Publisher(feed, venue.config.market_data, venue.snapshots, name_of(venue.boot_id, name), refused)
    part = venue.snapshots.load(name)
    if part is not None:
        publisher.load(part)
    return publisher
