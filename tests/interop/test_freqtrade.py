"""freqtrade, unmodified but for URLs and keys: dry on the venue's candles, and live with its stop-loss on the venue."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.interop.freqtrade_bot import Bot
from tests.pipeline.api_client import ApiClient
from tests.pipeline.conftest import RunningVenue
from tests.ports import free_port

pytestmark = pytest.mark.interop
PAIRS = ["SOL/USDT", "ETH/USDT"]


@pytest.mark.parametrize("venue", [{"api_port": free_port()}], indirect=True)
def test_freqtrade_enters_on_candles_and_leaves_by_the_stop_that_rests_on_the_venue(
    venue: RunningVenue, tmp_path: Path
) -> None:
    assert venue.api_port is not None
    maker, taker, own = (ApiClient(venue.api_port, f"TRADER{number}") for number in (1, 2, 5))
    for symbol, bid, ask in (("SOLUSDT", "99", "100"), ("ETHUSDT", "2990", "3000")):
        maker.order(f"bid{symbol}", "BUY", bid, "5", symbol)
        maker.order(f"ask{symbol}", "SELL", ask, "5", symbol)
        taker.order(f"take{symbol}", "BUY", ask, "0.1", symbol)  # its candles begin
    with (
        Bot(tmp_path / "dry", venue.api_port, PAIRS[:1]) as dry,
        Bot(tmp_path / "live", venue.api_port, PAIRS, "TRADER5") as live,
    ):
        sol, eth = (live.entered(pair) for pair in PAIRS)
        live.ask("stopentry", {})
        assert (sol["open_rate"], sol["amount"], eth["open_rate"], eth["amount"]) == (100, 0.6, 3000, 0.02)
        stops = {order["symbol"]: order for order in own.signed("GET", "openOrders")}
        assert {
            symbol: (order["type"], order["side"], *map(Decimal, (order["stopPrice"], order["price"])), order["status"])
            for symbol, order in stops.items()
        } == {
            "SOLUSDT": ("STOP_LOSS_LIMIT", "SELL", Decimal(95), Decimal("94.05"), "NEW"),
            "ETHUSDT": ("STOP_LOSS_LIMIT", "SELL", Decimal(2850), Decimal("2821.5"), "NEW"),
        }

        live.ask("forceexit", {"tradeid": str(eth["trade_id"])})
        left = live.left(eth)
        assert (left["exit_reason"], left["close_rate"]) == ("force_exit", 2990)
        by_id = own.signed("GET", "order", symbol="ETHUSDT", orderId=stops["ETHUSDT"]["orderId"])
        assert by_id["status"] == "CANCELED"

        maker.order("below", "BUY", "94.5", "5", "SOLUSDT")
        taker.order("fall", "SELL", "94.5", "5.1", "SOLUSDT")
        left = live.left(sol)
        assert (left["exit_reason"], left["close_rate"]) == ("stoploss_on_exchange", 94.5)

        paper = dry.entered("SOL/USDT")
        assert (paper["open_rate"], paper["amount"]) == (100, 0.6)
    fills = [
        (symbol, fill["isBuyer"], Decimal(fill["price"]), Decimal(fill["qty"]))
        for symbol in ("SOLUSDT", "ETHUSDT")
        for fill in own.signed("GET", "myTrades", symbol=symbol)
    ]
    assert fills == [
        ("SOLUSDT", True, 100, Decimal("0.6")),
        ("SOLUSDT", False, Decimal("94.5"), Decimal("0.6")),
        ("ETHUSDT", True, 3000, Decimal("0.02")),
        ("ETHUSDT", False, 2990, Decimal("0.02")),
    ]
    assert own.signed("GET", "openOrders") == []
    assert venue.stop() == 0
    venue.verify()
