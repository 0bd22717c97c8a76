"""A real browser before a real venue. Where there is no Chromium, or the page was not built, tests say so and skip."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from bench.browser import ALONE, CHROMIUM
from lockstep.procs.api.page import FOLDER
from tests.pipeline.conftest import RunningVenue, one_for_all

Held = TypeVar("Held")
PATIENCE_MS = 20_000
LOOK_MS = 20
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium, for one file: beside Playwright no other test can run an event loop of its own."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: install it, or say where it is by CHROMIUM")
    if not (FOLDER / "index.html").exists():
        pytest.skip("the page is not built: make page")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ALONE)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    with one_for_all(tmp_path_factory) as running:
        yield running


def held(page: Page, kept: list[Held]) -> Held:
    """What the handler of a route keeps, once it has it. TimeoutError."""
    deadline = time.monotonic() + PATIENCE_MS / 1e3
    while not kept:
        if time.monotonic() > deadline:
            raise TimeoutError("the page never asked for it")
        page.wait_for_timeout(LOOK_MS)
    return kept.pop()


class Watched:
    """What a browser did that it must not: hosts that it asked, errors, what its policy forbade."""

    def __init__(self, context: BrowserContext, venue: RunningVenue) -> None:
        self._own = f"127.0.0.1:{venue.api_port}"
        self.hosts: set[str] = set()
        self.errors: list[str] = []
        self._allowed = ["status of 401"]  # a browser notes each refusal: nobody is logged in at first
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def allow(self, *words: str) -> None:
        """Errors with these words are what a test is about."""
        self._allowed += words

    def _request(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            self.hosts.add(request.url.split("/")[2])

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(words in message.text for words in self._allowed):
            self.errors.append(message.text)

    def check(self) -> None:
        assert self.hosts <= {self._own}, self.hosts
        assert not self.errors


@pytest.fixture
def watched(browser: Browser, venue: RunningVenue) -> Iterator[tuple[Page, Watched]]:
    """A new person's browser at the venue's page."""
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{venue.api_port}", viewport={"width": 1440, "height": 900}
    )
    context.set_default_timeout(PATIENCE_MS)
    seen = Watched(context, venue)
    yield context.new_page(), seen
    context.close()
    seen.check()


@pytest.fixture
def page(watched: tuple[Page, Watched]) -> Page:
    return watched[0]
