"""`lockstep drill`: what it takes for its load, what it calls lost; and, for a soak, a hundred failovers under load."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lockstep.cli.errors import UsageError
from lockstep.cli.nodes import drill, load
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Code, NewOrder, Side
from tests.cli.nodes.parted import write
from tests.models.journal import stamp
from tests.pipeline.pair import within

ROOT = Path(__file__).parents[3]
SOAKED = 100
PATIENCE_S = 60


@pytest.mark.parametrize(("text", "seconds"), [("60", 60.0), ("60s", 60.0), ("0.5s", 0.5)])
def test_the_load_is_so_many_seconds(text: str, seconds: float) -> None:
    assert drill._seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "0", "-3s", "a minute", "nan"])
def test_what_is_no_number_of_seconds_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--load is a number of seconds such as 60s"):
        drill._seconds(text)


def test_orders_of_the_load_rest_and_trade() -> None:
    made = load.flow(4 * load.RUN)
    assert list(made.buys) == ([1] * load.RUN + [0] * load.RUN) * 2
    assert sum(quantity for quantity, buys in zip(made.quantities, made.buys, strict=True) if buys) == 4 * load.RUN


def test_orders_that_are_to_rest_meet_none_of_the_load() -> None:
    made = load.resting(3 * load.PRICE)
    assert set(made.buys) == {1}
    assert 0 < min(made.prices) <= max(made.prices) < load.PRICE


def test_an_order_that_the_log_refused_or_never_had_is_not_there(tmp_path: Path) -> None:
    orders = [
        NewOrder(seq=seq, epoch=1, account=1, cl_ord_id=b"F%d" % (10 * seq), instrument=1, side=Side.BUY,
                 ord_type=2, time_in_force=1, verdict=verdict)
        for seq, verdict in ((1, Code.OK), (2, Code.INSUFFICIENT_BALANCE), (3, Code.OK))
    ]  # fmt: skip
    write(tmp_path / "journal", [stamp(pack(order)) for order in orders])
    assert drill.taken(tmp_path / "journal", 3) == {10, 30}
    assert drill.taken(tmp_path / "journal", 2) == {10}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_drill_that_a_signal_ends_leaves_no_node(tmp_path: Path, number: int) -> None:
    """A test's timeout, or its terminal that is gone. A killed one can't remove its folder."""
    drilling = subprocess.Popen(
        [sys.executable, "-m", "lockstep", "drill", "--load", "60s"],
        cwd=ROOT, stdout=subprocess.DEVNULL, env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    try:
        within(lambda: len(list(tmp_path.rglob("children.json"))) == 2, "both nodes begin")
    finally:
        drilling.send_signal(number)
    drilling.wait(PATIENCE_S)
    within(lambda: not processes_of(tmp_path), "no process is left")
    if number == signal.SIGTERM:
        assert list(tmp_path.iterdir()) == []


def processes_of(folder: Path) -> list[int]:
    """Those that have it in their command lines."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            if bytes(folder) in file.read_bytes():
                found.append(int(file.parent.name))
    return found


@pytest.mark.soak
@pytest.mark.parametrize("durability", ["replicated", "both"])
def test_a_hundred_failovers_under_load_lose_nothing(durability: str) -> None:
    command = [sys.executable, "-m", "lockstep", "drill", "--json", "--durability", durability]
    answer = subprocess.run(
        [*command, "--failovers", str(SOAKED), "--load", f"{2 * SOAKED}s"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    done = json.loads(answer.stdout)
    assert (done["rpo_orders"], done["problems"], len(done["takeovers"])) == (0, [], SOAKED + 1)
