"""The end of a simulation: all faults are over, and the venue has to come to rest with everybody served (I10)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from lockstep.core.venue.venue import Venue
from lockstep.shm.board import Word
from tests.broken import BrokenError, require
from tests.simulation.administration import Administration
from tests.simulation.trader import Trader
from tests.simulation.traffic import SYMBOLS, Operator, Requests

HEAL_TURNS = 12_000  # within which everything must be well again
REST_TURNS = 150  # each stage has had several turns by then
SPACE_SEEN_NS = 10**9  # within which a gateway has seen that there is space again


class Healing(ABC):
    """Of a venue of one node or two: whoever has it says how a turn is taken, and when all is still."""

    turn: int
    mono_ns: int
    heal_turns = HEAL_TURNS
    space_seen_ns = SPACE_SEEN_NS
    traders: list[Trader]
    requests: list[Requests]
    operator: Operator
    administration: Administration | None
    asked_at: dict[str, int]
    venue: Venue

    @abstractmethod
    def step(self) -> None:
        """One turn."""

    @abstractmethod
    def calm(self) -> None:
        """End every fault."""

    @abstractmethod
    def is_still(self) -> bool:
        """Whether all work is done, and everyone has everything."""

    @abstractmethod
    def state(self) -> str:
        """Where everything stands, for a report."""

    @property
    @abstractmethod
    def door(self) -> Any:
        """Of the gateway that clients find open, if there is one."""

    @abstractmethod
    def _operator_ns(self) -> int:
        """The time of an operator's command."""

    @abstractmethod
    def _command(self, record: bytes) -> None:
        """Give an operator's command."""

    def heal(self) -> None:
        """End every fault; then each trader is to get an order acknowledged, and all stages are to come to rest."""
        self.calm()
        self.until(lambda: self.door is not None and self.door.is_open, "the gateway opens")
        if self.administration is not None:
            for record in self.administration.release_all(self._operator_ns()):
                self._command(record)
        self._all_logged_on()
        for record in self.operator.open_all(self._operator_ns()):
            self._command(record)
        self.until(lambda: not any(trader.waiting for trader in self.traders), "every request is answered", self._ask)
        self.until(lambda: not self.venue.board.get(Word.JOURNAL_FULL), "the journal has room")
        self.pass_time(self.space_seen_ns)
        end = self.turn + REST_TURNS
        self.until(lambda: self.turn >= end, "the gateway sees it")
        for trader, requests in zip(self.traders, self.requests, strict=True):
            trader.request(
                "D", f"alive-{trader.name}", (21, "1"), (55, SYMBOLS[0]), (54, "1"), (60, "20260101-00:00:00.000"),
                (38, "0.1"), (40, "2"), (44, "90.00"), (59, "1"),
            )  # fmt: skip
            requests.entered.append((f"alive-{trader.name}", SYMBOLS[0], "1"))
        self.until(
            lambda: all(f"alive-{t.name}" in t.answers for t in self.traders), "I10: an order of each", self._ask
        )
        for trader in self.traders:
            why = trader.refusals.get(f"alive-{trader.name}", "")
            is_wrong = why.startswith(("TOO_OLD", "JOURNAL_FULL", "VENUE_BUSY"))
            require(not is_wrong, f"I10: {trader.name} is refused: {why}")
        self.rest()
        self.until(lambda: all(t.has_all_again for t in self.traders), "all that was sent comes again", self._ask_all)
        self.rest()

    def rest(self) -> None:
        """Let what goes by time take place, and wait until nothing is under way any more."""
        for _ in range(2):
            self.pass_time(10**9)
            end = self.turn + REST_TURNS
            self.until(lambda end=end: self.turn >= end and self.is_still(), "all comes to rest")  # type: ignore[misc]

    def pass_time(self, ns: int) -> None:
        """Nothing happens meanwhile."""
        self.mono_ns += ns

    def _all_logged_on(self) -> None:
        self.until(lambda: all(trader.logged_on for trader in self.traders), "everybody logs on")

    def _ask(self) -> None:
        """What a trader does about requests without an answer after a reset, or a loss of the host (LOG-24)."""
        for trader in self.traders:
            if (trader.was_lost_ever or trader.resets) and trader.logged_on and self.turn % 50 == 0:
                for name in list(trader.waiting):
                    if trader.waiting[name]:
                        trader.ask_again(name)
                    else:
                        del trader.waiting[name]  # a cancel or replace, or its answer, went before that

    def _ask_all(self) -> None:
        """Ask for a resend of everything, and once more where the connection ended meanwhile."""
        for trader in self.traders:
            if trader.logged_on and not trader.has_all_again and self.turn >= self.asked_at.get(trader.name, 0) + 2000:
                self.asked_at[trader.name] = self.turn
                trader.ask_everything()

    def until(self, condition: Callable[[], bool], what: str, meanwhile: Callable[[], None] | None = None) -> None:
        end = self.turn + self.heal_turns
        while not condition():
            if self.turn >= end:
                raise BrokenError(f"I10: it doesn't come to this: {what}; {self.state()}")
            self.step()
            if meanwhile is not None:
                meanwhile()
