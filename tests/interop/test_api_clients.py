"""Clients of Binance that people have, unmodified but for URLs and keys, on a real venue."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.environments import python_of
from tests.pages import ROOT, blocks
from tests.pipeline.conftest import RunningVenue, one_for_all

pytestmark = pytest.mark.interop
CLIENT_S = 120


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    with one_for_all(tmp_path_factory) as running:
        yield running


def script(venue: RunningVenue, name: str) -> list[str | Path]:
    return [Path(__file__).with_name(f"trade_{name}.py"), f"http://127.0.0.1:{venue.api_port}"]


def run(venue: RunningVenue, client: str, *arguments: Path) -> Any:
    """What a client's script has seen."""
    done = subprocess.run(
        [python_of(client), *script(venue, client), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=CLIENT_S,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_ccxt_trades_by_rest(venue: RunningVenue) -> None:
    assert run(venue, "ccxt") == {
        "ping": {},
        "clock": True,
        "markets": ["BTC/USDT", "ETH/USDT", "SOL/USDT"],
        "resting": "open",
        "taken": ["closed", 0.004, 60000.0],
        "filled": 0.004,
        "trades": [0.004],
        "last": 60000.0,
        "candle": [60000.0, 60000.0, 60000.0, 60000.0, 0.004],
        "bid": [60000.0, 0.006],
        "used": 360.0,
        "edited": [59000.0, 0.01],
        "edited_used": 590.0,
        "cancelled": ["canceled"],
        "open": [],
        "poor": "InsufficientFunds",
        "unknown": "OrderNotFound",
        "post_only": "OrderImmediatelyFillable",
    }


def test_ccxt_pro_watches_everything_and_goes_on_when_the_api_was_killed(venue: RunningVenue, tmp_path: Path) -> None:
    watched = {
        "trade": [3000.0, 0.01, "sell"],
        "bids": True,
        "candle": [3000.0, 3000.0, 3000.0, 3000.0],
        "ticker": 3000.0,
        "tickers": True,
        "best": 3000.0,
        "order": [True, "open"],
        "fill": [True, "maker"],
        "balance": [True, True],
    }
    errors = tmp_path / "errors"
    with (
        errors.open("wb") as written,
        subprocess.Popen(
            [python_of("ccxt"), *script(venue, "ccxt_pro")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=written,
            text=True,
        ) as client,
    ):
        assert client.stdout is not None
        line = client.stdout.readline()
        assert line, errors.read_text()
        assert json.loads(line) == watched
        os.kill(venue.pids()["api"], signal.SIGKILL)
        seen, _ = client.communicate("\n", timeout=CLIENT_S)
    assert client.returncode == 0, errors.read_text()
    assert json.loads(seen) == {**watched, "same_fills": True, "open": [[2999.0, 0.5]], "cancelled": "canceled"}


def test_python_binance_trades_with_both_kinds_of_keys(venue: RunningVenue, tmp_path: Path) -> None:
    seen = run(venue, "python_binance", tmp_path)
    by_rest = {
        "status": "TRADING",
        "order": "NEW",
        "oco": "EXECUTING",
        "replaced": ["SUCCESS", "SUCCESS"],
        "open": 3,
        "cancelled": 3,
        "listen_key": 48,
        "lot": [-1013, "Filter failure: LOT_SIZE"],
    }
    assert seen["hmac"] == by_rest
    assert seen["ed25519"] == by_rest
    assert seen["websocket"] == {
        "order": ["NEW", "NEW"],
        "taken": ["FILLED", ["150.00000000"]],
        "partly": ["0.40000000", "150.00000000", True],
        "streams": ["24hrMiniTicker", "aggTrade", "bookTicker", "kline", "trade"],
        "cancelled": ["CANCELED", "0.40000000"],
        "lists": [
            ["OTO", "OCO"],
            [True, True],
            ["ALL_DONE", "ALL_DONE"],
            ["OTO", "OCO", "OTO", "OCO"],
            [["CANCELED", "CANCELED"], ["CANCELED", "CANCELED"]],
        ],
    }


def test_the_readmes_first_example_is_ccxt(venue: RunningVenue) -> None:
    """With all of ccxt's options as they are: it asks for futures and margin, too."""
    code = next(block.text for block in blocks(ROOT / "README.md") if block.kind == "python")
    code = code.replace("127.0.0.1:8080", f"127.0.0.1:{venue.api_port}").replace("TRADER1", "TRADER4")
    done = subprocess.run(
        [python_of("ccxt"), "-c", code], capture_output=True, text=True, check=False, timeout=CLIENT_S
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("open {'free': ")
    assert "[59999.5, 0.5]" in done.stdout
