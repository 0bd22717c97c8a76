"""Row `behind`: how far PostgreSQL is behind while orders come at 100,000 a second for a minute, over FIX.

An open loop: what is due is sent, whether or not earlier orders are answered. The venue says how many records of the
log the database lacks.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench import orders
from lockstep.cli import throwaway
from lockstep.cli.flow.initiator import Initiator

SYMBOL = "BENCH"
OFFERED = 100_000  # orders a second
PULSE = 1_000  # orders that are due together
SECONDS = 60
BASE_PRICE = 10_000  # in cents
LOOK_S = 2.0


class Watch(threading.Thread):
    """Asks the venue, every other second, how far its database is behind."""

    def __init__(self, config: Path) -> None:
        super().__init__()
        self._command = [sys.executable, "-m", "lockstep", "status", str(config), "--json"]
        self._is_over = threading.Event()
        self.most = 0

    def run(self) -> None:
        while not self._is_over.wait(LOOK_S):
            said = subprocess.run(self._command, capture_output=True, text=True, check=True).stdout
            self.most = max(self.most, int(json.loads(said)["database_lag"]))

    def end(self) -> None:
        self._is_over.set()
        self.join()


def _offer(session: Initiator) -> float:
    """A minute of orders that rest; how many a second there were."""
    total, sent, began_s = OFFERED * SECONDS, 0, time.monotonic()
    while sent < total:
        time.sleep(max(began_s + (sent + PULSE) / OFFERED - time.monotonic(), 0))  # the open loop's clock
        due = min(int((time.monotonic() - began_s) * OFFERED), total) - sent
        orders.rest(session, 1 + sent, due, BASE_PRICE, 1, due)
        sent += due
    return total / (time.monotonic() - began_s)


def run() -> list[dict[str, object]]:
    """The rate that was reached, the most that the database lacked, and how long after the end it had everything."""
    with throwaway.folder(None) as folder:
        config = throwaway.write_config(folder, SYMBOL, "local")
        with throwaway.running(config):
            session = throwaway.log_on(config, SYMBOL, "BUYER")
            throwaway.await_database(config)
            watch = Watch(config)
            watch.start()
            rate = _offer(session)
            ended_s = time.monotonic()
            watch.end()
            throwaway.await_database(config)
            after_s = time.monotonic() - ended_s
            session.close()
    return [
        _row(round(rate), "orders/s", f"over FIX, for {SECONDS} s"),
        _row(watch.most, "records", "of the log that PostgreSQL lacked, the most that was seen"),
        _row(round(after_s, 1), "s", "after the last order, until PostgreSQL had everything (mark: 5 s)"),
    ]


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "behind", "value": value, "unit": unit, "what": what}
