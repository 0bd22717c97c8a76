"""`/v1/stream` of the demo venue: what it tells is, byte for byte, what a replay of the journal says, whatever died
while it was told; and who may not be told any more is not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from lockstep import config
from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.venue.snapshot_parts import Start
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.api.recent_events import Cursor
from lockstep.procs.api.v1.stream_messages import Messages
from lockstep.shm.ring import Ring
from tests.broken import BrokenError, require
from tests.passwords import PASSWORD
from tests.pipeline.api_client import ApiClient, RefusedError
from tests.pipeline.conftest import RunningVenue, one_for_all
from tests.pipeline.person import Person
from tests.pipeline.stream import Stream, finish
from tests.pipeline.stream_client import StreamClient

GOOD = "quiet-lantern-under-snow"
BETTER = "seven-grey-herons-waiting"
SOON_S = 10  # on a busy machine: the venue looks each second
CHANNELS = ("orders", "balances", "withdrawals", "account")
TRADER = 5
PATIENCE_S = 30


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    with one_for_all(tmp_path_factory) as running:
        yield running


def person(venue: RunningVenue, name: str, password: str = PASSWORD) -> Person:
    """Somebody who has logged in; anew, if it is none of the demo's."""
    made = Person(venue.api_port or 0)
    if password == GOOD:
        made.post("/auth/register", name=name, password=password)
    made.log_in(name, password)
    return made


def stream_of(who: Person, *channels: str) -> StreamClient:
    assert who.token
    made = StreamClient(who.port, who.token)
    made.begin(*channels)
    return made


class Replayed:
    """What a replay of the journal up to a record says."""

    def __init__(self, venue: RunningVenue, last_seq: int) -> None:
        core = ReplayedCore(config.load(venue.config), venue.data, Start.genesis(), last_seq)
        self.desk = Desk(IngressWriter(Ring.private(16, ["router"]).producer()), None, asyncio.Future)
        self.desk.attach(core.consumers, core.venue.board)
        while core.step() or not core.is_complete or self.desk.recent.told < last_seq:
            self.desk.poll(0)
        self.shown = Shown(self.desk)

    def told(self, account: int) -> list[str]:
        """All that an account is told."""
        messages, cursor, told = Messages(self.desk, self.shown), Cursor(self.desk.recent, [account], "0" * 32), []
        while cursor.next():
            message = messages.event(cursor)
            if message is not None:
                told.append(message.decode())
        return told

    def trades(self, account: int, symbol: str) -> list[int]:
        """The ids of an account's trades in a symbol."""
        events = map(json.loads, self.told(account))
        fills = [event["fill"] for event in events if event["event"] == "trade"]
        return sorted({fill["trade_id"] for fill in fills if fill["symbol"] == symbol})


def check(stream: StreamClient, expected: list[str]) -> None:
    """BrokenError where the client was not told all behind its images once, in order."""
    begin = stream.images[0]["position"]
    behind = [each for each in expected if json.loads(each)["position"] > begin]
    require(stream.events == behind, f"{len(stream.events)} events were told, {len(behind)} happened")


def kill(venue: RunningVenue, hosts: list[str]) -> None:
    """SIGKILL to these, once they have come back from the last time."""
    deadline = time.monotonic() + PATIENCE_S
    while not set(hosts) <= (pids := venue.pids()).keys():
        assert time.monotonic() < deadline, pids
        time.sleep(0.02)  # the supervisor lists them, and says no more
    for name in hosts:
        os.kill(pids[name], signal.SIGKILL)


def test_kills_lose_and_double_nothing(venue: RunningVenue) -> None:
    """The api, then it and the core at once, which may take the whole venue along; orders come by FIX meanwhile."""
    trader = Stream(venue.client(f"TRADER{TRADER}"), at_speed=200)
    stream = stream_of(person(venue, f"TRADER{TRADER}"), *CHANNELS)
    trader.start()
    victims = [["api"], ["core", "api"]]
    told = 0
    try:
        while victims or len(stream.events) < told + 300:
            stream.follow(CHANNELS)
            if victims and len(stream.events) >= told + 300:
                told = len(stream.events)
                trader.go_on()
                kill(venue, victims.pop(0))
    finally:
        finish(trader)
    stream.catch_up(CHANNELS)
    expected = Replayed(venue, stream.beats[-1]["seq"]).told(TRADER)
    check(stream, expected)
    assert stream.resumed >= 2
    for kind in ("accepted", "trade", "balance"):
        assert any(json.loads(each)["event"] == kind for each in stream.events), kind
    stream.events.pop(len(stream.events) // 2)
    with pytest.raises(BrokenError):
        check(stream, expected)
    trader.client.close()
    stream.socket.close()


def test_market_data_goes_on_where_it_ended(venue: RunningVenue) -> None:
    """As docs/protocols/stream.md has it for trades: what the stream missed is history, joined by the trades' ids."""
    trader = Stream(venue.client("TRADER6"), at_speed=60, symbol="BTCUSDT")
    api = ApiClient(venue.api_port or 0, "TRADER6")
    ids = [0]
    trader.start()
    for _ in range(2):
        with connected(api, ids) as market:
            trader.go_on()
            enough = len(ids) + 30
            while len(ids) < enough:
                trade = json.loads(market.recv(timeout=PATIENCE_S))["data"]
                if trade["t"] > ids[-1]:
                    ids.append(trade["t"])
            kill(venue, ["publisher"])
    finish(trader)
    connected(api, ids).close()
    stream = stream_of(person(venue, "TRADER6"), "account")
    assert ids[1:] == Replayed(venue, stream.images[0]["seq"]).trades(6, "BTCUSDT")
    trader.client.close()
    stream.socket.close()


def connected(api: ApiClient, ids: list[int]) -> ClientConnection:
    """A connection, as soon as there is one, with trades; and what history has behind the last one by then."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.suppress(OSError, WebSocketException, RefusedError):
            made = connect(f"ws://127.0.0.1:{api.port}/v1/stream/market?streams=btcusdt@trade", legacy=True)
            while page := api.open("historicalTrades", symbol="BTCUSDT", fromId=ids[-1] + 1, limit=1000):
                ids += [trade["id"] for trade in page]
            return made
        assert time.monotonic() < deadline, ids[-1]
        time.sleep(0.05)  # nothing tells a client that market data is back


def test_a_session_is_told_nothing_once_it_has_ended(venue: RunningVenue) -> None:
    """Logged out, of a password that was changed, of before a step-up: within seconds. A token of a session that lives
    goes on, on the same connection, behind what was told."""
    trader = person(venue, "streamed", GOOD)
    stream = stream_of(trader, "orders", "account")
    trader.prove(GOOD)
    await_end(stream, 1)
    stream.token = trader.token
    stream.log_in()
    place(trader, "s1", stream)

    trader.post("/auth/logout")
    await_end(stream, 2)
    trader.log_in("streamed", GOOD)
    place(trader, "s2", None)
    with pytest.raises(TimeoutError):  # not even a heartbeat, which others get each second
        stream.socket.recv(timeout=2)
    stream.token = trader.token
    stream.log_in()
    place(trader, "s3", stream)
    accepted = [json.loads(each)["order"]["client_order_id"] for each in stream.events if '"accepted"' in each]
    assert accepted == ["s1", "s2", "s3"]

    trader.post("/auth/password", current=GOOD, password=BETTER)
    await_end(stream, 3)
    stream.socket.close()


def place(trader: Person, name: str, stream: StreamClient | None) -> None:
    """An order that rests; and wait until the stream has told of it, where one is given."""
    order = {"symbol": "SOLUSDT", "side": "buy", "type": "limit", "price": "1", "quantity": "1"}
    trader.post("/orders", **order, client_order_id=name)
    while stream is not None and not (stream.events and f'"{name}"' in stream.events[-1]):
        stream.take()


def await_end(stream: StreamClient, times: int) -> None:
    """Its session's end is told within seconds, for so many times now."""
    since = time.monotonic()
    while len(stream.ended) < times:
        stream.take()
    assert stream.ended[-1]["code"] == "SESSION_ENDED"
    assert time.monotonic() - since < SOON_S


def test_a_handshake_with_credentials_or_from_another_site_is_refused(venue: RunningVenue) -> None:
    for target, origin in (
        ("/v1/stream?token=x", None),
        ("/v1/stream/", None),
        ("/v1/stream", Origin("http://elsewhere.example")),
    ):
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://127.0.0.1:{venue.api_port}{target}", origin=origin, legacy=True)
        assert refused.value.response.status_code == 403
