"""Row `backup`: what a backup costs trading, and how soon a million open orders are restored from one.

An open loop offers orders at a fixed rate over a FIX session of a real venue, in every other round while a backup
copies. Late answers make the round longer, and its rate lower.
"""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import orders
from lockstep.cli import throwaway
from lockstep.cli.flow.initiator import Initiator

SYMBOL = "BENCH"
OPEN_ORDERS = 1_000_000
OFFERED = 200_000  # orders a second
PULSE = 2_000  # orders that are due together: a hundredth of a second's
ROUND_ORDERS = 1_000_000
ROUNDS = 7
BASE_PRICE = 10_000  # in cents


class Load:
    """Resting orders of one session, numbered on."""

    def __init__(self, session: Initiator, first: int) -> None:
        self._session = session
        self._next = first

    def rest(self, count: int) -> None:
        orders.rest(self._session, self._next, count, BASE_PRICE, 1, count)
        self._next += count

    def offer(self) -> tuple[float, float]:
        """One round: orders a second, and the seconds by which the latest answer came after its order was due."""
        began_s = time.monotonic()
        latest_s = 0.0
        sent = 0
        while sent < ROUND_ORDERS:
            time.sleep(max(began_s + (sent + PULSE) / OFFERED - time.monotonic(), 0))  # the open loop's clock
            due = min(int((time.monotonic() - began_s) * OFFERED), ROUND_ORDERS) - sent
            self.rest(due)
            latest_s = max(latest_s, time.monotonic() - began_s - sent / OFFERED)
            sent += due
        return ROUND_ORDERS / (time.monotonic() - began_s), latest_s


class Backup:
    """`lockstep backup`, made whole or for the time of a block."""

    def __init__(self, config: Path, folder: Path) -> None:
        self._command = [sys.executable, "-m", "lockstep", "backup", str(folder), str(config), "--json"]

    def make(self) -> None:
        done = subprocess.run(self._command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the backup failed: {done.stdout}{done.stderr}")

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """It copies until the block ends."""
        with subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            yield
            ended = process.poll()
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate()
        if ended is not None:
            raise RuntimeError(f"the backup ended before the round did: {said}")


def _fill(config: Path, backup: Backup) -> float:
    """A million resting orders, and a backup of them. Returns its seconds."""
    with throwaway.running(config):
        session = throwaway.log_on(config, SYMBOL, "BUYER")
        Load(session, 1).rest(OPEN_ORDERS)
        throwaway.await_database(config)
        began_s = time.monotonic()
        backup.make()
        took_s = time.monotonic() - began_s
        session.close()
    return took_s


def _restore(folder: Path, to: Path) -> float:
    began_s = time.monotonic()
    command = [sys.executable, "-m", "lockstep", "restore", str(folder), "--to", str(to), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"restore failed: {done.stdout}{done.stderr}")
    return time.monotonic() - began_s


def _rounds(load: Load, backup: Backup) -> list[dict[str, object]]:
    """Rounds without and with a backup, in turn."""
    alone, beside = [], []
    load.offer()
    for _ in range(ROUNDS):
        alone.append(load.offer())
        with backup.under_way():
            beside.append(load.offer())
    ratios = [with_it[0] / without[0] for with_it, without in zip(beside, alone, strict=True)]
    rows = [_row(round(statistics.median(ratios), 3), "x", "with a backup over without, median of the rounds")]
    for rounds, how in ((alone, "without a backup"), (beside, "while a backup copies")):
        rate = statistics.median(rate for rate, _ in rounds)
        late = statistics.median(late_s for _, late_s in rounds)
        what = f"median of {ROUNDS} rounds of {ROUND_ORDERS:,}, {how}"
        rows.append(_row(round(rate), "orders/s", f"answered of {OFFERED:,} offered, {what}"))
        rows.append(_row(round(late * 1000), "ms", f"the latest answer after its order was due, {what}"))
    return rows


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "backup", "value": value, "unit": unit, "what": what}


def run() -> list[dict[str, object]]:
    """Seconds of backup, restore and start of a million open orders; orders a second without and with a backup."""
    os.sync()  # this measurement must not wait for what the last one wrote
    with throwaway.folder(None) as folder:
        config = throwaway.write_config(folder, SYMBOL, "local")
        backup_s = _fill(config, Backup(config, folder / "backups"))
        restore_s = _restore(folder / "backups", folder / "restored")
        restored = folder / "restored" / "venue.toml"
        began_s = time.monotonic()
        with throwaway.running(restored):
            start_s = time.monotonic() - began_s
            throwaway.await_database(restored)
            session = throwaway.log_on(restored, SYMBOL, "BUYER")
            rows = _rounds(Load(session, 1 + OPEN_ORDERS), Backup(restored, folder / "later"))
            session.close()
    times = [
        _row(round(backup_s, 1), "s", f"the backup of {OPEN_ORDERS:,} open orders"),
        _row(round(restore_s, 1), "s", f"the restore of {OPEN_ORDERS:,} open orders"),
        _row(round(start_s, 1), "s", "the start of what was restored"),
    ]
    return times + rows
