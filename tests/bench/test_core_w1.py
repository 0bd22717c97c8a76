"""The row `core-w1` at a small size: the venue's own hosts do all of the workload, and come to the plain book."""

from __future__ import annotations

import pytest

from bench import core_w1, feed
from bench.core import Inside
from bench.encode import Encoder
from bench.matcher_w1 import levels_of
from bench.workload import W1

COMMANDS = 20_000


def test_in_one_thread_the_core_comes_to_the_plain_book() -> None:
    workload, core = W1(COMMANDS), Inside(1)
    assert core.run(Encoder(workload), workload.count) > 0
    assert levels_of(core.matcher.book) == workload.replayed().levels()


@pytest.mark.parametrize(("durability", "placement"), [("none", "together"), ("local", "apart")])
def test_hosts_answer_every_command(durability: core_w1.Durability, placement: str) -> None:
    workload = W1(COMMANDS)
    rate = core_w1.measure(feed.Load(workload), workload, workload.replayed(), durability, placement)
    assert rate > 0
