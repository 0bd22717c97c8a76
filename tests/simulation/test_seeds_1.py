"""Seeds of the simulation, part 1: what each draws is in plan.py, what must hold in tests/invariants.py.

That is I1, I2, I3, I4, I5, I6, I7, I8 and, once all faults are over, I10.
"""

from __future__ import annotations

import pytest

from tests.simulation import seeds
from tests.simulation.run import Tally

TALLY = Tally()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("chunk", seeds.chunks(0), ids=lambda chunk: f"{chunk.start}-{chunk.stop - 1}")
def test_seeds_hold(chunk: range) -> None:
    seeds.check(chunk, TALLY)


def test_every_fault_and_recovery_was_met() -> None:
    seeds.check_met(TALLY)
