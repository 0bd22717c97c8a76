"""What no venue says is an error in time: streams that go back, answers without an end, amounts that are none."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from lockstep import V1, Binance, Events, Market, VenueError, each, run
from lockstep.client import http, market
from lockstep.client.binance import Depth
from lockstep.client.http import Http
from lockstep.client.market import Book, Difference
from lockstep.client.socket import RETRY_S
from tests.pipeline.conftest import RunningVenue

ENDLESS = "[" * 100_000
AMOUNTS = ["a lot", "NaN", "sNaN", "-Infinity", "1E+1000000", "1E-1000000"]


class Api:
    """An api that answers each connection with `parts`, whatever it is asked; `asked` counts them."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self.asked = 0
        self._parts = parts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            wire, _ = self._listener.accept()
            self.asked += 1
            with wire, contextlib.suppress(OSError):
                wire.recv(4096)
                for part in self._parts:
                    wire.sendall(part)
                wire.shutdown(socket.SHUT_WR)
                while wire.recv(4096):  # or what was not read would be answered by a reset
                    pass


def says(body: str | bytes, status: str = "200 OK", *headers: str) -> Api:
    """Return an api that answers with this."""
    head = "\r\n".join([f"HTTP/1.1 {status}", "Connection: close", *headers])
    return Api([head.encode("latin-1") + b"\r\n\r\n" + (body if isinstance(body, bytes) else body.encode())])


def refused(api: Api) -> VenueError:
    """Return what a client makes of it."""
    with pytest.raises(VenueError) as raised:
        run(Binance(api.url).depth("BTCUSDT"))
    return raised.value


@pytest.mark.parametrize(
    "body",
    [
        "", "no JSON", "[]", ENDLESS, '{"lastUpdateId":' + ENDLESS,
        b'{"lastUpdateId":1,"bids":[["\xff","1"]],"asks":[]}', '{"lastUpdateId":"1","bids":[],"asks":[]}',
        *(f'{{"lastUpdateId":1,"bids":[["{amount}","1"]],"asks":[]}}' for amount in AMOUNTS),
    ],
)  # fmt: skip
def test_answer_of_another_type_is_none(body: str | bytes) -> None:
    assert refused(says(body)).code == "NO_ANSWER"


@pytest.mark.parametrize("body", ["", "[]", ENDLESS, b"\xff", '{"code":[1],"msg":{}}', '{"code":null,"msg":1e999}'])
def test_refusal_that_says_nothing_has_its_status(body: str | bytes) -> None:
    error = refused(says(body, "400 Bad Request"))
    assert (error.code, error.status) == (400, 400)


@pytest.mark.parametrize(
    "place", ["/", "//[", "http://a:99999999/", "http://xn--/", "\xff", "ftp://a/", "http://127.0.0.1:1/"]
)
def test_redirect_is_not_followed(place: str) -> None:
    api = says("", "302 Found", f"Location: {place}")
    error = refused(api)
    assert (error.code, api.asked) in [(302, 1), ("NO_ANSWER", 1)]


def test_answer_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BYTES", 1 << 20)
    endless = itertools.chain([b"HTTP/1.1 200 OK\r\n\r\n"], itertools.repeat(b"1" * 4096))
    assert "more than" in refused(Api(endless)).text


def test_answer_has_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def trickle() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            time.sleep(0.1)  # the pace of a venue that never ends its answer
            yield b" "

    monkeypatch.setattr(http, "TIMEOUT_S", 0.5)
    assert refused(Api(trickle())).code == "NO_ANSWER"


def test_answer_is_not_unpacked() -> None:
    packed = gzip.compress(b'{"lastUpdateId":1,"bids":[],"asks":[]}')
    assert refused(says(packed, "200 OK", "Content-Encoding: gzip")).code == "NO_ANSWER"


@pytest.mark.parametrize("token", ["", "a\\nb", "a\\n", "\u00e9", "a b"])
def test_token_that_no_header_can_have_is_none(token: str) -> None:
    with pytest.raises(VenueError, match="NO_ANSWER"):
        run(V1(says(f'{{"access_token":"{token}"}}').url, "TRADER1", "demo").balances())


def test_cookies_are_few() -> None:
    client = Http(says("", "200 OK", *(f"Set-Cookie: {number}=1" for number in range(http.MAX_COOKIES + 1))).url)
    for _ in range(3):
        run(client.send("GET", "/"))
        assert len(client.cookies) <= http.MAX_COOKIES


def test_stream_that_the_venue_does_not_have_is_refused(venue: RunningVenue) -> None:
    with pytest.raises(VenueError, match="400") as refused:
        list(each(Market(f"ws://127.0.0.1:{venue.market_port}").messages(["btcusdt@nonsense"])))
    assert refused.value.status == 400


class Liar:
    """A venue that says `texts` on each stream, has one more update in its book each time, and one trade, the seventh,
    behind any number. It sends whoever asks for `/there` back there."""

    def __init__(self, *texts: str | bytes) -> None:
        self.asked = 0
        self._texts = texts
        self._server = run(self._served())
        self.address = f"127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}"

    @property
    def market(self) -> Market:
        """A client of it."""
        return Market(f"ws://{self.address}", Binance(f"http://{self.address}"))

    async def _served(self) -> Server:
        return await serve(self._say, "127.0.0.1", 0, process_request=self._answer)

    async def _say(self, wire: ServerConnection) -> None:
        if wire.request is not None and wire.request.path == "/v1/stream":
            for _ in ("login", "subscribe"):
                await wire.recv()
                await wire.send('{"id":1,"result":{}}')
        for text in self._texts:
            await wire.send(text)
        await wire.wait_closed()

    def _answer(self, wire: ServerConnection, request: Request) -> Response | None:
        if request.path.startswith("/there"):
            self.asked += 1
            return Response(302, "Found", Headers(Location=request.path))
        if "/stream" in request.path:
            return None
        if request.path.startswith("/api/v3/historicalTrades"):
            return wire.respond(HTTPStatus.OK, '[{"id":7,"price":"1","qty":"1","time":0,"isBuyerMaker":false}]')
        self.asked += 1
        return wire.respond(HTTPStatus.OK, f'{{"lastUpdateId":{self.asked},"bids":[],"asks":[]}}')


def traded(id: str, price: str) -> str:
    data = f'{{"t":{id},"p":"{price}","q":"1","T":0,"m":true}}'
    return f'{{"stream":"btcusdt@trade","data":{data}}}'


@pytest.mark.parametrize(
    "text",
    ["no JSON", "[]", ENDLESS, b"\xff", traded('"seven"', "1"), *(traded("7", amount) for amount in AMOUNTS)],
)
def test_stream_that_is_garbled_ends(text: str | bytes) -> None:
    with pytest.raises(VenueError, match="GARBLED"):
        next(each(Liar(text).market.trades("BTCUSDT")))


def test_book_that_jumps_is_asked_for_again_in_time() -> None:
    jump = '{"stream":"btcusdt@depth@100ms","data":{"U":4,"u":9,"b":[["1.00","2.00"]],"a":[]}}'
    begun_s = time.monotonic()
    liar = Liar(jump)
    book = next(each(liar.market.books("BTCUSDT")))
    assert (book.last, book.best_bid, liar.asked) == (9, Decimal(1), 3)
    assert time.monotonic() - begun_s > 2 * RETRY_S


def test_history_that_goes_back_ends() -> None:
    told = each(Liar().market.trades("BTCUSDT", 7))
    assert next(told).id == 7
    with pytest.raises(VenueError, match="Trade 7 comes where 8 is the first"):
        next(told)


def test_stream_that_tells_trades_again_tells_them_once() -> None:
    liar = Liar(*(traded(str(id), "1") for id in (8, 9, 8, 9, 10)))
    told = each(liar.market.trades("BTCUSDT"))
    assert [next(told).id for _ in range(3)] == [8, 9, 10]


def test_book_that_the_stream_is_never_at_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market, "RETRY_S", 0.0)
    liar = Liar('{"stream":"btcusdt@depth@100ms","data":{"U":1000000000000,"u":1000000000000,"b":[],"a":[]}}')
    with pytest.raises(VenueError, match="GARBLED"):
        next(each(liar.market.books("BTCUSDT")))
    assert liar.asked == market.MAX_TRIES


def test_book_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market, "MAX_PRICES", 10)
    book = Book()
    book.begin(Depth(0, (), ()))
    levels = tuple((Decimal(price), Decimal(1)) for price in range(11))
    assert book.take(Difference(1, 1, levels[:10], ()))
    with pytest.raises(VenueError, match="GARBLED"):
        book.take(Difference(2, 2, levels[10:], ()))


def test_stream_goes_to_no_other_address() -> None:
    liar = Liar()
    with pytest.raises(VenueError, match="302"):
        list(each(Market(f"ws://{liar.address}/there").messages(["btcusdt@trade"])))
    assert liar.asked == 1


def test_address_that_is_no_streams_is_refused() -> None:
    with pytest.raises(VenueError, match="INVALID"):
        list(each(Market("http://127.0.0.1:1").messages(["btcusdt@trade"])))


def event(position: str) -> str:
    return f'{{"channel":"orders","position":"{position}","seq":1,"event":"accepted"}}'


def events_of(*texts: str) -> Iterator[Any]:
    """Yield what an account's stream of these texts comes to."""
    person = V1(says('{"access_token":"token"}').url, "TRADER1", "demo")
    run(person.token())
    person.http.url = f"http://{Liar(*texts).address}"  # only the stream is of that
    return each(Events(person, ["orders"]).follow())


@pytest.mark.parametrize("position", ["0a", "09"])
def test_event_that_comes_again_ends_the_stream(position: str) -> None:
    told = events_of(event("0a"), event(position))
    assert next(told).position == "0a"
    with pytest.raises(VenueError, match="GARBLED"):
        next(told)


@pytest.mark.parametrize("text", ['{"channel":5}', "{}", ENDLESS, '{"channel":"orders","order":{"price":"NaN"}}'])
def test_event_that_is_garbled_ends_the_stream(text: str) -> None:
    with pytest.raises(VenueError, match="GARBLED"):
        next(events_of(text))
