"""Market data of a real venue: its clients lose the publisher, and nothing else."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.pipeline.conftest import RunningVenue

PATIENCE_S = 60.0


def subscribe(venue: RunningVenue) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{venue.market_port}/ws/btcusdt@depth20")


def book(connection: ClientConnection, levels: int) -> dict[str, Any]:
    """The first book that has this many bids."""
    while True:
        message: dict[str, Any] = json.loads(connection.recv(PATIENCE_S))
        if len(message["bids"]) == levels:
            return message


def test_a_killed_publisher_shows_its_client_the_same_book_again(venue: RunningVenue) -> None:
    trader = venue.client("TRADER1")
    trader.connect(reset=True)
    trader.order("first", "buy", "100", "1")
    with subscribe(venue) as connection:
        before = book(connection, levels=1)
        os.kill(venue.pids()["publisher"], signal.SIGKILL)
        with pytest.raises(ConnectionClosed):
            book(connection, levels=2)
    trader.order("while it is away", "buy", "101", "1")
    trader.await_report("while it is away", "0")
    venue.await_ready(2, PATIENCE_S)
    with subscribe(venue) as connection:
        after = book(connection, levels=2)
        assert after["bids"][1:] == before["bids"]
        assert after["lastUpdateId"] > before["lastUpdateId"]
    assert trader.connects == 1
    assert not venue.restarted_whole
    assert venue.stop() == 0
    venue.verify()
