"""Row `failover`: `lockstep drill` in mode `replicated`, with the time from the command to the next acknowledgement."""

from __future__ import annotations

import json
import subprocess
import sys

FAILOVER = "failover"  # as the drill calls one
LOAD_S = 20
FAILOVERS = 5
RESTING = 1_000_000


def run() -> list[dict[str, object]]:
    """Times until orders are acknowledged again, and what was lost. RuntimeError where the drill fails."""
    command = [
        sys.executable,
        "-m",
        "lockstep",
        "drill",
        "--load",
        f"{LOAD_S}s",
        "--failovers",
        str(FAILOVERS),
        "--resting",
        str(RESTING),
        "--json",
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise RuntimeError(answer.stdout + answer.stderr)
    drilled = json.loads(answer.stdout)
    times = sorted(one["rto_s"] for one in drilled["takeovers"] if one["kind"] == FAILOVER)
    orderly = [one["rto_s"] for one in drilled["takeovers"] if one["kind"] != FAILOVER]
    what = f"{len(times)} failovers under {drilled['rate']:,} orders/s, {RESTING:,} orders rest"
    return [
        _row(times[len(times) // 2], "s", f"command to first new acknowledgement, median, {what}"),
        _row(times[-1], "s", f"command to first new acknowledgement, longest, {what}"),
        *(_row(each, "s", "the same, a switchover") for each in orderly),
        _row(drilled["rpo_orders"], "orders", f"acknowledged and lost, of {drilled['orders']:,}"),
    ]


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "failover", "value": value, "unit": unit, "what": what}
