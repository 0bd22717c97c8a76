"""Many failovers of two real nodes under load: nothing acknowledged is lost, nothing is told or filled twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.pipeline.campaign import REPORTS, SEED
from tests.pipeline.changes import TRADERS, Changes
from tests.pipeline.pair import Pair
from tests.pipeline.stream import ALWAYS

FAILOVERS = int(os.environ.get("LOCKSTEP_FAILOVERS", "100"))


@pytest.mark.soak
@pytest.mark.parametrize(("durability", "gateways"), [("replicated", 2), ("both", 1)])
def test_many_failovers_under_load_lose_and_double_nothing(tmp_path: Path, durability: str, gateways: int) -> None:
    print(f"LOCKSTEP_FAULTS_SEED={SEED}")
    pair = Pair(tmp_path, durability, gateways=gateways, bound={TRADERS[1]: gateways})
    pair.start()
    changes = Changes(pair, pair.a, ALWAYS)
    changes.start()
    try:
        for way in changes.drawn(FAILOVERS):
            changes.run(way)
        changes.settle()
    finally:
        print(changes.report())
        pair.stop()
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / f"failovers-{durability}.md").write_text(changes.report() + "\n")
