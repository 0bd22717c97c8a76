"""All clients of a simulated venue's api: while faults strike, when they have ended, and what they are shown then."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import API_SESSION, Balance, Code, Event, NewOrder, Settled
from tests.broken import require
from tests.invariants import rows_of
from tests.shown import check_fills, check_orders
from tests.simulation.api import AGENT
from tests.simulation.api_traffic import ApiTraffic, Request
from tests.simulation.bot import BUSY, Balances, Bot, Sending, Told
from tests.simulation.heard import Heard
from tests.simulation.setting import ASSETS
from tests.simulation.traffic import SYMBOLS

if TYPE_CHECKING:
    from tests.simulation.world import World

TURN = 0.3  # how likely one of them has a turn
MOST_ROWS = "1000"
GIVEN = re.compile("v[A-Za-z0-9_-]{21}")  # the venue's own client ids
QUESTIONS = (
    Request("account", "GET", "account", {}),
    Request("open_orders", "GET", "openOrders", {}),
    *(Request("all_orders", "GET", "allOrders", {"symbol": symbol, "limit": MOST_ROWS}) for symbol in SYMBOLS),
    *(Request("trades", "GET", "myTrades", {"symbol": symbol, "limit": MOST_ROWS}) for symbol in SYMBOLS),
)  # fmt: skip


class Bots:
    """One for each FIX session, of the same account."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.heard = Heard(world.audit)
        self.bots = [
            Bot(
                each.name, each.number, ApiTraffic(each.name, requests.entered, world.draw(f"api's {each.name}")),
                self.heard, world.draw(f"bot {each.name}"),
            )
            for each, requests in zip(world.traders, world.requests, strict=True)
        ]  # fmt: skip
        self._draw = world.draw("bots")

    def step(self) -> None:
        """One of them may have its turn."""
        if self._draw.random() < TURN:
            self._turn(self._draw.choice(self.bots))

    def _turn(self, bot: Bot) -> None:
        world = self.world
        bot.step(world.stage_of(AGENT), world.mono_ns, world.utc_ns, world.turn, world.plan.pace)

    def calm(self) -> None:
        """All faults end."""
        for bot in self.bots:
            bot.calm()

    def carry(self, records: list[bytes]) -> bool:
        """Have the api send records that are no orders, where it can."""
        stage = self.world.stage_of(AGENT)
        command: Any = unpack_command(records[-1])
        return stage is not None and stage.is_open and stage.desk.commands.carry(records, command.cl_ord_id) is not None

    def counts(self) -> Counter[str]:
        """All that happened to them."""
        return sum((bot.seen for bot in self.bots), Counter())

    # The end of all faults

    def finish(self) -> None:
        """Everybody gets all answers, an order taken (I10), and all that there is shown, by a successor too."""
        world = self.world
        world.until(self._is_idle, "every request of the api's clients is answered")
        for bot in self.bots:
            busy = bot.seen[f"api: {BUSY}"]
            self._ask(bot, bot.traffic.order(f"alive-{bot.name}-bot"))
            require(bot.seen[f"api: {BUSY}"] == busy, f"I10: {bot.name} is told that the venue is busy")
        world.rest()
        self.look()
        if self._draw.random() < 0.5:
            world.seen["api at rest started again"] += 1
            world.die(world.host_of(AGENT))
            world.rest()
            self.look()

    def look(self) -> None:
        """Each asks for all that its account has."""
        for bot in self.bots:
            for question in QUESTIONS:
                self._ask(bot, question)
        self.world.until(self.world.is_still, "all comes to rest")

    def _ask(self, bot: Bot, request: Request) -> None:
        world = self.world
        world.until(lambda: self._is_open(), "the api is open")
        Sending(bot, world.stage_of(AGENT), world.mono_ns, world.stage_of(AGENT).now_ns, world.turn).new(request)
        world.until(self._is_idle, f"{bot.name}'s {request.kind} is answered")

    def _is_open(self) -> bool:
        stage = self.world.stage_of(AGENT)
        return stage is not None and stage.is_open

    def _is_idle(self) -> bool:
        return all(bot.is_idle for bot in self.bots)

    # What must be true then

    def check(self, events: Sequence[tuple[int, Event]], log: Sequence[Any]) -> None:
        """What they were shown is what the log's repeat says; nothing came of what was said to come to nothing."""
        expected = rows_of(events, log)
        orders = (each for each in log if isinstance(each, NewOrder) and each.session >= API_SESSION)
        taken = {(each.account, each.cl_ord_id.decode()) for each in orders if each.verdict == Code.OK}
        told = [event for ring, event in events if ring == 0]
        for bot in self.bots:
            wrong = [name for name, none in bot.not_sent.items() if none and name and (bot.number, name) in taken]
            require(not wrong, f"I3: {bot.name} was told that nothing came of {wrong}, which the log has taken")
            mine = (item for item in self.heard.accepted.items() if item[0][0] == bot.number)
            logged = {name.decode(): order for (_, name), (order, _) in mine}
            gone = {name: order for name, order in bot.placed.items() if logged.get(name) != order}
            require(not gone, f"I2: {bot.name} was answered orders {gone}, which the log does not have so")
            given = [name for name in logged if GIVEN.fullmatch(name)]
            is_once = self.world.is_deserted or len(given) <= len(bot.nameless)
            require(is_once, f"I3: {bot.name} has {given} of {len(bot.nameless)} requests")
            shown = [row for symbol in SYMBOLS for row in bot.last["all_orders", symbol]]
            check_orders(bot.name, bot.number, shown, bot.last["open_orders", ""], expected)
            check_fills(bot.name, bot.number, {symbol: bot.last["trades", symbol] for symbol in SYMBOLS}, expected)
            check_balances(bot, told)


def check_balances(bot: Bot, told: Sequence[Event]) -> None:
    """LOG-14: balances have all that their owner had been told of when it asked for them, and the last are the last."""
    states: list[tuple[int, Balances]] = [(0, {})]
    settled = [event for event in told if isinstance(event, Settled)]
    for event in told:
        if isinstance(event, Balance) and event.account == bot.number:
            asset = ASSETS[event.asset - 1]
            amounts = (Decimal(event.free).scaleb(-8), Decimal(event.held).scaleb(-8))
            states.append((event.number, {**states[-1][1], asset: amounts}))
    for knew, shown in bot.balances:
        first = next((event.number for event in settled if knew and covers(event, knew)), 0)
        require(first or not knew, f"{bot.name} was shown balances, and no event settles {knew}")
        later = [state for at, state in states if at > first] + [[state for at, state in states if at <= first][-1]]
        require(shown in later, f"{bot.name} knew of {knew}, and was shown {shown}, which was so before that")
    last = states[-1][1]
    require(bot.balances[-1][1] == last, f"{bot.name} has {last}, and is shown {bot.balances[-1][1]}")


def covers(event: Settled, knew: Told) -> bool:
    """Whether balances have, as this event says, all that was known."""
    numbers = (event.cause, *event.event_numbers)
    return all(numbers[ring] >= number for ring, number in knew.items())
