"""Any order of requests and polls: the ledger is its model's whenever all is settled, and a replay finds the same."""

from __future__ import annotations

import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.router.random_driver import Everything
from tests.router.rig import Rig, with_limits
from tests.router.test_ledger import compare

# Requests by name, so that a failing run reads as a script; each draws its own values.
USERS = ("enter", "enter", "enter", "enter_list", "cancel", "replace", "move_money", "request_withdrawal")
OPERATORS = (
    "mass_cancel", "turn", "change_phase", "limit", "limit_account", "limit_position", "set_tier", "adjust", "correct",
    "decide_withdrawal", "deposit_much", "plan", "move", "wait",
)  # fmt: skip


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(log=32, events=16, closed_ids=20, api=True, changes=with_limits).lead()
        self.driver = Everything(self.rig, random.Random(0))

    def ask(self, name: str, draw: random.Random) -> None:
        self.driver.draw = draw
        self.driver.count += 1
        getattr(self.driver, name)()

    @rule(name=st.sampled_from(USERS), draw=st.randoms(use_true_random=False))
    def users_ask(self, name: str, draw: random.Random) -> None:
        self.ask(name, draw)

    @rule(name=st.sampled_from(OPERATORS), draw=st.randoms(use_true_random=False))
    def operators_ask(self, name: str, draw: random.Random) -> None:
        self.ask(name, draw)

    @rule()
    def the_router_is_polled(self) -> None:
        self.rig.router.step(self.rig.now)

    @rule()
    def all_are_polled(self) -> None:
        self.rig.step()

    @rule()
    def all_is_settled(self) -> None:
        self.rig.run()
        compare(self.rig)

    @rule()
    def another_router_starts_from_the_log(self) -> None:
        self.rig.run()
        again = Rig(self.rig.log, closed_ids=20).lead()
        assert again.log[: len(self.rig.log)] == self.rig.log
        again.core.ledger.check()

    @invariant()
    def money_is_all_there(self) -> None:
        self.rig.core.ledger.check()


LedgerMachine.TestCase.settings = settings(max_examples=8, stateful_step_count=40, deadline=None)
test_any_order_of_requests_and_polls = LedgerMachine.TestCase
