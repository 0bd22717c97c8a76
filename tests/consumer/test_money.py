"""Random traffic through the real router and matchers: balances rebuilt from events alone are the ledger's."""

from __future__ import annotations

import os
import random
from collections import Counter

from lockstep.core.schema.layout import unpack_command, unpack_event
from lockstep.core.schema.records import Code, Deposit, Event, Rejected
from tests.consumer.money import Money
from tests.router.random_driver import Everything
from tests.router.rig import ACCOUNTS, Rig

SEED = int(os.environ.get("LOCKSTEP_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
ROUNDS = int(os.environ.get("LOCKSTEP_CONSUMER_ROUNDS", "60"))
REQUESTS_A_ROUND = 25
MOST_TICKS = 50
ASSETS = (1, 2, 3)


class Followed:
    """A venue's core, and a consumer of its events. Requests come several at a time, and are judged in the log."""

    def __init__(self, seed: int) -> None:
        self.rig = Rig(seed=seed).lead()
        self.money = Money()
        self.draw = random.Random(seed)
        self.driver = Everything(self.rig, self.draw, move=0, correct=30)
        self.seen: Counter[str] = Counter()
        self._events = dict.fromkeys(self.rig.events, 0)
        self._records = 0

    def round(self) -> None:
        for _ in range(REQUESTS_A_ROUND):
            self.driver.step()
            for _ in range(self.draw.choice((0, 1, 6))):
                self.rig.step()
        self.rig.now += self.draw.choice((0, 0, 10**8, 10**9))
        self.rig.run()
        self.tell_all()
        self.follow()

    def tell_all(self) -> None:
        """Let the clock go on until all is published: a later tick publishes what one changes (an expiry, say)."""
        for _ in range(MOST_TICKS):
            count = len(self.rig.log)
            self.rig.tick()
            if len(self.rig.log) == count:
                return
        raise AssertionError("the clock never comes to rest")

    def follow(self) -> None:
        """Let the consumer see the events: the router's ring first, and then each matcher's."""
        for record in map(unpack_command, self.rig.log[self._records :]):
            match record:
                case Deposit(verdict=Code.OK):
                    self.money.deposit(record.owner, record.asset, record.amount)
        self._records = len(self.rig.log)
        fresh: list[tuple[int, int, int, Event]] = []
        for ring, records in self.rig.events.items():
            for event in map(unpack_event, records[self._events[ring] :]):
                fresh.append((event.cause, ring, event.number, event))
            self._events[ring] = len(records)
        for _, ring, _, event in sorted(fresh, key=lambda row: row[:3]):
            self.money.apply(ring, event)
            self.seen[type(event).__name__] += 1
            if isinstance(event, Rejected):
                self.seen[Code(event.code).name] += 1
        self.money.settle()

    def compare(self) -> None:
        held = self.money.held()
        for account in range(ACCOUNTS + 1):
            for asset in ASSETS:
                balance = self.rig.core.ledger.balance(account, asset) or (0, 0)
                key = (account, asset)
                assert self.money.told.get(key, (0, 0)) == balance, key
                assert self.money.totals[key] == sum(balance), key
                assert held[key] == balance[1], (key, held[key], balance)
        for number, matcher in enumerate(self.rig.matchers, start=1):
            consumer = self.money.orders.get(number)
            if consumer is not None:
                for instrument in self.money.instruments:
                    for side in (1, 2):
                        depth = consumer.depth(instrument, side)
                        assert not depth or depth == matcher.book.depth(instrument, side)


def test_balances_and_holds_follow_from_events_alone() -> None:
    followed = Followed(SEED)
    try:
        followed.follow()
        followed.compare()
        for _ in range(ROUNDS):
            followed.round()
            followed.compare()
    except Exception as error:
        error.add_note(f"LOCKSTEP_FUZZ_SEED={SEED}, request {followed.driver.count}")
        raise
    if ROUNDS >= 60:
        for name in ("Traded", "Corrected", "Confirmed", "Triggered", "Shown", "Balance", "PhaseChanged"):
            assert followed.seen[name] > 5, (name, followed.seen)
