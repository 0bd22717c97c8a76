"""A gateway whose router and matcher are played by the test: commands are read, events made by hand.

Sockets, store and rings are real; a report depends on its event and those before it, so each can be looked at alone.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from lockstep.core.schema import records as r
from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.venue.node import Node
from lockstep.core.venue.snapshot_parts import Kept
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.gateway.__main__ import build
from lockstep.procs.gateway.server import Server
from lockstep.shm.board import Word
from tests.gateway.harness import REPLY_S, STEP_S, Trader, abandon, config_for
from tests.listed import TERMS
from tests.passwords import CHEAP_HASH

ROUTER = 0
MATCHER = 1
FAR_AHEAD = 1 << 40  # everything is released at once
INSTRUMENT = 1
AT_NS = 1_796_000_000_000_000_000  # 2026-11-30: when all events happen
ALICE, BOB = 1, 2


def credential() -> r.ExtCredentialEvent:
    """The event before an account's, of the password that traders log on with."""
    salt, digest = (base64.b64decode(part + "==") for part in CHEAP_HASH.split("$")[-2:])
    return r.ExtCredentialEvent(salt=salt, hash=digest, memory_kib=8, time_cost=1, parallelism=1)


DEFINITIONS: tuple[Struct, ...] = (
    r.AssetDefined(name=b"BTC", asset=1, scale=8),
    r.AssetDefined(name=b"USDT", asset=2, scale=8),
    r.InstrumentDefined(instrument=INSTRUMENT, symbol=b"BTCUSDT", **TERMS),
    credential(),
    r.AccountDefined(account=ALICE, name=b"ALICE"),
    credential(),
    r.AccountDefined(account=BOB, name=b"BOB"),
)  # fmt: skip


class Stage:
    """A running gateway. Tick 0.01, lot 0.0001, and a whole lot at one tick is worth 100 units of USDT."""

    def __init__(
        self,
        data: Path,
        matchers: int = 1,
        snapshots: Kept | None = None,
        node: Node | None = None,
        homes: dict[str, int] | None = None,
    ) -> None:
        """The first gateway; `homes` has sessions of a second one."""
        config = config_for(gateways=2 if homes else 1)
        others = [
            structs.replace(config.instruments[0], symbol=f"BTCUSDT{number}", matcher=number)
            for number in range(2, matchers + 1)
        ]
        config = structs.replace(config, instruments=config.instruments + others)
        topology = derive(config)
        start = None if snapshots is None else snapshots.start
        self.venue = Venue.private(topology, config, data, start, node=node, bound=homes)
        if snapshots is not None:
            self.venue.snapshots = snapshots
        self.gateway: Server = build(self.venue, "gateway.1")
        rings = ("events.router", *(f"events.matcher.{number}" for number in range(1, matchers + 1)))
        self._events = [self.venue.producer(ring) for ring in rings]
        self._others = [
            self.venue.consumer(ring.name, agent)
            for ring in topology.rings
            for agent in ring.consumers
            if ring.name in rings and agent != "gateway.1"
        ]
        self.ingress = self.venue.consumer("ingress.gateway.1", "router")
        self.reservations: list[r.Reservation] = []
        self.reserves = True
        self._heard: list[Any] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Define everything, and step until the port is open."""
        board = self.venue.board
        board.set(Word.DURABLE_SEQ, FAR_AHEAD)
        board.set(Word.ROUTER_DONE, FAR_AHEAD)
        self.define()
        board.set(Word.EPOCH, 1)
        await self.open()

    async def open(self) -> None:
        """Step until the port is open."""
        if self._task is None:
            await self.gateway.start()
            self._task = asyncio.get_running_loop().create_task(self._run())
        async with asyncio.timeout(REPLY_S):
            while self.gateway.port == 0:
                await asyncio.sleep(STEP_S)

    def define(self) -> None:
        """Publish what is listed, and who may trade."""
        for definition in DEFINITIONS:
            self.tell(definition, ring=ROUTER)
        self.venue.board.set(Word.READY_EVENT, len(DEFINITIONS))

    async def kill(self) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        abandon(self.gateway)

    def tell(self, event: Any, ring: int = MATCHER) -> int:
        """Have the venue say something; its number in that ring."""
        number = self._events[ring].next
        instrument = event.instrument or INSTRUMENT
        fields = {
            "number": number,
            "cause": event.cause or 1,
            "time_ns": event.time_ns or AT_NS,
            "instrument": instrument,
        }
        self._events[ring].put(pack(structs.replace(event, **fields)))
        return number

    async def commands(self, count: int) -> list[Any]:
        """The next `count` records for the router, but those of sessions. There is no other after them."""
        found: list[Any] = []
        async with asyncio.timeout(REPLY_S):
            while len(found) < count:
                found += self._taken()
                await asyncio.sleep(STEP_S)
        assert len(found) == count
        return found

    def nothing(self) -> bool:
        """Whether no order message has come through."""
        return not self._taken()

    def _taken(self) -> list[Any]:
        self._listen()
        taken, self._heard = self._heard, []
        return taken

    def _listen(self) -> None:
        """Take what has come, and say at once, as a router would, that reserved numbers are in the log."""
        for command in map(unpack_command, self.ingress.take()):
            if isinstance(command, r.Reservation):
                self.reservations.append(command)
                if self.reserves:
                    self.reserve(command)
            elif not isinstance(command, r.Session):
                self._heard.append(command)

    def reserve(self, asked: r.Reservation) -> None:
        """Say that the log has it, and is committed."""
        self.tell(
            r.Reserved(
                session=asked.session, generation=asked.generation, first=asked.first, end=asked.end,
                fix_version=asked.fix_version,
            ),
            ring=ROUTER,
        )  # fmt: skip

    async def _run(self) -> None:
        while True:
            self.gateway.poll(self.gateway.now_ns())
            self._listen()
            for consumer in self._others:
                consumer.take()
            await asyncio.sleep(STEP_S)


@contextlib.asynccontextmanager
async def stage(data: Path, matchers: int = 1) -> AsyncIterator[Stage]:
    """A gateway for the length of a test."""
    running = Stage(data, matchers)
    await running.start()
    try:
        yield running
    finally:
        await running.kill()


async def on_stage(running: Stage, name: str = "ALICE", version: str = "FIX.4.4") -> Trader:
    """A trader who has logged on."""
    trader = Trader(name, version)
    await trader.logon(running)
    return trader


def accepted(order_id: int = 10, cl_ord_id: str = "one", **changes: Any) -> r.Accepted:
    """A limit order of Alice's to buy 2 BTC at 100.00, as its matcher reports it."""
    order: dict[str, Any] = {
        "order_id": order_id, "price_ticks": 10_000, "quantity_lots": 20_000, "account": ALICE, "session": ALICE,
        "cl_ord_id": cl_ord_id.encode(), "side": r.Side.BUY, "ord_type": r.OrderType.LIMIT,
        "time_in_force": r.TimeInForce.DAY, "msg_seq_num": 2,
    }  # fmt: skip
    return r.Accepted(**order | changes)


def traded(
    maker: int, taker: int, lots: int, price: int, maker_leaves: int, taker_leaves: int, **more: Any
) -> r.Traded:
    """A trade in which Bob sells to Alice, and Alice's order rested, unless `more` says otherwise."""
    fields: dict[str, Any] = {"maker_account": ALICE, "taker_account": BOB, "taker_side": r.Side.SELL}
    return r.Traded(
        maker_order_id=maker, taker_order_id=taker, price_ticks=price, quantity_lots=lots,
        maker_leaves_lots=maker_leaves, taker_leaves_lots=taker_leaves, maker_fee=0, taker_fee=0, **fields | more,
    )  # fmt: skip


def cancelled(order_id: int, reason: r.CancelReason, leaves: int = 0, **changes: Any) -> r.Cancelled:
    """An order of Alice's is off the book without her asking."""
    fields: dict[str, Any] = {"session": 0, "cl_ord_id": b"", "side": r.Side.BUY, "account": ALICE}
    return r.Cancelled(order_id=order_id, price_ticks=0, leaves_lots=leaves, reason=reason, **fields | changes)
