"""Hypothesis writes scripts, and the book and its model must tell them alike; a failing one shrinks to a few lines.

What it prints then goes into this folder as it is, with the rule it follows. It decides nothing about what is right.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Code, ListKind, Phase
from tests.compiled import fault, fault_of_list
from tests.matcher.pair import BTC, Pair, leg
from tests.models.orders import Place
from tests.scenarios.matching.runner import LIST, Script
from tests.scenarios.matching.script_syntax import Asked

OWNERS = st.sampled_from(("ann", "bob", "cat"))
SIDES = st.sampled_from(("buys", "sells"))
PRICES = st.integers(96, 104)
LOTS = st.integers(1, 6)
RESTS = st.sampled_from(("", "", "day", "for 5s"))
TIMES = st.sampled_from(("", "ioc", "fok", "at-the-open", "at-the-close"))
NOW = st.sampled_from(("", "day", "ioc", "fok", "at-the-open"))
MODES = st.sampled_from(("", "", "cancel-newest", "cancel-oldest", "cancel-both", "decrement"))
SHOWS = st.sampled_from(("", "shows 1", "shows 2"))
PASSIVE = st.sampled_from(("post-only", "slide"))
AT = PRICES.map("@ {}".format)
COLLAR = PRICES.map("at market collar {}".format)
BUDGET = LOTS.map(lambda lots: f"worth {lots * 9_900}")
STOP = PRICES.map("stop {}".format)
TRIGGER = STOP | st.integers(1, 4).map("trail {}".format)
PLAIN = (SIDES, LOTS, AT)
SHAPES = st.one_of(
    st.tuples(*PLAIN, RESTS, MODES),
    st.tuples(*PLAIN, RESTS, MODES),
    st.tuples(*PLAIN, TIMES, MODES),
    st.tuples(*PLAIN, RESTS, MODES, SHOWS),
    st.tuples(*PLAIN, RESTS, PASSIVE),
    st.tuples(*PLAIN, RESTS, MODES, st.just("minimum 2")),
    st.tuples(*PLAIN, STOP, RESTS, MODES, SHOWS),
    st.tuples(SIDES, LOTS, COLLAR, TRIGGER, RESTS, MODES),
    st.tuples(SIDES, LOTS, COLLAR, NOW, MODES),
    st.tuples(SIDES, BUDGET, COLLAR, MODES),
)
ORDERS = SHAPES.map(lambda words: " ".join(str(word) for word in words if word))
WHICH = st.integers(0, 30)
PHASES = st.sampled_from([phase.name for phase in Phase if phase != Phase.DELISTED])
NEWS = st.sampled_from(
    ("", "", "stop 98", "stop 102", "trail 1", "trail 3", "shows 1", "shows 3", "for 9s", "minimum 1")
)
LIMITS = st.sampled_from((
    "limits", "limits static 200 reject", "limits dynamic 100 auction volatility 5s", "limits dynamic 100 reject",
    "limits static 300 dynamic 150 auction volatility 1s", "limits day-end 10:00",
))  # fmt: skip


def is_whole(asked: Asked) -> bool:
    """Whether gateways and routers would let such an order through."""
    return fault(pack(asked.order), pack(asked.terms) if asked.terms else None) == Code.OK


class Stories(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.script = Script(Pair())
        self.lines: list[str] = []
        self.names: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)
        try:
            self.script.step(line)
        except Exception as error:
            error.add_note("\n".join(["As a script, as the model sees it:", *self.lines, *self.told()]))
            raise
        self.lines += self.told()

    def told(self) -> list[str]:
        texts = [self.script.words.tell(event) for event in self.script.pair.model.voice.events]
        return [f"  -> {text}" for text in texts if text]

    def name(self) -> str:
        self.names.append(f"n{len(self.names) + 1}")
        return self.names[-1]

    @rule(owner=OWNERS, order=ORDERS)
    def enter(self, owner: str, order: str) -> None:
        line = f"{owner}'s n{len(self.names) + 1} {order}"
        if is_whole(self.script.words.read_order(line, self.script.pair.now_ns)):
            self.name()
            self.say(line)

    @rule(owner=OWNERS, side=SIDES, lots=LOTS, price=PRICES)
    def enter_limit(self, owner: str, side: str, lots: int, price: int) -> None:
        self.say(f"{owner}'s {self.name()} {side} {lots} @ {price}")

    @rule(owner=OWNERS, one=ORDERS, two=ORDERS, kind=st.sampled_from(("or", "then")))
    def enter_list(self, owner: str, one: str, two: str, kind: str) -> None:
        count = len(self.names)
        line = f"{owner}'s n{count + 1} {one} {kind} n{count + 2} {two}"
        match = LIST.fullmatch(line)
        assert match
        now_ns = self.script.pair.now_ns
        first = self.script.words.read_order(match["first"], now_ns)
        second = self.script.words.read_order(match["second"], now_ns, owner=owner)
        its_leg = leg(second.order, ListKind.OCO if kind == "or" else ListKind.OTO)
        if is_whole(first) and is_whole(second) and fault_of_list(pack(first.order), pack(its_leg)) == Code.OK:
            self.name()
            self.name()
            self.say(line)

    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        if self.names:
            self.say(f"cancel {self.names[which % len(self.names)]}")

    @rule(which=WHICH, lots=LOTS, price=PRICES, news=NEWS)
    def replace(self, which: int, lots: int, price: int, news: str) -> None:
        if not self.names:
            return
        name = self.names[which % len(self.names)]
        found = self.script.pair.model.listings[BTC].orders.get(self.script.words.ids[name])
        if found is None or found.contingent is None:  # routers refuse it while both orders of a list are open
            self.say(f"replace {name} {lots} @ {price} {news}".strip())

    @rule(which=WHICH, without=st.booleans())
    def activate(self, which: int, without: bool) -> None:
        found = self.script.pair.model.listings[BTC].orders.values()
        waiting = [order.order_id for order in found if order.place == Place.LIST and order.contingent is None]
        if waiting:
            name = self.script.words.names[waiting[which % len(waiting)]]
            self.say(f"activate {name}{' without funds' if without else ''}")

    @rule(owner=OWNERS, how=st.sampled_from(("mass cancel of {}", "{} cancels all", "mass cancel of {} buys")))
    def mass_cancel(self, owner: str, how: str) -> None:
        self.say(how.format(owner))

    @rule(phase=PHASES)
    def begin_phase(self, phase: str) -> None:
        self.say(f"phase {phase}")

    @rule()
    def go_on(self) -> None:
        self.say("phase CONTINUOUS")

    @rule(time=st.sampled_from(("1ms", "100ms", "2s", "5s", "2h")))
    def wait(self, time: str) -> None:
        self.say(f"wait {time}")

    @rule(line=LIMITS)
    def limits(self, line: str) -> None:
        self.say(line)

    @rule()
    def group(self) -> None:
        self.say("group ann bob")


Stories.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestStories = Stories.TestCase
