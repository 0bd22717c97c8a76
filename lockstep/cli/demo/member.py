"""An account of the population at the venue: joins, carries its requests there, and tells what comes of them.

Before its first order, and every few seconds from then on, it says to the venue when all its orders are to go unless it
says so again: whatever ends this program, they do not outlive it for long. It joins again whenever that, or its
session, has failed; it then begins without orders.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from msgspec import Struct

from lockstep import V1, FixClient, VenueError
from lockstep.cli.demo.fix_orders import FixOrders
from lockstep.cli.demo.population.words import Ended, Event, Filled, Joined, Kind, Left, Place, Request
from lockstep.cli.demo.steps import Steps
from lockstep.client.fix.message import Message, now
from lockstep.client.v1 import Placed

SWITCH_S = 10  # orders of a program that was killed are gone then
RENEW_S = 3.0  # how often it says that it lives
UNANSWERED_S = 20.0
RETRY_S = (0.2, 0.5, 1.0, 2.0)
CLEARED_S = 10.0
HEARTBEAT_S = 10
LOOK_S = 0.1
AWAY = (OSError, TimeoutError, VenueError)


class Where(Struct, frozen=True):
    """Where FIX is spoken, and with whom. `run` begins the ids of this run's orders."""

    host: str
    port: int
    target: str
    run: str


class Member(ABC):
    """`hears` is told all that the population is to hear, `says` what people are: a member's name and a sentence."""

    def __init__(
        self, person: V1, steps: Mapping[str, Steps], hears: Callable[[Event], None],
        says: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        self.name = person.name
        self.hears = hears
        self.failed = asyncio.Event()  # set when it `fails`, where something tells of that
        self._person = person
        self._steps = steps
        self._says = says
        self._home: dict[str, int] = {}
        self._was_away = ""

    async def live(self) -> None:
        """Join, and join again, until it is cancelled: then it is still connected, and has to leave."""
        failures = 0
        while True:
            try:
                await self._person.cancel_after(SWITCH_S)
                await self.connect()
                self.hears(Joined(self.name, await self._lots()))
                if self._was_away:
                    self._says(self.name, "is back")
                failures, self._was_away = 0, ""
                await self._stay()
            except AWAY as error:
                self._lost(str(error) or type(error).__name__)
            self.hears(Left(self.name))
            self.cut()
            # Only trying again tells whether the venue is back.
            await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1

    async def leave(self) -> bool:
        """Have the venue cancel all orders, those of halted instruments too, and wait for that. False if it was not to
        be seen."""
        deadline_s = time.monotonic() + CLEARED_S
        is_asked = False
        while time.monotonic() < deadline_s:
            try:
                if not is_asked:
                    await self._person.cancel_after(1)
                    is_asked = True
                if await self._person.cancels_at() is None and not await self._person.open_orders():
                    await self.disconnect()
                    await self._person.log_out()
                    return True
            except AWAY:
                is_asked = False  # it may be back in a moment
            await asyncio.sleep(LOOK_S)  # `/v1/orders/open` is asked, it does not tell
        return False

    @abstractmethod
    def send(self, request: Request) -> None:
        """Carry a request to the venue; what comes of it is heard later."""

    @abstractmethod
    async def connect(self) -> None:
        """Be able to send, without an open order. OSError, TimeoutError, VenueError."""

    @abstractmethod
    async def disconnect(self) -> None:
        """End in order what `connect` has begun."""

    @abstractmethod
    def cut(self) -> None:
        """End it at once."""

    @abstractmethod
    def fails(self) -> str:
        """Why it can't send any more; nothing while it can."""

    async def _stay(self) -> None:
        """Renew the switch until something fails. OSError, TimeoutError, VenueError."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RENEW_S):
                    await self.failed.wait()
            if why := self.fails():
                raise ConnectionError(why)
            await self._person.cancel_after(SWITCH_S)

    async def _lots(self) -> dict[str, int]:
        """How many lots more than when it joined first it has of each instrument's base."""
        balances = {each.asset: str(each.total) for each in await self._person.balances()}
        lots = {each.symbol: each.lot.count(balances.get(each.base, "0")) for each in self._steps.values()}
        self._home = self._home or lots
        return {symbol: count - self._home[symbol] for symbol, count in lots.items()}

    def _lost(self, why: str) -> None:
        if why != self._was_away:
            self._says(self.name, f"is away: {why}")
        self._was_away = why


class FixMember(Member):
    """One that trades over FIX."""

    def __init__(
        self, person: V1, where: Where, steps: Mapping[str, Steps], hears: Callable[[Event], None],
        says: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        super().__init__(person, steps, hears, says)
        self._where = where
        self._session = FixClient(
            self.name, person.password, host=where.host, port=where.port, target=where.target,
            heartbeat_s=HEARTBEAT_S, hears=self._take,
        )  # fmt: skip
        self.failed = self._session.ended
        self._orders = FixOrders(self.name, where.run, steps)
        self._cleared: asyncio.Future[None] | None = None
        self._connects = 0

    async def connect(self) -> None:
        """Log on, and cancel what an earlier connection has left: the venue takes that in before anything new."""
        self._orders = FixOrders(self.name, self._where.run, self._steps)
        await self._session.connect(reset=True)
        self._cleared = asyncio.get_running_loop().create_future()
        self._connects += 1
        self._session.send("q", (11, f"{self._where.run}-clear-{self._connects}"), (530, 7), (60, now()))
        async with asyncio.timeout(CLEARED_S):
            await self._cleared

    async def disconnect(self) -> None:
        await self._session.log_out()

    def cut(self) -> None:
        self._session.cut()

    def fails(self) -> str:
        if self.failed.is_set():
            return self._session.why
        oldest_s = next(iter(self._orders.waiting.values()), None)
        is_stuck = oldest_s is not None and time.monotonic() - oldest_s > UNANSWERED_S
        return f"the venue has not answered for {UNANSWERED_S:.0f} s" if is_stuck else ""

    def send(self, request: Request) -> None:
        kind, fields = self._orders.message(request, now(), time.monotonic())
        self._session.send(kind, *fields)

    def _take(self, message: Message) -> None:
        if message[35] == "3":
            self._session.cut(f"the venue rejects a message: {message.get(58, '')}")
        if message[35] == "r":
            if self._cleared is not None and not self._cleared.done():
                self._cleared.set_result(None)
            return
        for event in self._orders.events(message):
            self.hears(event)


class RestMember(Member):
    """One that trades by `/v1/orders`: nothing of what it sends rests."""

    def __init__(
        self, person: V1, steps: Mapping[str, Steps], hears: Callable[[Event], None],
        says: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        super().__init__(person, steps, hears, says)
        self._sending: set[asyncio.Task[None]] = set()
        self._why = ""

    async def connect(self) -> None:
        """There is nothing to do: each request finds its own way."""

    async def disconnect(self) -> None:
        if self._sending:
            await asyncio.wait(self._sending)

    def cut(self) -> None:
        self._why = ""
        self.failed.clear()

    def fails(self) -> str:
        return self._why

    def send(self, request: Request) -> None:
        assert isinstance(request, Place)
        task = asyncio.get_running_loop().create_task(self._place(request))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _place(self, place: Place) -> None:
        steps = self._steps[place.symbol]
        order = {
            "symbol": place.symbol, "side": "buy" if place.buys else "sell", "quantity": steps.lot.text(place.lots),
            "time_in_force": "ioc", "type": "market" if place.kind is Kind.MARKET else "limit",
        }  # fmt: skip
        if place.kind is not Kind.MARKET:
            order["price"] = steps.tick.text(place.price_ticks)
        refused = False
        try:
            placed = await self._person.ask("POST", "/orders", Placed, order)
            for fill in placed.fills:
                self.hears(Filled(self.name, place.number, steps.lot.count(str(fill.quantity))))
        except VenueError as error:
            refused = error.status > 0
            if not error.status or error.status >= 500:
                self._why = f"the outcome of an order is not known: {error}"
                self.failed.set()
        self.hears(Ended(self.name, place.number, refused))
