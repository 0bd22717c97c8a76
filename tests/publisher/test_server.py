"""The publisher from outside: stock WebSocket clients, every stream, every request, every refusal."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.protocol import Event

from lockstep.procs.publisher import server
from tests.publisher.exchange import BUY, SELL, Exchange
from tests.publisher.harness import Running, ask, client, receive, run, serving, silent


def listed() -> Exchange:
    """A venue with two instruments, a book of 1.00/1.02 and one trade."""
    exchange = Exchange()
    exchange.list_instrument(1, b"BTCUSDT")
    exchange.list_instrument(2, b"ETHUSDT")
    exchange.new(BUY, 100, 5)
    exchange.new(SELL, 102, 5)
    exchange.new(SELL, 100, 1)
    return exchange


def levels(*pairs: tuple[int, int]) -> list[list[str]]:
    return [[f"{price / 100:.8f}", f"{lots / 10_000:.8f}"] for price, lots in pairs]


BIDS, ASKS = levels((100, 4)), levels((102, 5))


def test_a_new_subscriber_gets_the_latest_message_at_once() -> None:
    async def scenario() -> None:
        exchange = listed()
        async with serving(exchange) as running:
            async with client(running, "/ws/btcusdt@bookTicker") as ticker:
                assert await receive(ticker) == {
                    "u": 4, "s": "BTCUSDT", "b": "1.00000000", "B": "0.00040000", "a": "1.02000000", "A": "0.00050000",
                }  # fmt: skip
            for name in ("depth5", "depth10", "depth20", "depth5@100ms", "depth10@100ms", "depth20@100ms"):
                async with client(running, f"/ws/btcusdt@{name}") as partial:
                    assert await receive(partial) == {"lastUpdateId": 4, "bids": BIDS, "asks": ASKS}
            for name in ("book5", "book10", "book20"):
                async with client(running, f"/ws/btcusdt@{name}") as states:
                    assert await receive(states) == [{"U": 3, "u": 4, "s": 5, "b": BIDS, "a": ASKS}]
            exchange.new(BUY, 99, 1)
            async with client(running, "/ws/btcusdt@depth@100ms") as first:
                diff = await receive(first)
                async with client(running, "/ws/btcusdt@depth@100ms") as second:
                    assert await receive(second) == diff
                    assert diff["e"] == "depthUpdate"
                    assert diff["b"] == levels((99, 1))

    run(scenario())


def test_a_trade_is_told_once_to_who_is_there_and_not_again_to_who_subscribes_later() -> None:
    async def scenario() -> None:
        exchange = listed()
        async with serving(exchange) as running, client(running, "/ws/btcusdt@trade") as trades:
            for request_id in range(2):
                assert (await ask(trades, "SUBSCRIBE", "btcusdt@trade", request_id=request_id))["id"] == request_id
                exchange.new(BUY, 102, 1)
                message = await receive(trades)
                assert (message["e"], message["t"], message["p"]) == ("trade", 6 + 2 * request_id, "1.02000000")
                assert (await ask(trades, "UNSUBSCRIBE", "btcusdt@trade"))["result"] is None

    run(scenario())


def test_every_stream_goes_on_with_what_happens() -> None:
    async def scenario() -> None:
        exchange = listed()
        names = ["trade", "bookTicker", "depth@100ms", "depth", "depth20@100ms", "depth20", "book5"]
        async with serving(exchange) as running, client(running, "/stream") as connection:
            await ask(connection, "SUBSCRIBE", *(f"btcusdt@{name}" for name in names))
            for _ in range(len(names) - 3):  # there was no difference yet, and trades are told once
                await receive(connection)
            exchange.new(BUY, 102, 7)
            latest: dict[str, Any] = {}
            while len(latest) < len(names):
                message = await receive(connection)
                latest[message["stream"].removeprefix("btcusdt@")] = message["data"]
        assert latest["trade"]["t"] == 6
        assert latest["trade"]["m"] is False
        assert (latest["bookTicker"]["b"], latest["bookTicker"]["a"]) == ("1.02000000", "0.00000000")
        for name in ("depth", "depth@100ms"):
            assert (latest[name]["U"], latest[name]["u"]) == (5, 6)
            assert (latest[name]["b"], latest[name]["a"]) == (levels((102, 2)), levels((102, 0)))
        for name in ("depth20", "depth20@100ms"):
            assert latest[name] == {"lastUpdateId": 6, "bids": levels((102, 2), (100, 4)), "asks": []}
        assert latest["book5"] == [{"U": 5, "u": 6, "s": 7, "b": levels((102, 2), (100, 4)), "a": []}]

    run(scenario())


def test_subscribes_unsubscribes_and_lists() -> None:
    async def scenario() -> None:
        exchange = listed()
        async with serving(exchange) as running, client(running, "/ws/0") as connection:
            assert await ask(connection, "LIST_SUBSCRIPTIONS", request_id=3) == {"result": [], "id": 3}
            assert await ask(connection, "SUBSCRIBE", "btcusdt@trade", "ethusdt@trade", request_id="x") == {
                "result": None,
                "id": "x",
            }
            assert await ask(connection, "SUBSCRIBE", "btcusdt@trade", request_id=4) == {"result": None, "id": 4}
            listing = await ask(connection, "LIST_SUBSCRIPTIONS", request_id=None)
            assert listing == {"result": ["btcusdt@trade", "ethusdt@trade"], "id": None}
            assert (await ask(connection, "UNSUBSCRIBE", "btcusdt@trade", "btcusdt@depth"))["result"] is None
            exchange.new(BUY, 102, 1)
            assert await silent(connection)
            exchange.new(SELL, 50, 1, instrument=2)
            exchange.new(BUY, 50, 1, instrument=2)
            assert (await receive(connection))["s"] == "ETHUSDT"

    run(scenario())


def test_combined_connections_wrap_what_was_named_in_the_target_too() -> None:
    async def scenario() -> None:
        exchange = listed()
        async with (
            serving(exchange) as running,
            client(running, "/stream?streams=btcusdt@bookTicker/btcusdt@depth5") as combined,
            client(running, "/ws/btcusdt@bookTicker") as raw,
        ):
            first, second = await receive(combined), await receive(combined)
            assert first == {"stream": "btcusdt@bookTicker", "data": await receive(raw)}
            assert second["stream"] == "btcusdt@depth5"
            assert await ask(combined, "SUBSCRIBE", "btcusdt@book5", request_id=9) == {"result": None, "id": 9}
            assert (await receive(combined))["stream"] == "btcusdt@book5"

    run(scenario())


def test_what_is_known_is_subscribed_to_and_what_is_not_is_named() -> None:
    async def scenario() -> None:
        async with serving(listed()) as running, client(running, "/ws") as connection:
            names = ["btcusdt@kline_2m", "btcusdt@depth5", "xyz@trade"]
            told = await ask(connection, "SUBSCRIBE", *names, request_id=8)
            assert told == {"result": None, "id": 8, "unknown": ["btcusdt@kline_2m", "xyz@trade"]}
            assert (await receive(connection))["bids"] == BIDS
            told = await ask(connection, "SUBSCRIBE", "xyz@trade", "btcusdt@depth5", request_id=9)
            assert told == {"result": None, "id": 9, "unknown": ["xyz@trade"]}
            assert (await ask(connection, "LIST_SUBSCRIPTIONS"))["result"] == ["btcusdt@depth5"]

    run(scenario())


def test_a_request_that_fails_subscribes_to_nothing() -> None:
    async def scenario() -> None:
        async with serving(listed()) as running, client(running, "/ws") as connection:
            refusal = await ask(connection, "SUBSCRIBE", "btcusdt@nonsense", request_id=8)
            error = {"code": 2, "msg": "Invalid request: unknown stream 'btcusdt@nonsense'"}
            assert refusal == {"error": error, **error, "id": 8}
            many = [f"i{i}@book20" for i in range(server.MAX_SUBSCRIPTIONS + 1)]
            assert len(json.dumps(many)) < server.MAX_REQUEST_BYTES
            assert "unknown stream 'i0@book20', " in (await ask(connection, "SUBSCRIBE", *many))["msg"]
            await connection.send("not json")
            assert (await receive(connection))["code"] == 3
            assert (await ask(connection, "LIST_SUBSCRIPTIONS"))["result"] == []

    run(scenario())


def test_times_come_in_microseconds_to_who_asked_for_them() -> None:
    async def scenario() -> None:
        exchange = listed()
        streams = "btcusdt@trade/btcusdt@depth@100ms/btcusdt@phase/btcusdt@auction"
        async with (
            serving(exchange) as running,
            client(running, f"/stream?streams={streams}") as plain,
            client(running, f"/stream?streams={streams}&timeUnit=MICROSECOND") as exact,
        ):
            exchange.new(BUY, 102, 1)
            told = [[await receive(each) for _ in range(4)] for each in (plain, exact)]
            in_ms, in_us = ({message["stream"]: message["data"] for message in of} for of in told)
            at_us = 1_700_000_000_000_000 + exchange.cause * 1000 + 345
            assert (in_us["btcusdt@trade"]["E"], in_us["btcusdt@trade"]["T"]) == (at_us, at_us)
            assert in_us["btcusdt@depth@100ms"]["E"] == at_us
            for name, message in in_ms.items():
                assert message == in_us[name] | {key: in_us[name][key] // 1000 for key in "ET" if key in message}
            async with client(running, "/ws/btcusdt@depth@100ms?timeUnit=microsecond") as late:
                assert await receive(late) == in_us["btcusdt@depth@100ms"]
                assert (await ask(late, "SUBSCRIBE", "btcusdt@trade"))["result"] is None
                exchange.new(BUY, 102, 1)
                assert (await receive(late))["E"] == at_us + 1000
            status, body = await status_of(running, "/ws?timeUnit=NANOSECOND")
            assert (status, "timeUnit must be one of" in body["msg"]) == (400, True)

    run(scenario())


def test_the_property_says_whether_messages_are_wrapped() -> None:
    async def scenario() -> None:
        exchange = listed()
        async with serving(exchange) as running, client(running, "/ws/btcusdt@trade") as connection:

            async def request(method: str, *params: Any) -> Any:
                await connection.send(json.dumps({"method": method, "params": params, "id": 5}))
                return await receive(connection)

            assert await request("GET_PROPERTY", "combined") == {"result": False, "id": 5}
            assert await request("SET_PROPERTY", "combined", True) == {"result": None, "id": 5}
            assert await request("GET_PROPERTY", "combined") == {"result": True, "id": 5}
            exchange.new(BUY, 102, 1)
            told = await receive(connection)
            assert (told["stream"], told["data"]["t"]) == ("btcusdt@trade", 6)
            assert (await request("SUBSCRIBE", "btcusdt@bookTicker"))["result"] is None
            assert (await receive(connection))["stream"] == "btcusdt@bookTicker"
            assert (await request("SET_PROPERTY", "combined", False))["result"] is None
            exchange.new(BUY, 102, 1)
            assert {(await receive(connection))["s"] for _ in range(2)} == {"BTCUSDT"}
            assert (await request("LIST_SUBSCRIPTIONS"))["result"] == ["btcusdt@trade", "btcusdt@bookTicker"]

    run(scenario())


async def status_of(running: Running, target: str) -> tuple[int, Any]:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(running.url + target):
            pass
    body = caught.value.response.body
    return caught.value.response.status_code, json.loads(body)


def test_refuses_in_the_handshake_what_it_will_not_serve() -> None:
    async def scenario() -> None:
        async with serving(listed(), max_clients=1) as running:
            assert (await status_of(running, "/nothing"))[0] == 404
            status, body = await status_of(running, "/ws/btcusdt@nonsense")
            assert (status, body["msg"]) == (400, "Invalid request: unknown stream 'btcusdt@nonsense'")
            async with client(running, "/ws/btcusdt@bookTicker") as connection:
                status, body = await status_of(running, "/ws")
                assert (status, body["msg"]) == (503, "Too many clients: try again later")
                await receive(connection)
            async with asyncio.timeout(5):  # the place is free again
                while True:
                    try:
                        async with client(running, "/ws/btcusdt@bookTicker") as connection:
                            await receive(connection)
                            break
                    except InvalidStatus:
                        await asyncio.sleep(0.01)

    run(scenario())


def test_silent_sockets_and_idle_clients_give_way_to_who_subscribes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_HANDSHAKES", 2)

    async def scenario() -> None:
        async with serving(listed(), max_clients=2, max_clients_per_address=10) as running:
            port = running.publisher.port
            silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(6)]
            async with client(running, "/ws/btcusdt@bookTicker") as subscribed, client(running, "/ws") as idle:
                await receive(subscribed)
                async with client(running, "/ws/btcusdt@bookTicker") as last:
                    await receive(last)
                    assert (await close_of(idle))[0] == 1006
                    assert (await status_of(running, "/ws"))[0] == 503
            for _, writer in silent:
                writer.close()

    run(scenario())


def test_an_address_has_its_own_quota() -> None:
    async def scenario() -> None:
        async with (
            serving(listed(), max_clients=10, max_clients_per_address=2) as running,
            client(running, "/ws/btcusdt@bookTicker") as first,
            client(running, "/ws/btcusdt@bookTicker") as second,
        ):
            await receive(first)
            await receive(second)
            with pytest.raises((InvalidMessage, ConnectionError)):
                async with client(running, "/ws/btcusdt@bookTicker"):
                    pass

    run(scenario())


async def close_of(connection: ClientConnection) -> tuple[int | None, str | None]:
    """The code and reason that the server closed with, once everything before is read."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.recv()
    return connection.close_code, connection.close_reason


def test_closes_who_sends_too_much_or_too_often() -> None:
    async def scenario() -> None:
        async with serving(listed()) as running:
            async with client(running, "/ws") as large:
                await large.send("x" * (server.MAX_REQUEST_BYTES + 1))
                assert (await close_of(large))[0] == 1009
            async with client(running, "/ws") as frequent:
                for _ in range(server.MAX_REQUESTS_PER_SECOND + 10):
                    await frequent.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
                assert await close_of(frequent) == (1008, server.TOO_MANY_REQUESTS)

    run(scenario())


def test_a_connection_has_1024_streams_and_no_more() -> None:
    async def scenario() -> None:
        exchange = Exchange()
        for instrument in range(1, 121):
            exchange.list_instrument(instrument, b"LONGSYMBOL%d" % instrument)
        async with serving(exchange) as running, client(running, "/ws") as greedy, client(running, "/ws") as connection:
            kinds = ["bookTicker", "depth5", "depth10", "depth20", "depth5@100ms", "book5", "book10", "book20", "phase"]
            names = [f"longsymbol{number}@{kind}" for number in range(1, 121) for kind in kinds]
            refusal = await ask(greedy, "SUBSCRIBE", *names[: server.MAX_SUBSCRIPTIONS + 1])
            assert refusal["msg"] == server.TOO_MANY_STREAMS
            assert (await ask(connection, "SUBSCRIBE", *names[: server.MAX_SUBSCRIPTIONS]))["result"] is None
            for _ in range(server.MAX_SUBSCRIPTIONS):
                await receive(connection)
            refusal = await ask(connection, "SUBSCRIBE", names[-1])
            assert refusal["msg"] == server.TOO_MANY_STREAMS
            listing = await ask(connection, "LIST_SUBSCRIPTIONS")
            assert listing["result"] == names[: server.MAX_SUBSCRIPTIONS]
            for turn in range(5):
                await connection.send(json.dumps({"method": "SET_PROPERTY", "params": ["combined", turn % 2 == 0]}))
            assert await close_of(connection) == (1008, server.TOO_MANY_NAMES)

    run(scenario())


def test_does_not_compress_and_answers_pings() -> None:
    async def scenario() -> None:
        async with serving(listed()) as running, client(running, "/ws", compression="deflate") as connection:
            assert connection.response is not None
            assert "Sec-WebSocket-Extensions" not in connection.response.headers
            async with asyncio.timeout(5):
                await (await connection.ping())

    run(scenario())


def test_its_own_pings_are_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that decodes them (nautilus_trader) trips on anything else."""
    monkeypatch.setattr(server, "PING_INTERVAL_S", 0.01)
    pings: asyncio.Queue[bytes] = asyncio.Queue()

    class Pinged(ClientConnection):
        def process_event(self, event: Event) -> None:
            if isinstance(event, Frame) and event.opcode is Opcode.PING:
                pings.put_nowait(bytes(event.data))
            super().process_event(event)

    async def scenario() -> None:
        async with serving(listed()) as running, client(running, "/ws", create_connection=Pinged):
            async with asyncio.timeout(5):
                seen = [await pings.get() for _ in range(8)]
            assert all(ping.isascii() for ping in seen), seen
            assert len(set(seen)) == len(seen)

    run(scenario())


def test_stopping_says_goodbye() -> None:
    async def scenario() -> None:
        async with serving(listed()) as running, client(running, "/ws/btcusdt@bookTicker") as connection:
            await receive(connection)
            async with client(running, "/stream?streams=!miniTicker@arr@1000ms") as combined:
                await running.publisher.stop()
                event = await receive(connection)
                assert (event["e"], event["E"] > 0) == ("serverShutdown", True)
                wrapped = await receive(combined)
                assert (wrapped["stream"], wrapped["data"]["e"]) == ("!serverShutdown", "serverShutdown")
                assert (await close_of(connection))[0] == (await close_of(combined))[0] == 1001

    run(scenario())
