"""Random commands to the book and its model: every event equal, every structure whole, however small the ring is."""

from __future__ import annotations

import os
import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from shm.records import OrderType, Side, TimeInForce
from tests.matcher.pair import Pair, cancel, instrument, order, replace

COMMANDS = int(os.environ.get("LOCKSTEP_FUZZ_COMMANDS", "100000"))
SEED = int(os.environ.get("LOCKSTEP_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
CHECK_EVERY = 20
INSTRUMENTS = (1, 2, 900)
EXTREMES = (-(2**63), -(2**63) + 1, -1, 0, 1, 2**63 - 2, 2**63 - 1)


class Traffic:
    """A seeded stream of commands that keeps a book of a few hundred orders alive, in phases of growth and decay."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.pair = Pair(check_every=CHECK_EVERY)
        for number in INSTRUMENTS:
            self.pair.send(instrument(number))
        self.ids: list[tuple[int, int]] = []

    def step(self, count: int) -> None:
        draw = self.draw
        grows = count // 2000 % 2 == 0
        dice = draw.random()
        if dice < (0.55 if grows else 0.3) or not self.ids:
            self.enter()
            return
        order_id, number = draw.choice(self.ids[-600:])
        if dice < 0.65:
            price, lots = 10_000 + round(draw.gauss(0, 12)), draw.randint(1, 40)
            self.pair.send(replace(order_id, price, lots, number, account=draw.randint(1, 9), session=4))
            return
        self.pair.send(cancel(order_id, number, account=draw.randint(1, 9), msg_seq_num=count, side=1))

    def enter(self) -> None:
        draw = self.draw
        number = draw.choice(INSTRUMENTS)
        kind, time_in_force = draw.choices(
            [
                (OrderType.LIMIT, TimeInForce.GTC),
                (OrderType.LIMIT, TimeInForce.IOC),
                (OrderType.MARKET, TimeInForce.IOC),
            ],
            [85, 8, 7],
        )[0]
        side = draw.choice((Side.BUY, Side.SELL))
        aside = -4 if side == Side.BUY else 4
        lots = draw.randint(1, 2000) if draw.random() < 0.01 else draw.randint(1, 40)
        self.pair.send(
            order(
                side, 10_000 + aside + round(draw.gauss(0, 10)), lots, number, ord_type=kind,
                time_in_force=time_in_force, account=draw.randint(1, 9), session=draw.randint(1, 9),
                maker_fee_ppm=draw.choice((0, 100, -50, 32767)), taker_fee_ppm=draw.choice((0, 200, -32768)),
                msg_seq_num=draw.randint(0, 2**32 - 1), cl_ord_id=b"%036d" % self.pair.seq,
            )
        )  # fmt: skip
        self.ids.append((self.pair.seq, number))


def test_a_long_random_run() -> None:
    print(f"LOCKSTEP_FUZZ_SEED={SEED}")
    traffic = Traffic(SEED)
    for count in range(COMMANDS):
        traffic.step(count)
        if count % 1000 == 0:
            for number in INSTRUMENTS:
                for side in Side:
                    assert traffic.pair.book.depth(number, side) == traffic.pair.model.depth(number, side)


class AnyCommands(RuleBasedStateMachine):
    """Whatever Hypothesis thinks of, at the ends of 64 bits too, through a ring of two slots."""

    @initialize()
    def start(self) -> None:
        self.pair = Pair(slots=2)
        self.pair.send(instrument(2, unit_value=1, lot_units=1))
        self.ids = [0]

    @rule(
        side=st.sampled_from(Side),
        price=st.integers(-3, 3) | st.sampled_from(EXTREMES),
        lots=st.integers(1, 9) | st.sampled_from((2**63 - 2, 2**63 - 1)),
        number=st.sampled_from((1, 2)),
        kind=st.sampled_from((OrderType.LIMIT, OrderType.MARKET)),
        time_in_force=st.sampled_from((TimeInForce.GTC, TimeInForce.IOC)),
    )
    def new_order(
        self, side: int, price: int, lots: int, number: int, kind: OrderType, time_in_force: TimeInForce
    ) -> None:
        self.pair.send(order(side, price, lots, number, ord_type=kind, time_in_force=time_in_force))
        self.ids.append(self.pair.seq)

    @rule(which=st.integers(0, 30), number=st.sampled_from((1, 2)))
    def cancel(self, which: int, number: int) -> None:
        self.pair.send(cancel(self.ids[which % len(self.ids)], number))

    @rule(
        which=st.integers(0, 30),
        price=st.integers(-3, 3) | st.sampled_from(EXTREMES),
        lots=st.integers(-1, 12) | st.sampled_from(EXTREMES),
        number=st.sampled_from((1, 2)),
    )
    def replace(self, which: int, price: int, lots: int, number: int) -> None:
        self.pair.send(replace(self.ids[which % len(self.ids)], price, lots, number))


AnyCommands.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestAnyCommands = AnyCommands.TestCase
