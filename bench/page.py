"""Row `page`: what the web page costs the one who looks at it, in headless Chromium, while markets are busy.

The demo venue, three markets over FIX and the browser share the machine. Orders are clicked, pages begin with an empty
cache, and a naive page draws each message as it comes. Then three windows show one market each, one of them as depth:
together their sockets get all trades of the three. Their heap is measured over ten minutes: MINUTES=2 in the
environment makes them fewer.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.browser import CHROMIUM, Browser, Cost, Heap, Window, chromium
from bench.busy_market import MARKETS
from lockstep.cli import throwaway
from lockstep.procs.api.page import FOLDER

MINUTES = float(os.environ.get("MINUTES", "10"))
DEMO = Path(__file__).parents[1] / "lockstep" / "config" / "demo.toml"
PROBE = Path(__file__).with_name("page_probe.js").read_text()
NAIVE = Path(__file__).with_name("naive_page.js").read_text()
TAKES_PER_S = 5_000  # orders that trade at once, over all markets
QUOTES_PER_S = 1_000  # orders cancelled, and others put in their places
SETTLED_S = 10  # after a page has begun
STEADY_S = 30
COUNTED_S = 5
HISTORY_S = 510  # until a chart has as many candles as it keeps: what it still gets is not its heap's growth
FIRST_S = 60  # then the heap is looked at
LOADS = 10
ORDERS = 250
PERSON = "TRADER8"
FAR = "30000"  # a price at which nothing trades


class Site(NamedTuple):
    """A running venue: where its page is."""

    browser: Browser
    url: str

    def window(self, symbol: str) -> Window:
        """A window on a market, once it shows its book and its candles."""
        window = Window(self.browser, PROBE)
        window.open(f"{self.url}/trade/{symbol}")
        window.wait("window.bench && bench.cold() !== null")
        return window


def _write_config(folder: Path) -> tuple[Path, dict[str, int]]:
    """The demo's configuration with ports and a folder of its own."""
    text = DEMO.read_text().replace('data = "lockstep-data"', f'data = "{folder / "data"}"')
    ports = {"fix": throwaway.free_port(), "api": throwaway.free_port()}
    for old, new in ((9878, ports["fix"]), (8080, ports["api"]), (8081, throwaway.free_port()), (9879, 0)):
        text = text.replace(f"\nport = {old} ", f"\nport = {new} ")
    path = folder / "venue.toml"
    path.write_text(text)
    return path, ports


@contextmanager
def _busy_markets(fix_port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.busy_market", str(fix_port), str(TAKES_PER_S), str(QUOTES_PER_S)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("the markets did not open")
        yield
        if process.poll() is not None:
            raise RuntimeError("the markets ended before the measurement")
        process.stdin.close()


def _costs(windows: list[Window], seconds: float) -> list[Cost]:
    """What each window takes a second."""
    before = [window.cost() for window in windows]
    time.sleep(seconds)  # the span that is measured
    return [window.cost().per_s_since(then) for window, then in zip(windows, before, strict=True)]


def _counted(windows: list[Window]) -> float:
    """Messages a second that come to all of them."""
    for window in windows:
        window.run(f"void (bench.counted = bench.count({COUNTED_S}))")
    return float(sum(window.run("bench.counted") for window in windows)) / COUNTED_S


def _steady(site: Site) -> tuple[list[dict[str, object]], float]:
    """The three windows for as long as the heap is watched; and microseconds of main thread for a message."""
    began_s = time.monotonic()
    windows = [site.window(symbol) for symbol, _ in MARKETS]
    windows[1].click("bench.named('Depth')")
    time.sleep(SETTLED_S)  # what a page does once, at its beginning, is not its steady cost
    _long_tasks(windows)
    costs = _costs(windows, STEADY_S)
    rows = _tasks(_long_tasks(windows), f"in {STEADY_S} s, of the three (mark: none)")
    messages = _counted(windows)
    rows += _drawn(windows)
    time.sleep(max(began_s + FIRST_S - time.monotonic(), 0))  # to where growth is counted from
    before = [window.heap() for window in windows]
    _long_tasks(windows)
    time.sleep(max(began_s + MINUTES * 60 - time.monotonic(), 0))  # the span that is measured
    rows += _tasks(_long_tasks(windows), f"in the rest of {MINUTES:g} minutes")
    after = [window.heap() for window in windows]
    for window in windows:
        window.close()
    ran = sum(cost.ran_ms for cost in costs)
    return [
        _row(round(messages), "messages/s", "of the market, to the sockets of three windows together"),
        _row(round(ran), "ms/s", "that the main threads of the three ran, together (mark: 400)"),
        _row(round(max(cost.ran_ms for cost in costs)), "ms/s", "of these, the one that ran most"),
        _row(
            round(max(cost.worked_ms for cost in costs)), "ms/s", "the most of one, its waits for a processor included"
        ),
        *rows,
        *_growth(before, after),
    ], ran * 1e3 / messages


def _growth(before: list[Heap], after: list[Heap]) -> list[dict[str, object]]:
    scripts = max(now.scripts / then.scripts for then, now in zip(before, after, strict=True)) - 1
    data = max(now.data / then.data for then, now in zip(before, after, strict=True)) - 1
    when = f"from its first minute until {MINUTES:g}"
    return [
        _row(round(scripts * 100, 1), "%", f"that a heap grew {when} (mark: 10)"),
        _row(round(data * 100, 1), "%", "the same of its data: without what the browser compiled meanwhile"),
        _row(round(max(heap.scripts for heap in before) / 1e6, 1), "MB", "the largest heap after a minute"),
    ]


def _long_tasks(windows: list[Window]) -> list[float]:
    """Milliseconds of each task longer than 50 since they were asked for last."""
    return [task for window in windows for task in window.run("bench.longTasks()")]


def _tasks(found: list[float], when: str) -> list[dict[str, object]]:
    return [
        _row(len(found), "tasks", f"longer than 50 ms {when}"),
        _row(round(max(found, default=0)), "ms", "the longest of them"),
    ]


def _drawn(windows: list[Window]) -> list[dict[str, object]]:
    """How often ladders and tapes change."""
    drawn = [window.run(f"bench.draws({COUNTED_S})") for window in windows]
    often = max(draw["draws"] for draw in drawn) / COUNTED_S / 2
    return [
        _row(
            max(draw["most"] for draw in drawn), "times", "that ladder or tape changed in one frame, at most (mark: 1)"
        ),
        _row(round(often, 1), "times/s", "that each of them changed"),
    ]


def _naive(site: Site) -> float:
    """Microseconds of main thread for a message of a page that draws each."""
    window = Window(site.browser, PROBE)
    window.open(f"{site.url}/api/v3/ping")
    window.wait("document.readyState === 'complete' && window.bench !== undefined")
    window.run(f"{NAIVE}\nnaive('{MARKETS[0][0].lower()}')")
    window.wait("document.querySelectorAll('#tape tr').length === 30")
    window.run(f"void (bench.counted = bench.count({STEADY_S / 2}))")
    (cost,) = _costs([window], STEADY_S / 2)
    messages = float(window.run("bench.counted"))
    window.close()
    return cost.ran_ms * 1e3 / (messages / (STEADY_S / 2))


def _orders(site: Site) -> list[dict[str, object]]:
    """From the click until the order is among the open ones, one after the other; each is cancelled."""
    window = site.window(MARKETS[0][0])
    window.click("bench.element('login-open')")
    window.wait("bench.element('login-name') !== null")
    window.run(f"bench.type('login-name', '{PERSON}'); bench.type('login-password', 'demo')")
    window.click("bench.element('login-submit')")
    window.wait("bench.element('login-submit') === null && bench.element('who') !== null")
    window.run(f"bench.type('ticket-price', '{FAR}'); bench.type('ticket-quantity', '0.001')")
    took_ms = []
    for _ in range(ORDERS):
        window.run("bench.awaitOrder()")
        window.click("bench.element('ticket-submit')")
        took_ms.append(float(window.run("bench.rested")))
        window.run("bench.cancel()")
        window.wait("bench.orders() === 0")
    window.close()
    took_ms.sort()
    what = f"from the click until an order is shown among the open ones, of {ORDERS}"
    return [
        _row(round(took_ms[ORDERS // 2], 1), "ms", f"{what}, p50 (mark: 60)"),
        _row(round(took_ms[ORDERS * 99 // 100], 1), "ms", f"{what}, p99 (mark: 250)"),
    ]


def _cold(site: Site) -> list[dict[str, object]]:
    """Pages that begin with an empty cache, one after the other."""
    shown, size = [], 0
    for number in range(LOADS):
        window = site.window(MARKETS[number % len(MARKETS)][0])
        shown.append(max(window.run("bench.cold()").values()))
        size = window.run("bench.scriptBytes()")
        window.close()
    what = "until a page with an empty cache shows a candle and the ladder"
    return [
        _row(round(size / 1e3), "kB", "of JavaScript, compressed (mark: 200)"),
        _row(round(statistics.median(shown)), "ms", f"{what}, the median of {LOADS} (mark: 1500)"),
        _row(round(max(shown)), "ms", f"{what}, the slowest of {LOADS}"),
    ]  # fmt: skip


def run() -> list[dict[str, object]]:
    """All of it, or nothing where there is no browser or no page."""
    if CHROMIUM is None:
        print("there is no Chromium here: install it, or say where it is by CHROMIUM; row page is skipped")
        return []
    if not (FOLDER / "index.html").exists():
        print("the page is not built: make page; row page is skipped")
        return []
    os.sync()  # this measurement must not wait for what the last one wrote
    with throwaway.folder(None) as folder:
        config, ports = _write_config(folder)
        with throwaway.running(config):
            throwaway.await_database(config)
            with _busy_markets(ports["fix"]), chromium() as browser:
                site = Site(browser, f"http://127.0.0.1:{ports['api']}")
                began_s = time.monotonic()
                others = [*_orders(site), *_cold(site)]
                naive_us = _naive(site)
                time.sleep(max(began_s + min(HISTORY_S, MINUTES * 60) - time.monotonic(), 0))  # see HISTORY_S
                rows, own_us = _steady(site)
                rows += [
                    _row(round(own_us, 1), "µs", "of main thread for a message, of the three"),
                    _row(round(naive_us, 1), "µs", "the same of a naive page, which draws each message"),
                    _row(round(own_us / naive_us, 3), "x", "the one over the other (mark: 0.2)"),
                ]
                return [*rows, *others]


def _row(value: float, unit: str, what: str) -> dict[str, object]:
    return {"row": "page", "value": value, "unit": unit, "what": what}
