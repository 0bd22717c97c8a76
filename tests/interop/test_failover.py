"""QuickFIX with the addresses of two nodes, of two gateways each: it finds its session's gateway by its own means, and
when a node dies the other one's, and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.trader import Trader
from tests.pipeline.pair import Pair, within

pytestmark = pytest.mark.interop

ORDERS = 300
FIRST = 50  # answered when the primary dies; the others are under way


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    nodes = Pair(tmp_path, gateways=2, bound={"TRADER2": 2})
    nodes.start()
    yield nodes
    nodes.stop()


@pytest.fixture
def traders(pair: Pair, tmp_path: Path) -> Iterator[tuple[Trader, Trader]]:
    ports = [node.fix_port + gateway for node in (pair.a, pair.b) for gateway in range(2)]
    made = [Trader(tmp_path, name, "FIX.4.4", *ports) for name in ("TRADER1", "TRADER2")]
    try:
        for trader in made:
            trader.start()
        yield made[0], made[1]
    finally:
        for trader in made:
            trader.stop()


class Reports:
    """What a trader has been told so far: the ExecIDs of each (ClOrdID, ExecType)."""

    def __init__(self, trader: Trader) -> None:
        self.exec_ids: dict[tuple[str, str], set[str]] = {}
        self._trader = trader

    def await_all(self, names: list[str], exec_type: str) -> None:
        """Read on until each of these orders has such a report. A report may come again, under its ExecID."""
        missing = {name for name in names if (name, exec_type) not in self.exec_ids}
        while missing:
            message = self._trader.take()
            if isinstance(message, dict) and 150 in message:
                self.exec_ids.setdefault((message[11], message[150]), set()).add(message[17])
                if message[150] == exec_type:
                    missing.discard(message[11])

    def check(self) -> None:
        """Nothing happened twice, and no ExecID stands for two things."""
        assert [of for of, ids in self.exec_ids.items() if len(ids) > 1] == []
        told = [exec_id for ids in self.exec_ids.values() for exec_id in ids]
        assert len(set(told)) == len(told)


def test_quickfix_goes_on_with_the_other_node(pair: Pair, traders: tuple[Trader, Trader]) -> None:
    maker, taker = traders
    made, took = Reports(maker), Reports(taker)
    names = [f"m{number}" for number in range(ORDERS)]
    for name in names:
        maker.order(name, "1", "1500.00", "0.1")
    made.await_all(names[:FIRST], "0")
    pair.a.kill_all()
    for name in (late := [f"l{number}" for number in range(FIRST)]):
        maker.order(name, "1", "1500.00", "0.1")
    pair.promote(pair.b)

    # What the dead node had not taken, the other one asks for; what it had acknowledged is there.
    names += late
    made.await_all(names, "0")
    sells = [f"t{number}" for number in range(len(names))]
    for name in sells:
        taker.order(name, "2", "1500.00", "0.1")
    took.await_all(sells, "F")
    made.await_all(names, "F")

    answer = pair.a.command("rejoin", "--yes")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    pair.a.start()
    pair.await_link(pair.b)
    within(lambda: "commits wait for a" in pair.b.command("status").stdout, "the old primary isn't in step again")
    pair.switch(pair.a)
    maker.order("back", "1", "1400.00", "0.1")
    made.await_all(["back"], "0")
    made.check()
    took.check()
    assert maker.application.rejects == taker.application.rejects == []
    pair.a.verify()
