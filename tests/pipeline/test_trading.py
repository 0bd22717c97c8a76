"""A stock FIX client on the demo venue: rest, trade, cancel, replace, reconnect; market data and PostgreSQL agree."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from websockets.sync.client import ClientConnection, connect

from lockstep.client.fix.message import Message
from tests.pipeline.conftest import RunningVenue

DATABASE_S = 60


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    """One venue for all tests, each with traders of its own; what they leave is verified at the end."""
    running = RunningVenue(tmp_path_factory.mktemp("venue"))
    running.start()
    yield running
    assert running.stop() == 0
    running.verify()


def next_message(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of event type `kind`; other streams' are passed over."""
    while True:
        message = json.loads(socket.recv(timeout=30))
        if message.get("e") == kind:
            return message  # type: ignore[no-any-return]


def numbers(message: Message, *tags: int) -> tuple[Decimal, ...]:
    return tuple(Decimal(message[tag]) for tag in tags)


def rows(venue: RunningVenue, query: str, count: int) -> list[tuple[Any, ...]]:
    """The answer to `query` once it has `count` rows: the database starts and follows while orders trade already."""
    url = venue.command("db", "url").stdout.strip()
    deadline = time.monotonic() + DATABASE_S
    while True:
        try:
            with psycopg.connect(url) as connection:
                found = connection.execute(query).fetchall()
        except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
            found = []
        if len(found) == count:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)  # only asking again tells


def test_one_order_goes_from_fix_to_websocket_and_postgresql(venue: RunningVenue) -> None:
    with connect(f"ws://127.0.0.1:{venue.market_port}/ws/btcusdt@trade") as market:
        maker, taker = venue.client("TRADER1"), venue.client("TRADER2")
        maker.connect()
        taker.connect()
        maker.order("m1", "sell", "100.00", "2")
        order_id = maker.await_report("m1", "0")[37]
        taker.order("t1", "buy", "100.50", "0.5")
        fill = taker.await_report("t1", "F")
        assert (*numbers(fill, 31, 32, 151), fill[39]) == (Decimal(100), Decimal("0.5"), 0, "2")
        passive = maker.await_report("m1", "F")
        assert (passive[37], passive[39]) == (order_id, "1")
        assert numbers(passive, 14, 151) == (Decimal("0.5"), Decimal("1.5"))
        trade = next_message(market, "trade")
        assert (Decimal(trade["p"]), Decimal(trade["q"])) == (Decimal(100), Decimal("0.5"))
        assert trade["m"] is False  # the buyer was the taker

    maker.replace("m2", "m1", "sell", "101.00", "3")
    replaced = maker.await_report("m2", "5")
    assert replaced[41] == "m1"
    assert numbers(replaced, 44, 38, 151) == (Decimal(101), Decimal(3), Decimal("2.5"))
    maker.cancel("m3", "m2", "sell")
    cancelled = maker.await_report("m3", "4")
    assert (cancelled[41], cancelled[39], *numbers(cancelled, 151)) == ("m2", "4", 0)

    trades = rows(
        venue,
        "SELECT price, quantity, m.username, t.username FROM trades"
        " JOIN users m ON m.id = maker_user_id JOIN users t ON t.id = taker_user_id WHERE m.username = 'TRADER1'",
        1,
    )
    assert trades == [(Decimal("100.00"), Decimal("0.5000"), "TRADER1", "TRADER2")]
    assert rows(
        venue, f"SELECT filled, remaining FROM orders WHERE order_id = {int(order_id)} AND state = 'CANCELED'", 1
    )


@pytest.mark.parametrize(
    ("version", "names"), [("FIX.4.2", ("TRADER3", "TRADER4")), ("FIX.4.4", ("TRADER7", "TRADER8"))]
)
def test_a_client_that_reconnects_gets_what_it_missed(
    venue: RunningVenue, version: str, names: tuple[str, str]
) -> None:
    maker, taker = venue.client(names[0], version), venue.client(names[1])
    maker.connect()
    taker.connect()
    maker.order("r1", "buy", "50.00", "1")
    maker.await_report("r1", "0")
    maker.close()
    taker.order("r2", "sell", "50.00", "1")
    fill = taker.await_report("r2", "F")
    maker.connect()
    missed = maker.await_report("r1", "F" if version == "FIX.4.4" else "2")
    assert missed.get(43) == "Y"
    assert numbers(missed, 14) == (Decimal(1),)
    assert missed[17].split("-")[:2] == fill[17].split("-")[:2]


def test_a_restart_goes_on_with_the_same_state(venue: RunningVenue) -> None:
    maker = venue.client("TRADER5")
    maker.connect()
    maker.order("s1", "sell", "70.00", "1", "SOLUSDT")
    first_id = int(maker.await_report("s1", "0")[37])
    taker = venue.client("TRADER6")
    taker.connect()
    taker.order("s2", "buy", "70.00", "0.25", "SOLUSDT")
    first_trade = taker.await_report("s2", "F")[17]
    assert venue.stop() == 0
    venue.start()
    taker.connect()
    taker.order("s3", "buy", "70.00", "0.75", "SOLUSDT")
    fill = taker.await_report("s3", "F")
    assert numbers(fill, 32) == (Decimal("0.75"),)
    assert fill[17] != first_trade
    assert int(fill[37]) > first_id
    maker.connect()
    assert maker.await_report("s1", "F")[14] == "0.25"
    assert maker.await_report("s1", "F")[39] == "2"
    taker.order("s2", "buy", "70.00", "0.25", "SOLUSDT")  # its id was used before the restart
    assert "DUPLICATE" in taker.await_report("s2", "8")[58]
