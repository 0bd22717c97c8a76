"""Row `api`: what the api costs others, and what its own heavy requests cost orders.

Orders over FIX of a venue with an api beside one without, in turn. Then 64 people log in at once while orders go by the
WebSocket API at a steady rate. Then long answers are asked for, one after the other, while pings are sent at planned
times: the latest ping's answer says how long a request has kept all others waiting.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench import api_venue, rest, signed_orders, ws_api
from bench.api_load import AskingLink
from bench.telling import Load
from lockstep.cli import throwaway

ORDERS = 500_000
ROUNDS = 5
WARM_UP = 100_000
STEADY_PER_S = 1_000
STEADY = 10_000
LOGINS = 64
LISTED = 1_000  # instruments and assets
OPEN = 10_000  # orders of one account
PINGS_PER_S = 200
PINGS = 1_000
PATIENCE_S = 120
LONG_ANSWERS = (
    ("/api/v3/exchangeInfo", False), ("/api/v3/account", True), ("/api/v3/openOrders", True),
    (f"/api/v3/allOrders?symbol={api_venue.SYMBOL}&limit=1000", True), ("/sapi/v1/capital/config/getall", True),
    ("/v1/openapi.json", False), ("/docs", False),
)  # fmt: skip


@contextmanager
def _beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Have a thread work beside the block; it gets what is set when the block is over, and is waited for."""
    over = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(work, over)
        try:
            yield
        finally:
            over.set()
        done.result()


def _fix() -> list[dict[str, object]]:
    """Orders over FIX, with the api and without."""
    os.sync()  # this measurement must not wait for what the last one wrote
    rates: tuple[list[float], list[float]] = ([], [])
    with throwaway.folder(None) as one, throwaway.folder(None) as other:
        configs = api_venue.write_config(one), throwaway.write_config(other, api_venue.SYMBOL, "local")
        with throwaway.running(configs[0]), throwaway.running(configs[1]):
            sessions = [throwaway.log_on(config, api_venue.SYMBOL, api_venue.BUYER) for config in configs]
            loads = [Load(session) for session in sessions]
            for config, load in zip(configs, loads, strict=True):
                throwaway.await_database(config)
                load.rate(WARM_UP)
            for _ in range(ROUNDS):
                for side, load in zip(rates, loads, strict=True):
                    side.append(load.rate(ORDERS))
            for session in sessions:
                session.close()
    ratio = statistics.median(own / alone for own, alone in zip(*rates, strict=True))
    times = f"median of {ROUNDS} times {ORDERS:,}"
    return [
        _row(round(statistics.median(rates[1])), "orders/s", f"over FIX, of a venue without an api, {times}"),
        _row(round(statistics.median(rates[0])), "orders/s", f"over FIX, of one with an api, {times}"),
        _row(round(ratio, 2), "x", "with over without, median of the rounds"),
    ]


def _logins(port: int) -> list[dict[str, object]]:
    """Orders at a steady rate, without logins and with them."""
    rows: list[dict[str, object]] = []
    link, first = AskingLink(signed_orders.connect_websocket(port), ws_api.AHEAD), 1
    _log_in(port, 1)  # what answers /v1 is made with the first request
    tails = []
    for what, count in (("alone", 0), (f"while {LOGINS} people log in at once", LOGINS)):
        requests = ws_api.take(first, STEADY)
        first += STEADY
        with _beside(partial(_log_in, port, count)):
            ordered = api_venue.latencies([link], requests, STEADY_PER_S)
        rows += api_venue.percentiles("api", ordered, f"orders at {STEADY_PER_S:,} a second, {what}")
        tails.append(ordered[int(len(ordered) * 0.99)])
    return [*rows, _row(round(tails[1] / tails[0], 2), "x", "p99 with logins over without")]


def _log_in(port: int, count: int, _over: threading.Event | None = None) -> None:
    """So many people with a right password, each from an address of its own, all at once."""
    body = json.dumps({"name": "SELLER", "password": "demo"}).encode()
    head = (
        "POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    people = [
        socket.create_connection(("127.0.0.1", port), PATIENCE_S, source_address=(f"127.0.1.{number + 1}", 0))
        for number in range(count)
    ]
    for person in people:
        person.sendall(head.encode() + body)
    for person in people:
        said = person.recv(65536)
        if not said.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"a login was answered {said!r}")
        person.close()


def _held(port: int) -> list[dict[str, object]]:
    """Pings while long answers are made; each kind of request for a while."""
    links = rest.links(port)
    pings = [rest.PING] * PINGS
    rows = _late(api_venue.latencies(links, pings, PINGS_PER_S), "alone")
    for target, is_signed in LONG_ANSWERS:
        with _beside(partial(_ask, port, target, is_signed)):
            ordered = api_venue.latencies(links, pings, PINGS_PER_S)
        rows += _late(ordered, f"beside `GET {target.partition('?')[0]}`")
    return rows


def _late(ordered: list[int], what: str) -> list[dict[str, object]]:
    return [
        _row(round(ordered[int(len(ordered) * 0.99)] / 1e6, 2), "ms", f"a ping {what}, p99"),
        _row(round(ordered[-1] / 1e6, 2), "ms", f"a ping {what}, the latest of {len(ordered):,}"),
    ]


def _ask(port: int, target: str, is_signed: bool, over: threading.Event) -> None:
    """Ask for it again and again."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    while not over.is_set():
        headers = {"X-MBX-APIKEY": f"{api_venue.BUYER}-demo-key"} if is_signed else {}
        asked = signed_orders.signed_target(api_venue.BUYER, target) if is_signed else target
        connection.request("GET", asked, headers=headers)
        answer = connection.getresponse()
        if not answer.read() or answer.status != 200:
            raise RuntimeError(f"{target} was answered {answer.status}")
    connection.close()


def _write_large(folder: Path) -> Path:
    """The configuration of a venue that lists much, and whose buyer has some of everything."""
    config = api_venue.write_config(folder)
    assets = range(LISTED)
    listed = "".join(
        f'\n[[assets]]\nname = "A{i}"\nscale = 4\n\n[[instruments]]\nsymbol = "A{i}USD"\nbase = "A{i}"\nquote = "USD"\n'
        'tick = "0.01"\nlot = "1"\n'
        for i in assets
    )
    owned = ", ".join(f'A{i} = "1"' for i in assets)
    more = f"deposits = {{ {owned}, USD = "
    config.write_text(config.read_text().replace("deposits = { USD = ", more) + listed)
    return config


def run() -> list[dict[str, object]]:
    """The rate with and without, latencies beside logins, and beside long answers."""
    rows = _fix()
    with api_venue.running() as config:
        rows += _logins(api_venue.api_port(config))
    with api_venue.running(_write_large) as config:
        port = api_venue.api_port(config)
        api_venue.rate([AskingLink(signed_orders.connect_websocket(port), ws_api.AHEAD)], ws_api.take(1, OPEN))
        throwaway.await_database(config)
        rows += _held(port)
    return rows


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "api", "value": value, "unit": unit, "what": what}
