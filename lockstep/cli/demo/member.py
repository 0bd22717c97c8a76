"""An account of the population at the venue: joins, carries its requests there, and tells what comes of them.

Before its first order, and every few seconds from then on, it says to the venue when all its orders are to go unless it
says so again: whatever ends this program, they do not outlive it for long. It joins again whenever that, or its
session, has failed; it then begins without orders.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from lockstep.cli.demo.fix_message import Message, utc_text
from lockstep.cli.demo.fix_orders import FixOrders
from lockstep.cli.demo.fix_session import FixSession
from lockstep.cli.demo.person import Person, ProblemError
from lockstep.cli.demo.population.words import Ended, Event, Filled, Joined, Kind, Left, Place, Request
from lockstep.cli.demo.steps import Steps

SWITCH_S = 10  # orders of a program that was killed are gone then
RENEW_S = 3.0  # how often it says that it lives
UNANSWERED_S = 20.0
RETRY_S = (0.2, 0.5, 1.0, 2.0)
CLEARED_S = 10.0
LOOK_S = 0.1
AWAY = (OSError, TimeoutError, ProblemError)


class Where(Struct, frozen=True):
    """Where FIX is spoken, and with whom. `run` begins the ids of this run's orders."""

    host: str
    port: int
    target: str
    run: str


class Member(ABC):
    """`hears` is told all that the population is to hear, `says` what people are: a member's name and a sentence."""

    def __init__(
        self, person: Person, steps: Mapping[str, Steps], hears: Callable[[Event], None],
        says: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        self.name = person.name
        self.hears = hears
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
                await self._ask("PUT", "/orders/cancel-after", {"seconds": SWITCH_S})
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
                    await self._ask("PUT", "/orders/cancel-after", {"seconds": 1})
                    is_asked = True
                due = (await self._ask("GET", "/orders/cancel-after"))["due"]
                if due is None and not await self._ask("GET", "/orders/open"):
                    await self.disconnect()
                    await asyncio.to_thread(self._person.log_out)
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
        """Be able to send, without an open order. OSError, TimeoutError, ProblemError."""

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
        """Renew the switch until something fails. OSError, TimeoutError, ProblemError."""
        while True:
            renewed_s = time.monotonic()
            while time.monotonic() - renewed_s < RENEW_S:
                await asyncio.sleep(LOOK_S)  # the pace of heartbeats, and of noticing that no answer comes
                if why := self.fails():
                    raise ConnectionError(why)
            await self._ask("PUT", "/orders/cancel-after", {"seconds": SWITCH_S})

    async def _lots(self) -> dict[str, int]:
        """How many lots more than when it joined first it has of each instrument's base."""
        balances = {each["asset"]: each["total"] for each in await self._ask("GET", "/account/balances")}
        lots = {each.symbol: each.lot.count(balances.get(each.base, "0")) for each in self._steps.values()}
        self._home = self._home or lots
        return {symbol: count - self._home[symbol] for symbol, count in lots.items()}

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        return await asyncio.to_thread(self._person.ask, method, path, body)

    def _lost(self, why: str) -> None:
        if why != self._was_away:
            self._says(self.name, f"is away: {why}")
        self._was_away = why


class FixMember(Member):
    """One that trades over FIX."""

    def __init__(
        self, person: Person, where: Where, steps: Mapping[str, Steps], hears: Callable[[Event], None],
        says: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        super().__init__(person, steps, hears, says)
        self._where = where
        self._session: FixSession | None = None
        self._orders = FixOrders(self.name, where.run, steps)
        self._cleared: asyncio.Future[None] | None = None
        self._connects = 0

    async def connect(self) -> None:
        """Log on, and cancel what an earlier connection has left: the venue takes that in before anything new."""
        self._orders = FixOrders(self.name, self._where.run, self._steps)
        self._session = session = FixSession(self.name, self._person.password, self._where.target, self._take)
        await session.log_on(self._where.host, self._where.port)
        self._cleared = asyncio.get_running_loop().create_future()
        self._connects += 1
        now = utc_text(time.time_ns())
        session.send("q", [(11, f"{self._where.run}-clear-{self._connects}"), (530, 7), (60, now)])
        async with asyncio.timeout(CLEARED_S):
            await self._cleared

    async def disconnect(self) -> None:
        if self._session is not None:
            await self._session.log_out()

    def cut(self) -> None:
        if self._session is not None:
            self._session.cut()

    def fails(self) -> str:
        assert self._session is not None
        if self._session.ended.done():
            return self._session.ended.result()
        self._session.beat()
        oldest_s = next(iter(self._orders.waiting.values()), None)
        is_stuck = oldest_s is not None and time.monotonic() - oldest_s > UNANSWERED_S
        return f"the venue has not answered for {UNANSWERED_S:.0f} s" if is_stuck else ""

    def send(self, request: Request) -> None:
        assert self._session is not None
        self._session.send(*self._orders.message(request, utc_text(time.time_ns()), time.monotonic()))

    def _take(self, message: Message) -> None:
        if message[35] == "r":
            if self._cleared is not None and not self._cleared.done():
                self._cleared.set_result(None)
            return
        for event in self._orders.events(message):
            self.hears(event)


class RestMember(Member):
    """One that trades by `/v1/orders`: nothing of what it sends rests."""

    def __init__(
        self, person: Person, steps: Mapping[str, Steps], hears: Callable[[Event], None],
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
            placed = await self._ask("POST", "/orders", order)
            for fill in placed["fills"]:
                self.hears(Filled(self.name, place.number, steps.lot.count(fill["quantity"])))
        except ProblemError as error:
            refused = True
            if error.status >= 500:
                self._why = f"the outcome of an order is not known: {error}"
        except OSError as error:
            self._why = f"the outcome of an order is not known: {error}"
        self.hears(Ended(self.name, place.number, refused))
