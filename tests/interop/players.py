"""Traders of one venue that use different clients, and are told to trade in the same way.

A client runs in an environment of its own, as `trade_by_NAME.py URL ACCOUNT`. It prints the markets that it knows once
it is ready, and takes limit orders in ETHUSDT as JSON lines: side, quantity, price. Of each it prints the id once the
venue has it, and quantity and average price once it is filled, as its own means tell. It leaves when its input ends.
"""

from __future__ import annotations

import json
import subprocess
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from tests.interop.environments import python_of
from tests.interop.trader import Trader

MARKETS = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
Filled = tuple[float, float]  # quantity, average price


class Player(Protocol):
    """One of them. Its account has one order at a time."""

    account: str

    def place(self, side: str, quantity: float, price: float) -> None:
        """Have a limit order; returns once the venue has it."""

    def filled(self) -> Filled:
        """Wait until the order is filled."""


class ClientPlayer:
    """By a client's script. `env` names the environment."""

    def __init__(self, env: str, name: str, account: str, api_port: int, folder: Path) -> None:
        self.account = account
        self._errors = folder / f"{name}.log"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [
                    python_of(env),
                    Path(__file__).with_name(f"trade_by_{name}.py"),
                    f"http://127.0.0.1:{api_port}",
                    account,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def said(self) -> Any:
        """What it prints next."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._errors.read_text()
        return json.loads(line)

    def place(self, side: str, quantity: float, price: float) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([side, quantity, price]) + "\n")
        self._process.stdin.flush()
        assert int(self.said()) > 0

    def filled(self) -> Filled:
        quantity, average = self.said()
        return quantity, average

    def leave(self) -> list[Any]:
        """Let it end; what it says before that."""
        told, _ = self._process.communicate(timeout=30)
        assert self._process.returncode == 0, self._errors.read_text()
        return [json.loads(line) for line in told.splitlines()]

    def kill(self) -> None:
        """End it, if it is still there."""
        self._process.kill()
        self._process.communicate()


class FixPlayer:
    """By QuickFIX."""

    def __init__(self, account: str, fix_port: int, folder: Path) -> None:
        self.account = account
        self._ids = map("p{}".format, count(1))
        self._id = ""
        self.trader = Trader(folder, account, "FIX.4.4", fix_port)
        self.trader.start()

    def place(self, side: str, quantity: float, price: float) -> None:
        self._id = next(self._ids)
        self.trader.order(self._id, {"BUY": "1", "SELL": "2"}[side], str(price), str(quantity))
        self.trader.await_report(self._id, "0")

    def filled(self) -> Filled:
        while (report := self.trader.await_report(self._id, "F"))[39] != "2":
            continue
        return float(report[14]), float(report[6])
