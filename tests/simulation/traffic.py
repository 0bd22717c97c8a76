"""What a simulated venue's users and operators ask for: mostly sense, now and then nonsense.

Users ask in FIX, by their own ids and over a wire that fails, so no driver of the core can stand here.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Command, Deposit, Limits, MassCancel, Phase, PhaseChange, Withdrawal
from tests.simulation.trader import Trader

SYMBOLS = ("BTCUSDT", "ETHUSDT")
MAX_WAITING = 12  # requests of a trader that have no answer yet
TIME = "20260101-00:00:00.000"
PHASES = (*(Phase.CONTINUOUS,) * 5, Phase.HALT, Phase.OPENING_AUCTION, Phase.PRE_OPEN, Phase.CANCEL_ONLY)


class Requests:
    """One trader's requests."""

    def __init__(self, trader: Trader, draw: Random) -> None:
        self.trader = trader
        self.draw = draw
        self.count = 0
        self.entered: list[tuple[str, str, str]] = []  # id, symbol, side

    def send(self) -> None:
        """One request, where the trader isn't waiting for too many."""
        trader = self.trader
        if not trader.logged_on or len(trader.waiting) >= MAX_WAITING:
            return
        unknown = [name for name in trader.waiting if trader.waiting[name]]
        if trader.resets and unknown and self.draw.random() < 0.5:
            trader.ask_again(self.draw.choice(unknown))
            return
        kinds: dict[Callable[[], None], float] = {
            self.order: 10, self.cancel: 3, self.replace: 3, self.bad: 1, self.mass_cancel: 0.2, self.status: 0.5,
            self.pair: 0.7,
        }  # fmt: skip
        self.draw.choices(list(kinds), list(kinds.values()))[0]()

    def name(self) -> str:
        self.count += 1
        width = 0 if self.count % 3 else 24  # one in three is too long to be in one record with another
        return f"{self.trader.name}-{self.count:0{width}}"

    def order(self, cl_ord_id: str = "") -> None:
        draw = self.draw
        side, symbol = draw.choice("12"), draw.choice(SYMBOLS)
        price = f"{draw.randint(98, 102)}.{draw.randint(0, 3):02d}"
        name = cl_ord_id or self.name()
        kind = draw.choice(("2", "2", "2", "2", "1", "4"))
        fields = [
            (21, "1"), (55, symbol), (54, side), (60, TIME), (38, draw.choice(("0.1", "0.5", "1", "3", "40"))),
            (40, kind), (59, draw.choice("11103")),
        ]  # fmt: skip
        fields += [(44, price)] if kind in "24" else []
        fields += [(99, f"{draw.randint(98, 102)}.00")] if kind == "4" else []
        fields += [(111, "0.1")] if kind == "2" and draw.random() < 0.1 else []
        self.trader.request("D", name, *fields)
        self.entered.append((name, symbol, side))

    def pair(self) -> None:
        """A list: a limit order, and one that it triggers."""
        first, second = self.name(), self.name()
        symbol, side = self.draw.choice(SYMBOLS), self.draw.choice("12")
        entries: list[tuple[int, str]] = []
        for place, name in enumerate((first, second), 1):
            entries += [
                (11, name), (67, str(place)), (55, symbol), (54, side), (60, TIME), (38, "0.2"), (40, "2"),
                (44, f"{self.draw.randint(98, 102)}.00"), (59, "1"),
            ]  # fmt: skip
            self.entered.append((name, symbol, side))
        head = [(66, first), (394, "3"), (1385, "2"), (68, "2"), (73, "2")]
        self.trader.send("E", *head, *entries)

    def target(self) -> tuple[str, str, str]:
        return self.draw.choice(self.entered[-20:] or [("none", SYMBOLS[0], "1")])

    def cancel(self) -> None:
        orig, symbol, side = self.target()
        self.trader.request("F", self.name(), (41, orig), (55, symbol), (54, side), (60, TIME), (38, "1"))

    def replace(self) -> None:
        orig, symbol, side = self.target()
        name = self.name()
        price = f"{self.draw.randint(98, 102)}.{self.draw.randint(0, 3):02d}"
        fields = [(41, orig), (21, "1"), (55, symbol), (54, side), (60, TIME), (38, "2"), (40, "2"), (44, price)]
        self.trader.request("G", name, *fields)
        self.entered.append((name, symbol, side))

    def bad(self) -> None:
        """An order off the tick: the gateway refuses it."""
        fields = [(21, "1"), (55, SYMBOLS[0]), (54, "1"), (60, TIME), (38, "1"), (40, "2"), (44, "99.001"), (59, "1")]
        self.trader.request("D", self.name(), *fields)

    def mass_cancel(self) -> None:
        if self.trader.version == "FIX.4.4":
            self.trader.send("q", (11, self.name()), (530, "7"), (60, TIME))

    def status(self) -> None:
        orig, symbol, side = self.target()
        self.trader.send("H", (11, orig), (55, symbol), (54, side))

    def leave(self) -> None:
        """Log out, and have an order behind that. Not where the Logout may be lost, and the order come alone."""
        if self.trader.logged_on and not self.trader.was_garbled:
            fields = [(21, "1"), (55, SYMBOLS[0]), (54, "1"), (60, TIME), (38, "1"), (40, "2"), (44, "99.00")]
            self.trader.leave(f"late-{self.name()}", *fields)

    def same_id(self) -> None:
        """An id that was used before, as if it were new, or as a possible resend."""
        orig, symbol, side = self.target()
        fields = [(11, orig), (21, "1"), (55, symbol), (54, side), (60, TIME), (38, "1"), (40, "2"), (44, "97.00")]
        if self.trader.logged_on and orig != "none":
            self.trader.send("D", *fields, (59, "1"), *([(97, "Y")] if self.draw.random() < 0.5 else []))


class Operator:
    """An operator's commands, as records for the operators' ring."""

    def __init__(self, account: int, accounts: int, draw: Random) -> None:
        self.account = account
        self.accounts = accounts
        self.draw = draw
        self.count = 0

    def next(self, time_ns: int) -> bytes:
        draw = self.draw
        self.count += 1
        key = b"op-%d" % self.count
        target, instrument = draw.randint(1, self.accounts), draw.randint(1, len(SYMBOLS))
        mine: dict[str, Any] = {"account": self.account, "time_ns": time_ns}
        theirs: dict[str, Any] = {"account": target, "session": self.account, "time_ns": time_ns}
        amount = draw.choice((1, 10**8, 10**10))
        made: Command
        match draw.choice(("phase", "phase", "mass", "deposit", "deposit", "withdrawal", "limits")):
            case "phase":
                made = PhaseChange(cl_ord_id=key, instrument=instrument, phase=draw.choice(PHASES), **mine)
            case "mass":
                made = MassCancel(cl_ord_id=key, instrument=0, target=target, side=draw.randint(0, 2), **mine)
            case "deposit":
                made = Deposit(cl_ord_id=key, asset=draw.randint(1, 3), amount=amount, **theirs)
            case "withdrawal":
                made = Withdrawal(cl_ord_id=key, asset=draw.randint(1, 3), amount=amount, **theirs)
            case _:
                made = Limits(
                    instrument=instrument, volatility_auction_ms=100, day_end_s=0, dynamic_band_bps=0,
                    static_band_bps=draw.choice((0, 300)), band_action=2, max_quantity_lots=0, max_value=0, **mine,
                )  # fmt: skip
        return pack(made)

    def open_all(self, time_ns: int) -> list[bytes]:
        """What makes every instrument trade as ever."""
        mine: dict[str, Any] = {"account": self.account, "time_ns": time_ns}
        found = []
        for instrument in range(1, len(SYMBOLS) + 1):
            self.count += 2
            found.append(pack(Limits(
                instrument=instrument, volatility_auction_ms=100, day_end_s=0, static_band_bps=0, dynamic_band_bps=0,
                band_action=2, max_quantity_lots=0, max_value=0, **mine,
            )))  # fmt: skip
            found.append(pack(PhaseChange(
                cl_ord_id=b"open-%d" % self.count, instrument=instrument, phase=Phase.CONTINUOUS, **mine
            )))  # fmt: skip
        return found
