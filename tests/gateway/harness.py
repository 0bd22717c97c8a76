"""A venue in one process for the gateway's tests: real router, matchers and journaler over private rings, real sockets.

It steps the agents from the event loop, so that a test reads like a client's actions; it adds no behaviour.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from lockstep.client.fix.message import Message, Reader
from lockstep.client.fix.session import Writer
from lockstep.config.schema import AccountSection, AssetSection, Config, FixSection, InstrumentSection, VenueSection
from lockstep.core.host.event_loop import SPIN_ROUNDS
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.recovery.edge_catch_up import catch_up
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.gateway.__main__ import build as build_gateway
from lockstep.procs.gateway.server import Server
from lockstep.procs.journaler.journaler import Journaler
from lockstep.procs.matcher.__main__ import build as build_matcher
from lockstep.procs.router.__main__ import build as build_router
from lockstep.procs.router.witnesses import BATCHER
from tests.passwords import CHEAP_HASH, PASSWORD

if TYPE_CHECKING:
    from tests.gateway.stage import Stage

STEP_S = 0.0005
REPLY_S = 30.0
SEGMENT_BYTES = 64 * 4096  # small: every test has a journal of its own
EDGES = ("publisher", "batcher")


def config_for(
    *, names: tuple[str, ...] = ("ALICE", "BOB"), deposits: dict[str, str] | None = None, **fix: Any
) -> Config:
    """Two accounts with ample balances, one instrument: tick 0.01, lot 0.0001."""
    given = {"BTC": "1000", "USDT": "100000000"} if deposits is None else deposits
    return Config(
        venue=VenueSection(durability="none"),
        fix=FixSection(port=0, **fix),
        assets=[AssetSection(name="BTC", scale=8), AssetSection(name="USDT", scale=8)],
        instruments=[
            InstrumentSection(symbol="BTCUSDT", base="BTC", quote="USDT", tick="0.01", lot="0.0001", taker_fee_ppm=1000)
        ],
        accounts=[AccountSection(name=name, password_hash=CHEAP_HASH, deposits=given) for name in names],
    )


def abandon(server: Server) -> None:
    """Close every socket at once and write nothing more, as a crash does."""
    server._stopping = True
    if server._listener is not None:
        server._listener.close()
    server._control.close()
    for connection in tuple(server._connections.values()):
        assert connection._transport is not None
        connection._transport.abort()
    server._authenticator.close()


class Harness:
    """A running venue. `stalled` agents are not stepped."""

    def __init__(self, config: Config, data: Path) -> None:
        topology = derive(config)
        self.venue = Venue.private(topology, config, data)
        self.venue.board.show_known(BATCHER, 0, ())
        self._journal = JournalWriter(data / "journal", config.venue.durability, SEGMENT_BYTES)
        self.agents: dict[str, Any] = {
            "journaler": Journaler(self.venue.consumer("log", "journaler"), self._journal, self.venue.board),
            "router": build_router(self.venue, "router"),
            "matcher.1": build_matcher(self.venue, "matcher.1"),
        }
        self.gateway: Server = build_gateway(self.venue, "gateway.1")
        self.stalled: set[str] = set()
        self._others = [
            self.venue.consumer(ring.name, edge) for ring in topology.rings for edge in EDGES if edge in ring.consumers
        ]
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Step until the port is open."""
        await self.gateway.start()
        self._task = asyncio.get_running_loop().create_task(self._run())
        await self.until(lambda: self.gateway.port != 0)

    async def kill(self) -> None:
        """End without any of the orderly stop's work, as a crash does."""
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        abandon(self.gateway)
        self._journal.close()

    def kill_gateway(self) -> None:
        """End the gateway alone, as a crash does: unwritten messages are lost; its rings stay as they are."""
        self.stalled.add("gateway")
        abandon(self.gateway)

    async def start_gateway(self) -> None:
        """A gateway in its place, as its host starts it."""
        self.build_gateway()
        await self.until(lambda: self.gateway.port != 0)

    def build_gateway(self) -> None:
        """`start_gateway`, without waiting for its port."""
        self.gateway = build_gateway(self.venue, "gateway.1")
        if self.venue.is_late("gateway.1"):
            beats: list[None] = []
            catch_up(self.venue, "gateway.1", self.gateway, lambda: beats.append(None))
            assert beats
        self.stalled.discard("gateway")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what the venue does on its own; TimeoutError after some seconds."""
        async with asyncio.timeout(REPLY_S):
            while not condition():
                assert self._task is not None
                if self._task.done():
                    self._task.result()
                await asyncio.sleep(STEP_S)

    async def _run(self) -> None:
        idle = 0
        while True:
            now_ns = self.gateway.now_ns()
            work = sum(agent.step(now_ns) for name, agent in self.agents.items() if name not in self.stalled)
            if "gateway" not in self.stalled:
                work += self.gateway.poll(now_ns)
            for consumer in self._others:
                consumer.take()
            idle = 0 if work else idle + 1
            await asyncio.sleep(STEP_S if idle > SPIN_ROUNDS else 0)


@contextlib.asynccontextmanager
async def venue(data: Path, config: Config | None = None) -> AsyncIterator[Harness]:
    """A venue for the length of a test."""
    harness = Harness(config or config_for(), data)
    await harness.start()
    try:
        yield harness
    finally:
        await harness.kill()


class Trader(Writer):
    """The tests' FIX client on the event loop. It takes messages as they come, so that a test sees gaps and repeats."""

    def __init__(self, name: str = "ALICE", version: str = "FIX.4.4") -> None:
        super().__init__(name, version)
        self._messages = Reader()
        self.got: list[Message] = []

    async def connect(self, harness: Harness | Stage) -> None:
        self._messages = Reader()
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", harness.gateway.port)

    async def logon(self, harness: Harness | Stage, password: str = PASSWORD, **extra: str) -> Message:
        """Connect, log on and return the answer."""
        await self.connect(harness)
        fields = {98: "0", 108: "30", 553: self.name, 554: password}
        self.send("A", fields | {int(tag[1:]): value for tag, value in extra.items()})
        return await self.receive()

    def send(
        self, kind: str, fields: dict[int, str] | list[tuple[int, str]], seq: int | None = None,
        target: str = "LOCKSTEP",
    ) -> None:  # fmt: skip
        """Under the next number, or any."""
        pairs = fields.items() if isinstance(fields, dict) else fields
        self.writer.write(self.message(kind, *pairs, number=seq, target=target))

    def send_list(self, list_id: str, kind: str, entries: list[tuple[int, str]], orders: int = 2) -> None:
        """A list of `orders` orders, whose fields are `entries`."""
        self.send("E", [(66, list_id), (394, "3"), (1385, kind), (68, str(orders)), (73, str(orders)), *entries])

    def order(self, cl_ord_id: str, **changes: str | None) -> None:
        """A limit order to buy 1 BTC at 100.00, with `changes` ("t44": "99", None to leave out)."""
        fields: dict[int, str | None] = {
            11: cl_ord_id, 21: "1", 55: "BTCUSDT", 54: "1", 60: "20260101-00:00:00.000",
            38: "1", 40: "2", 44: "100", 59: "1",
        }  # fmt: skip
        fields |= {int(tag[1:]): value for tag, value in changes.items()}
        self.send("D", {tag: value for tag, value in fields.items() if value is not None})

    def cancel(self, cl_ord_id: str, orig: str, **changes: str) -> None:
        fields = {41: orig, 11: cl_ord_id, 55: "BTCUSDT", 54: "1", 60: "20260101-00:00:00.000", 38: "1"}
        self.send("F", fields | {int(tag[1:]): value for tag, value in changes.items()})

    def replace(self, cl_ord_id: str, orig: str, **changes: str) -> None:
        fields = {41: orig, 11: cl_ord_id, 21: "1", 55: "BTCUSDT", 54: "1", 60: "20260101-00:00:00.000"}
        fields |= {38: "1", 40: "2", 44: "100"}
        self.send("G", fields | {int(tag[1:]): value for tag, value in changes.items()})

    async def receive(self) -> Message:
        """The next message, as its last value of each tag. EOFError if the connection ends first."""
        async with asyncio.timeout(REPLY_S):
            while (message := self._messages.next()) is None:
                data = await self.reader.read(65536)
                if not data:
                    raise EOFError("the gateway closed the connection")
                self._messages.add(data)
        self.got.append(message)
        return message

    async def closed(self) -> None:
        """Wait until the gateway has closed, without another message."""
        async with asyncio.timeout(REPLY_S):
            rest = await self.reader.read()
        assert rest == b""

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


def with_fix(config: Config, **fix: Any) -> Config:
    """`config` with other settings of its [fix] table."""
    return structs.replace(config, fix=structs.replace(config.fix, **fix))
