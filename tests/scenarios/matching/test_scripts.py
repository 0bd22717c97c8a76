"""Every script of this folder plays as it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.matcher.pair import Pair
from tests.scenarios.matching.runner import Script

SCRIPTS = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script(path: Path) -> None:
    Script(Pair()).play(path.read_text())


def test_a_script_that_is_wrong_fails() -> None:
    with pytest.raises(AssertionError, match="bob trades 2 @ 100 with ann"):
        Script(Pair()).play("ann buys 5 @ 100\nbob sells 2 @ 100\n  -> bob trades 3 @ 100 with ann")
    with pytest.raises(AssertionError, match="stands ann 5"):
        Script(Pair()).play("ann buys 5 @ 100\nbook 100: ann 4")
