"""Clients of Binance that people have, unmodified but for URLs and keys, on a real venue."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.environments import python_of
from tests.pages import ROOT, blocks
from tests.pipeline.conftest import RunningVenue
from tests.ports import free_port

pytestmark = pytest.mark.interop
CLIENT_S = 120


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    running = RunningVenue(tmp_path_factory.mktemp("venue"), api_port=free_port())
    running.start()
    yield running
    assert running.stop() == 0
    running.verify()


def run(venue: RunningVenue, client: str, *arguments: Path) -> Any:
    """What a client's script has seen."""
    script = Path(__file__).with_name(f"trade_{client}.py")
    done = subprocess.run(
        [python_of(client), script, f"http://127.0.0.1:{venue.api_port}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=CLIENT_S,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_ccxt_trades_by_rest_and_websocket(venue: RunningVenue) -> None:
    seen = run(venue, "ccxt")
    assert seen["rest"] == {
        "markets": ["BTC/USDT", "ETH/USDT", "SOL/USDT"],
        "resting": "open",
        "taken": ["closed", 0.004, 60000.0],
        "filled": 0.004,
        "trades": [0.004],
        "last": 60000.0,
        "candle": [60000.0, 60000.0, 60000.0, 60000.0, 0.004],
        "bid": [60000.0, 0.006],
        "used": 360.0,
        "cancelled": "canceled",
        "open": [],
        "poor": "InsufficientFunds",
        "unknown": "OrderNotFound",
        "post_only": "OrderImmediatelyFillable",
    }
    assert seen["websocket"] == {"order": "open", "told": True, "trade": [3000.0, 0.02], "book": True}


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
    assert seen["websocket"] == {"order": "NEW", "told": True, "cancelled": "CANCELED"}


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
