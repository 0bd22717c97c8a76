"""Plays a flow on a running venue and says how far its books agree: orders by FIX, books by WebSocket.

It joins both ends; it starts no venue and prints nothing.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lockstep.cli.flow.commands import Flow, Level
from lockstep.cli.flow.driver import Driver
from lockstep.cli.flow.initiator import Initiator
from lockstep.cli.flow.terms import Market, Party
from lockstep.cli.flow.watcher import STREAM_LEVELS, Difference, Watcher, follow

# How far orders may run ahead of the books compared: bounds the publisher's queue for us.
WINDOW = 20_000
PRICE_DECIMALS = 2
QUANTITY_DECIMALS = 0


@dataclass(frozen=True)
class Target:
    """Where and as whom to play. The instrument takes prices of 0.01 and whole quantities."""

    address: str
    fix_ports: Mapping[str, int]  # of each session's gateway
    market_port: int
    comp_id: str
    symbol: str
    buyer: str
    seller: str
    password: str

    def session(self, sender: str, patience_s: float = 10) -> Initiator:
        """Log on as `sender`; a venue that does not listen is tried again for this long."""
        party = Party(sender, self.comp_id, self.password)
        market = Market(self.symbol, PRICE_DECIMALS, QUANTITY_DECIMALS)
        return Initiator(self.address, self.fix_ports[sender], party, market, patience_s)

    @property
    def books_url(self) -> str:
        return f"ws://{self.address}:{self.market_port}/ws/{self.symbol.lower()}@book{STREAM_LEVELS}"


@dataclass(frozen=True)
class Outcome:
    """The outcome of a play. `seconds` runs from the first order to the last book compared."""

    commands: int
    seconds: float
    checkpoints: int
    agreed: int
    refused: int
    refusals: list[str]
    differences: list[Difference]

    @property
    def agrees(self) -> bool:
        return self.agreed == self.checkpoints and self.refused == 0


async def play(
    flow: Flow,
    books: list[tuple[list[Level], list[Level]]],
    target: Target,
    levels: int,
    moved: Callable[[int, int], None],
) -> Outcome:
    """Play `flow`, comparing `levels` levels at its checkpoints. `moved` hears (commands compared, checks agreed)."""
    buyer, seller = await asyncio.gather(
        asyncio.to_thread(target.session, target.buyer), asyncio.to_thread(target.session, target.seller)
    )
    acks = array("q", bytes(8 * len(flow)))
    driver = Driver((buyer, seller), flow, acks, WINDOW)
    watcher = Watcher(flow, books, acks, levels, PRICE_DECIMALS)
    subscribed = asyncio.Event()

    def seen(command: int) -> None:
        driver.seen = command
        moved(command, watcher.agreed)

    following = asyncio.create_task(follow(target.books_url, watcher, subscribed.set, seen))
    waiting = asyncio.create_task(subscribed.wait())
    await asyncio.wait([following, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    started = time.monotonic()
    driving = asyncio.create_task(asyncio.to_thread(driver.run))
    await asyncio.wait([following, driving], return_when=asyncio.FIRST_EXCEPTION)
    for task in (driving, following):
        if task.done() and (error := task.exception()):
            driver.seen = len(flow)  # a driver that waits for books which will not come stops waiting
            following.cancel()
            await asyncio.gather(driving, following, return_exceptions=True)  # of two errors the first one is told
            raise error
    seconds = time.monotonic() - started
    for session in (buyer, seller):
        await asyncio.to_thread(session.close)
    return Outcome(
        len(flow), seconds, watcher.compared, watcher.agreed, driver.refused, driver.refusals, watcher.differences
    )
