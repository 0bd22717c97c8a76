"""A freqtrade bot in an environment of its own: of its configuration only URLs and keys are the venue's."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.interop.environments import python_of
from tests.ports import free_port

PATIENCE_S = 120  # most of it is the wait for the first minute that has ended
POLL_S = 0.25
STRATEGY = Path(__file__).with_name("trade_freqtrade.py")
T = TypeVar("T")


class Bot:
    """freqtrade trading, from `with` on: with an account's demo key, or dry. It is driven by its own REST API."""

    def __init__(self, folder: Path, api_port: int, pairs: list[str], account: str = "") -> None:
        self.port = free_port()
        self.log = folder / "freqtrade.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = folder
        (folder / "strategies").mkdir(parents=True)
        (folder / "strategies" / "at_once.py").write_text(STRATEGY.read_text())
        (folder / "config.json").write_text(json.dumps(self._configuration(api_port, pairs, account)))

    def _configuration(self, api_port: int, pairs: list[str], account: str) -> dict[str, Any]:
        http, websocket = f"http://127.0.0.1:{api_port}", f"ws://127.0.0.1:{api_port}"
        urls = {
            "public": f"{http}/api/v3",
            "private": f"{http}/api/v3",
            "sapi": f"{http}/sapi/v1",
            "fapiPublic": f"{http}/fapi/v1",
            "dapiPublic": f"{http}/dapi/v1",
            "ws": {"spot": f"{websocket}/ws", "ws-api": {"spot": f"{websocket}/ws-api/v3"}},
        }
        pricing = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
        return {
            "strategy": "AtOnce",
            "timeframe": "1m",
            "minimal_roi": {"0": 10},
            "stoploss": -0.05,
            "order_types": {"entry": "limit", "exit": "limit", "stoploss": "limit", "stoploss_on_exchange": True},
            "user_data_dir": str(self._folder),
            "db_url": f"sqlite:///{self._folder}/trades.sqlite",
            "dry_run": not account,
            "max_open_trades": len(pairs),
            "stake_currency": "USDT",
            "stake_amount": 60,
            "entry_pricing": pricing,
            "exit_pricing": pricing,
            "exchange": {
                "name": "binance",
                "key": f"{account}-demo-key",
                "secret": f"{account}-demo-secret",
                "ccxt_config": {"urls": {"api": urls}},
                "pair_whitelist": pairs,
            },
            "pairlists": [{"method": "StaticPairList"}],
            "internals": {"process_throttle_secs": 1},
            "initial_state": "running",
            "force_entry_enable": True,
            "api_server": {
                "enabled": True,
                "listen_ip_address": "127.0.0.1",
                "listen_port": self.port,
                "username": "u",
                "password": "p",
                "jwt_secret_key": 32 * "x",
            },
        }

    def __enter__(self) -> Self:
        program = python_of("freqtrade").with_name("freqtrade")
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "trade", "--config", self._folder / "config.json"],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
            )
        self.until(lambda: self.ask("ping", timeout_s=1) is not None)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        assert kind is not None or "SIGINT received" in self.log.read_text(), self.log.read_text()

    def ask(self, path: str, body: dict[str, Any] | None = None, timeout_s: float = 30) -> Any:
        """Its REST API's answer; None while nobody listens there. HTTPError."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": "Basic " + base64.b64encode(b"u:p").decode(), "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return json.load(answer)
        except urllib.error.HTTPError:
            raise
        except OSError:
            return None

    def until(self, happened: Callable[[], T | None]) -> T:
        """What `happened` gives, once it gives something."""
        assert self._process is not None
        deadline = time.monotonic() + PATIENCE_S
        while not (found := happened()):
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(POLL_S)  # it tells of nothing by itself
        return found

    def entered(self, pair: str) -> dict[str, Any]:
        """The open trade of a pair, once its entry is filled and its stop, if it is live, rests."""

        def look() -> dict[str, Any] | None:
            for trade in self.ask("status"):
                kinds = {order["ft_order_side"]: order["is_open"] for order in trade["orders"]}
                if trade["pair"] == pair and kinds.get("buy") is False and kinds.get("stoploss", self.is_dry):
                    return dict(trade)
            return None

        return self.until(look)

    def left(self, trade: dict[str, Any]) -> dict[str, Any]:
        """A trade, once it is closed."""

        def look() -> dict[str, Any] | None:
            closed = {each["trade_id"]: each for each in self.ask("trades")["trades"]}
            return closed.get(trade["trade_id"])

        return self.until(look)

    @property
    def is_dry(self) -> bool:
        return bool(json.loads((self._folder / "config.json").read_text())["dry_run"])
