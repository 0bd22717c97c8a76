"""Five clients and a FIX session on one venue: each trades with each other, on both sides, and the books balance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.interop.freqtrade_bot import Bot
from tests.interop.players import MARKETS, ClientPlayer, FixPlayer, Player
from tests.pipeline.api_client import ApiClient
from tests.pipeline.conftest import RunningVenue
from tests.ports import free_port

pytestmark = pytest.mark.interop
BOT = "TRADER5"
ENVIRONMENTS = {
    "ccxt": "ccxt",
    "ccxt_pro": "ccxt",
    "python_binance": "python_binance",
    "nautilus_trader": "nautilus_trader",
}
QUANTITY = 0.004
ASK, BID = 3000, 2990


@pytest.fixture
def players(venue: RunningVenue, tmp_path: Path) -> Iterator[dict[str, Player]]:
    """All but freqtrade, which can't be told what to trade; each has an account of its own."""
    assert venue.api_port is not None
    with ExitStack() as stack:
        clients = {}
        for number, (name, env) in enumerate(ENVIRONMENTS.items(), 1):
            clients[name] = ClientPlayer(env, name, f"TRADER{number}", venue.api_port, tmp_path)
            stack.callback(clients[name].kill)
        fix = FixPlayer("TRADER6", venue.fix_port, tmp_path)
        stack.callback(fix.trader.stop)
        for client in clients.values():
            assert client.said() == MARKETS
        yield {**clients, "fix": fix}


def fills_of(venue: RunningVenue, account: str) -> list[dict[str, Any]]:
    assert venue.api_port is not None
    found: list[dict[str, Any]] = ApiClient(venue.api_port, account).signed("GET", "myTrades", symbol="ETHUSDT")
    return found


def total(venue: RunningVenue, accounts: list[str], asset: str) -> Decimal:
    """What these accounts have of an asset together."""
    assert venue.api_port is not None
    return sum(
        (
            Decimal(balance["free"]) + Decimal(balance["locked"])
            for account in accounts
            for balance in ApiClient(venue.api_port, account).signed("GET", "account")["balances"]
            if balance["asset"] == asset
        ),
        Decimal(0),
    )


@pytest.mark.parametrize("venue", [{"api_port": free_port()}], indirect=True)
def test_five_clients_and_a_fix_session_trade_with_each_other(
    venue: RunningVenue, players: dict[str, Player], tmp_path: Path
) -> None:
    assert venue.api_port is not None
    accounts = [*(player.account for player in players.values()), BOT]
    before = [total(venue, accounts, asset) for asset in ("ETH", "USDT")]

    for maker, taker in permutations(players.values(), 2):
        maker.place("SELL", QUANTITY, ASK)
        taker.place("BUY", QUANTITY, ASK)
        assert taker.filled() == maker.filled() == (QUANTITY, ASK)

    # freqtrade buys the best offer with its first candle, and sells to the best bid when it is told.
    for player in players.values():
        player.place("SELL", QUANTITY, ASK)
    with Bot(tmp_path / "freqtrade", venue.api_port, ["ETH/USDT"], BOT) as bot:
        trade = bot.entered("ETH/USDT")
        assert (trade["open_rate"], trade["amount"]) == (ASK, len(players) * QUANTITY)
        for player in players.values():
            assert player.filled() == (QUANTITY, ASK)
            player.place("BUY", QUANTITY, BID)
        bot.ask("stopentry", {})
        bot.ask("forceexit", {"tradeid": str(trade["trade_id"])})
        assert bot.left(trade)["close_rate"] == BID
        for player in players.values():
            assert player.filled() == (QUANTITY, BID)
    nautilus = players["nautilus_trader"]
    assert isinstance(nautilus, ClientPlayer)
    (told,) = nautilus.leave()
    assert told["trades"] == len(fills_of(venue, BOT)) + len(players) * (len(players) - 1)
    assert all(told.values()), told

    sides: dict[int, dict[bool, str]] = {}
    for account in accounts:
        for fill in fills_of(venue, account):
            sides.setdefault(fill["id"], {})[fill["isBuyer"]] = account
    assert {(trade[False], trade[True]) for trade in sides.values()} == set(permutations(accounts, 2))
    assert [total(venue, accounts, asset) for asset in ("ETH", "USDT")] == before
    assert venue.stop() == 0
    venue.verify()
