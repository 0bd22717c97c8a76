"""The population's requests as FIX, and FIX's reports as what the population hears. It does no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lockstep.cli.demo.population.words import (
    Accepted,
    Cancel,
    Ended,
    Event,
    Filled,
    Kept,
    Kind,
    Move,
    Moved,
    Place,
    Request,
)
from lockstep.cli.demo.steps import Steps
from lockstep.client.fix.message import Field, Message
from lockstep.client.fix.orders import BUY, ENDED, SELL

# Not refused for good: the market, or the order, had moved on meanwhile.
PASSING = ("WOULD_TAKE", "ORDER_CLOSED", "UNKNOWN_ORDER", "QUANTITY_BELOW_FILLED")


class FixOrders:
    """Of one account, over one connection. `run` tells this run's ids from those of others. `waiting` are requests
    that are not answered, the oldest first, and when each was made."""

    def __init__(self, account: str, run: str, steps: Mapping[str, Steps]) -> None:
        self._account = account
        self._prefix = f"{run}-"
        self._steps = steps
        self._asked: dict[int, int] = {}  # which order a move or cancel is about
        self.waiting: dict[int, float] = {}

    def message(self, request: Request, now: str, now_s: float) -> tuple[str, list[Field]]:
        """A request's MsgType and fields."""
        steps = self._steps[request.symbol]
        self.waiting[request.number] = now_s
        if not isinstance(request, Place):
            self._asked[request.number] = request.of
        common: list[Field] = [
            (11, self._id(request.number)), (55, request.symbol), (54, BUY if request.buys else SELL), (60, now),
        ]  # fmt: skip
        match request:
            case Cancel(of=of):
                return "F", [*common, (41, self._id(of))]
            case Move(of=of):
                price, lots = steps.tick.text(request.price_ticks), steps.lot.text(request.lots)
                return "G", [*common, (41, self._id(of)), (38, lots), (40, 2), (44, price)]
            case Place():
                return "D", [*common, (38, steps.lot.text(request.lots)), *self._terms(request, steps)]

    def _terms(self, place: Place, steps: Steps) -> list[Field]:
        price = steps.tick.text(place.price_ticks)
        match place.kind:
            case Kind.MARKET:
                return [(40, 1), (59, 3)]
            case Kind.STOP:
                return [(40, 3), (99, price), (59, 1)]
            case Kind.TAKING:
                return [(40, 2), (44, price), (59, 3)]
            case Kind.QUOTE:
                return [(40, 2), (44, price), (59, 1), (18, 6)]
            case Kind.RESTING:
                display: list[Field] = [(1138, steps.lot.text(place.display_lots))] if place.display_lots else []
                return [(40, 2), (44, price), (59, 1), *display]

    def events(self, message: Message) -> Iterator[Event]:
        """What an application message says of this run's orders."""
        kind = message[35]
        number = self._number(message.get(379 if kind == "j" else 11))
        if number is None:
            return
        asked = self._asked.pop(number, None)
        self.waiting.pop(number, None)
        if kind == "8":
            yield from self._report(message, number, asked)
        elif kind in "9j":
            refused = not message.get(58, "").startswith(PASSING)
            if asked is None:
                yield Ended(self._account, number, refused)
            elif message.get(39, "") in ENDED:
                yield Ended(self._account, asked)
            else:
                yield Kept(self._account, asked, refused)

    def _report(self, message: Message, number: int, asked: int | None) -> Iterator[Event]:
        """An ExecutionReport; of one that answers a move or cancel, `asked` is the order that this was about."""
        exec_type = message[150]
        if exec_type == "0":
            yield Accepted(self._account, number)
        elif exec_type == "5" and asked is not None:
            yield Moved(self._account, asked, number)
        elif exec_type == "F":
            yield Filled(self._account, number, self._steps[message[55]].lot.count(message[32]))
        if message[39] in ENDED:
            refused = exec_type == "8" and not message.get(58, "").startswith(PASSING)
            yield Ended(self._account, number if asked is None else asked, refused)

    def _id(self, number: int) -> str:
        return f"{self._prefix}{number}"

    def _number(self, text: str | None) -> int | None:
        """The number in one of this run's ids."""
        if text is None or not text.startswith(self._prefix):
            return None
        return int(text.removeprefix(self._prefix))
