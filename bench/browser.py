"""Headless Chromium for row `page`: windows, and what the browser says that they cost. It knows no market. Where
Chromium is, and how it is kept to itself, the page's tests know from here, too.

It speaks the browser's DevTools protocol and no more of it than it needs: a library that drives browsers has each
message of a page's sockets reported, which takes a quarter of a core at thousands a second.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from websockets.sync.client import ClientConnection, connect

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
# It runs as root in continuous integration, and talks to nobody but the venue.
ALONE = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
# Each window counts as the one in front: those behind it would be drawn seldom, by processes of low priority.
ARGUMENTS = (
    *ALONE, "--headless", "--disable-extensions", "--remote-debugging-port=0",
    "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
)  # fmt: skip
WIDTH, HEIGHT = 1440, 900
PATIENCE_S = 180.0
LOOK_S = 0.05


class Cost(NamedTuple):
    """Of a page since it began: milliseconds that its main thread ran, and that it worked, waits for a processor
    included; and when that was, in ms."""

    ran_ms: float
    worked_ms: float
    at_ms: float

    def per_s_since(self, before: Cost) -> Cost:
        """What was added after `before`, a second."""
        took_s = (self.at_ms - before.at_ms) / 1e3
        return Cost((self.ran_ms - before.ran_ms) / took_s, (self.worked_ms - before.worked_ms) / took_s, 1e3)


class Heap(NamedTuple):
    """Bytes of a page that are not garbage: of scripts' memory, what the browser compiled of them included; and of all
    that it holds without that."""

    scripts: int
    data: int


class Browser:
    """One browser, and the connection to it."""

    def __init__(self, url: str) -> None:
        self._line: ClientConnection = connect(url, max_size=None, compression=None, ping_interval=None)
        self._ids = itertools.count(1)

    def ask(
        self, method: str, session: str | None = None, told: list[dict[str, Any]] | None = None, **params: Any
    ) -> dict[str, Any]:
        """Ask the browser, or one of its windows; `told` gets what it says before it answers. RuntimeError if it
        refuses."""
        number = next(self._ids)
        asked = {"id": number, "method": method, "params": params}
        self._line.send(json.dumps(asked if session is None else asked | {"sessionId": session}))
        while True:
            said: dict[str, Any] = json.loads(self._line.recv(PATIENCE_S))
            if told is not None and "method" in said:
                told.append(said)
            if said.get("id") == number:
                if "error" in said:
                    raise RuntimeError(f"the browser refused {method}: {said['error']}")
                return said["result"]  # type: ignore[no-any-return]

    def close(self) -> None:
        self._line.close()


class Window:
    """A window with cookies and a cache of its own."""

    def __init__(self, browser: Browser, first: str) -> None:
        """`first` is a script that runs before each page's own."""
        self._browser = browser
        self._context: str = browser.ask("Target.createBrowserContext")["browserContextId"]
        target = browser.ask(
            "Target.createTarget", url="about:blank", browserContextId=self._context, width=WIDTH, height=HEIGHT
        )["targetId"]
        self._session: str = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable")
        self.ask("Page.addScriptToEvaluateOnNewDocument", source=first)
        self.ask("Performance.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.ask(method, self._session, **params)

    def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise's, when it has one. RuntimeError if it throws."""
        said = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in said:
            raise RuntimeError(f"the page threw {said['exceptionDetails']}")
        return said["result"].get("value")

    def open(self, url: str) -> None:
        self.ask("Page.navigate", url=url)

    def wait(self, script: str) -> None:
        """Until it is true. TimeoutError."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.run(script):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the page never had {script}; it shows {self.run('document.body.innerText')!r}")
            time.sleep(LOOK_S)  # the page is asked again: what it shows it tells nobody

    def click(self, element: str) -> None:
        """Click in the middle of what an expression finds, as a person does."""
        self.run(f"{element}.scrollIntoView({{ block: 'center' }})")
        box = self.run(f"{element}.getBoundingClientRect().toJSON()")
        where = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **where)

    def cost(self) -> Cost:
        found = self._metrics()
        return Cost(found["ThreadTime"] * 1e3, found["TaskDuration"] * 1e3, time.monotonic() * 1e3)

    def heap(self) -> Heap:
        self.ask("HeapProfiler.collectGarbage")
        scripts = int(self._metrics()["JSHeapUsedSize"])
        told: list[dict[str, Any]] = []
        self._browser.ask("HeapProfiler.takeHeapSnapshot", self._session, told)
        parts = (each["params"]["chunk"] for each in told if each["method"] == "HeapProfiler.addHeapSnapshotChunk")
        return Heap(scripts, _data_bytes(json.loads("".join(parts))))

    def close(self) -> None:
        self._browser.ask("Target.disposeBrowserContext", browserContextId=self._context)

    def _metrics(self) -> dict[str, float]:
        return {each["name"]: each["value"] for each in self.ask("Performance.getMetrics")["metrics"]}


def _data_bytes(snapshot: dict[str, Any]) -> int:
    """Of all that is in a snapshot of a heap and is no code."""
    meta, nodes = snapshot["snapshot"]["meta"], snapshot["nodes"]
    step, code = len(meta["node_fields"]), meta["node_types"][0].index("code")
    kinds = nodes[meta["node_fields"].index("type") :: step]
    sizes = nodes[meta["node_fields"].index("self_size") :: step]
    return sum(size for kind, size in zip(kinds, sizes, strict=True) if kind != code)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser at CHROMIUM for the time of the block."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(prefix="lockstep-browser-", ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *ARGUMENTS, f"--user-data-dir={profile}", "about:blank"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            browser = Browser(_address(process))
            try:
                yield browser
            finally:
                browser.ask("Browser.close")
                browser.close()
                process.wait(PATIENCE_S)


def _address(process: subprocess.Popen[str]) -> str:
    """Where a browser that starts says that it listens."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"ws://\S+", line):
            return found[0]
    raise RuntimeError("the browser did not start")
