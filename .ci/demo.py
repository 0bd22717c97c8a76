"""Does with the demo venue what the README says, in its order: `make run`, trade, look, operate, Ctrl-C.

The first order is an example of docs/. Only the standard library is needed: `make run` sets up all else.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv" / "bin"
READY_S = 1800  # the first `make run` compiles
STOP_S = 60
COMMANDS = (("status",), ("snapshot",), ("verify",), ("db", "url"))


def main() -> int:
    with tempfile.NamedTemporaryFile(prefix="lockstep-demo-", suffix=".log") as said:
        log = Path(said.name)
        # A session of its own: Ctrl-C reaches the whole group, as at a terminal.
        run = subprocess.Popen(["make", "run"], cwd=ROOT, stdout=said, stderr=said, start_new_session=True)
        try:
            await_ready(run, log)
            trade()
            for command in COMMANDS:
                operate(*command)
            stop(run, log)
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGTERM)
                run.wait(STOP_S)
            print(log.read_text(), flush=True)
    return 0


def await_ready(run: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while "venue ready after" not in log.read_text():
        check(run.poll() is None, f"`make run` has ended with code {run.returncode}")
        check(time.monotonic() < deadline, f"`make run` is not ready after {READY_S} s")
        time.sleep(0.1)  # its only word is its output


def trade() -> None:
    """The example's order, and one that takes it; then the other way round, so that neither runs out of money."""
    code = (ROOT / "docs" / "examples" / "first_order.py").read_text()
    for buyer, seller in (("TRADER1", "TRADER2"), ("TRADER2", "TRADER1")):
        bought = trader(code, buyer, "54=1")
        check("39=0" in bought or "39=2" in bought, f"{buyer}'s order does not rest: {bought}")
        sold = trader(code, seller, "54=2")
        check("39=0" in sold or "39=2" in sold, f"{seller}'s order does not trade: {sold}")


def trader(code: str, name: str, side: str) -> str:
    """What the example prints as `name`."""
    client_id = f"ci-{uuid.uuid4().hex[:20]}"
    for old, new in (("TRADER1", name), ("54=1", side), ("first-order", client_id)):
        check(old in code, f"first_order.py has no {old}")
        code = code.replace(old, new)
    answer = subprocess.run(
        [BIN / "python", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    check(answer.returncode == 0, f"first_order.py fails: {answer.stderr}")
    return answer.stdout


def operate(*command: str) -> None:
    answer = subprocess.run([BIN / "lockstep", *command], cwd=ROOT, text=True, timeout=300, check=False)
    check(answer.returncode == 0, f"lockstep {' '.join(command)} ends with code {answer.returncode}")


def stop(run: subprocess.Popen[bytes], log: Path) -> None:
    """Ctrl-C: the venue stops in order. `make` itself says where its command has failed."""
    os.killpg(run.pid, signal.SIGINT)
    code = run.wait(STOP_S)
    check(code in (0, -signal.SIGINT, 128 + signal.SIGINT), f"`make run` ends with code {code}")
    check(" Error " not in log.read_text(), "the venue has not stopped in order")


def check(is_right: bool, message: str) -> None:
    if not is_right:
        sys.exit(message)


if __name__ == "__main__":
    sys.exit(main())
