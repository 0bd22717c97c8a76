"""An account of the population: its open orders as it knows them, and how much it has more than at home."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lockstep.cli.demo.population.words import (
    Accepted,
    Ended,
    Filled,
    Joined,
    Kept,
    Kind,
    Left,
    Move,
    Moved,
    Place,
    Request,
)


class Order:
    """An order that may be open. `asks` says that a request about it is on its way; it may then trade at
    `next_ticks` already."""

    __slots__ = (
        "asks",
        "buys",
        "filled",
        "kind",
        "lots",
        "next_ticks",
        "number",
        "rests_until",
        "symbol",
        "ticks",
        "turn",
    )

    def __init__(self, place: Place, turn: int) -> None:
        self.number = place.number
        self.symbol = place.symbol
        self.kind = place.kind
        self.buys = place.buys
        self.ticks = self.next_ticks = place.price_ticks
        self.lots = place.lots
        self.filled = 0
        self.asks = True
        self.turn = turn
        self.rests_until = 0  # a turn: after a move that was refused

    @property
    def left(self) -> int:
        """What is open of it."""
        return self.lots - self.filled


class Account:
    """`lots` is how many it has more than at home, by symbol. It says nothing while it is `away`."""

    def __init__(self, name: str, symbols: Iterable[str]) -> None:
        self.name = name
        self.away = True
        self.lots = dict.fromkeys(symbols, 0)
        self.orders: dict[int, Order] = {}
        self.rests_until: dict[tuple[str, bool], int] = {}  # by symbol and side, after a refusal: a turn

    def of(self, symbol: str, *kinds: Kind) -> Iterator[Order]:
        """Its orders of an instrument that are of these kinds."""
        return (order for order in self.orders.values() if order.symbol == symbol and order.kind in kinds)

    def is_busy(self) -> bool:
        """Whether a request of its is not answered."""
        return any(order.asks for order in self.orders.values())

    def says(self, request: Request, turn: int) -> Request:
        """It sends this in a turn."""
        if isinstance(request, Place):
            self.orders[request.number] = Order(request, turn)
        else:
            order = self.orders[request.of]
            order.asks = True
            if isinstance(request, Move):
                order.next_ticks = request.price_ticks
                order.lots = request.lots
        return request

    def hears(self, event: Joined | Left | Accepted | Filled | Moved | Ended | Kept, turn: int) -> None:
        """What the venue says about it."""
        match event:
            case Joined(lots=lots):
                self.away = False
                self.orders.clear()
                self.lots.update(lots)
            case Left():
                self.away = True
            case Accepted(number=number) if number in self.orders:
                self.orders[number].asks = False
            case Kept(of=of, refused=refused) if of in self.orders:
                order = self.orders[of]
                order.asks, order.next_ticks = False, order.ticks
                order.rests_until = turn + REST_TURNS if refused else 0
            case Moved(of=of, number=number) if of in self.orders:
                order = self.orders.pop(of)
                order.number, order.asks, order.ticks = number, False, order.next_ticks
                self.orders[number] = order
            case Filled(number=number, lots=lots) if number in self.orders:
                order = self.orders[number]
                order.filled += lots
                self.lots[order.symbol] += lots if order.buys else -lots
            case Ended(number=number, refused=refused) if number in self.orders:
                order = self.orders.pop(number)
                if refused:
                    self.rests_until[order.symbol, order.buys] = turn + REST_TURNS

    def may(self, symbol: str, *, buys: bool, bound: int, turn: int) -> bool:
        """Whether an order of that side keeps what it has within `bound` lots of home, and none was refused lately."""
        held = self.lots[symbol] if buys else -self.lots[symbol]
        return not self.away and held < bound and self.rests_until.get((symbol, buys), 0) <= turn


REST_TURNS = 50  # after a refusal, as of one without money: asking again at once would change nothing
