"""Sends events that the person on duty should know to a command or web server, and retries until they are taken.

Undelivered events are kept in a file for the next start; each is sent at least once, under one id. Nothing waits for
it.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import shlex
import signal
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, structs

from lockstep.config.schema import AlertsSection
from lockstep.core.files import atomic_file

MAX_WAITING = 1000  # events; beyond, the oldest are dropped, and the next one sent says how many
TRY_S = 30.0  # for a command or a server to take an event
FIRST_DELAY_S = 1.0
MAX_DELAY_S = 60.0
LAST_WORDS_S = 5.0  # at the end: the next start sends what is not taken by then

Kind = Literal[
    "process_restarted",  # one process, or the core, or the whole venue starts again
    "venue_failed",  # it can't start, or has given up
    "orders_refused",  # the disk is nearly full: JOURNAL_FULL
    "orders_taken",  # it has space again
    "disk_low",
    "database_behind",
    "database_caught_up",
    "snapshot_failed",
    "commits_wait",  # no order is acknowledged: the other node, or the journal's disk, does not answer
    "commits_resumed",
    "link_lost",  # of two nodes: no link between them for a while
    "link_back",
    "promoted",  # this node has begun to lead in the other one's place
    "fenced",  # the other node leads, or is to: this one releases nothing more
    "differs",  # the two nodes' states differ
    "witness_trouble",  # etcd is away, or says what can't be: a primary may have stopped releasing
    "witness_well",
]


class Event(Struct, frozen=True):
    """What happened, at a `time` in UTC; `dropped` events before it were not kept. `left`: receivers yet to take it."""

    id: str
    time: str
    venue: str
    event: Kind
    message: str
    dropped: int = 0
    left: tuple[str, ...] = ()


class Alerts:
    """The events of venue `name`; `file` keeps those that wait. `report` gets a line when sending begins to fail."""

    def __init__(self, settings: AlertsSection, name: str, file: Path, report: Callable[[str], None]) -> None:
        self._ways: dict[str, Callable[[Event], Awaitable[str]]] = {}
        if settings.command:
            self._ways["command"] = partial(_run, settings.command)
        if settings.webhook:
            self._ways["webhook"] = _Webhook(settings.webhook).post
        self._name = name
        self._file = file
        self._report = report
        self._waiting = self._load()
        self._more = {way: asyncio.Event() for way in self._ways}
        self._failing: set[str] = set()

    def tell(self, event: Kind, message: str) -> None:
        """Have it sent to all configured receivers, as soon as they take it."""
        if not self._more:
            return
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
        if len(self._waiting) >= MAX_WAITING:
            dropped = self._waiting[0].dropped + 1
            self._waiting[:2] = [structs.replace(self._waiting[1], dropped=self._waiting[1].dropped + dropped)]
        self._waiting.append(Event(uuid.uuid4().hex, now, self._name, event, message, left=tuple(self._more)))
        self._keep()
        for more in self._more.values():
            more.set()

    async def run(self) -> None:
        """Send what waits, in order, for ever; a receiver that takes nothing delays only itself."""
        await asyncio.gather(*(self._serve(way) for way in self._more))

    async def close(self, running: asyncio.Task[None]) -> None:
        """Give what waits a last chance, then end; the rest is in the file."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                while self._waiting and not self._failing:
                    await asyncio.sleep(0.05)  # `running` empties it
        running.cancel()
        await asyncio.wait({running})

    async def _serve(self, way: str) -> None:
        delay_s = FIRST_DELAY_S
        while True:
            event = next((each for each in self._waiting if way in each.left), None)
            if event is None:
                self._more[way].clear()
                await self._more[way].wait()
                continue
            problem = await self._ways[way](event)
            if not problem:
                delay_s = FIRST_DELAY_S
                self._failing.discard(way)
                self._taken(event.id, way)
                continue
            if way not in self._failing:
                self._failing.add(way)
                self._report(f"alerts.{way} has not taken an event, and is tried again: {problem}")
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, MAX_DELAY_S)

    def _taken(self, id: str, way: str) -> None:
        self._waiting = [
            structs.replace(each, left=tuple(other for other in each.left if other != way)) if each.id == id else each
            for each in self._waiting
        ]
        self._waiting = [each for each in self._waiting if each.left]
        self._keep()

    def _load(self) -> list[Event]:
        try:
            waiting = msgspec.json.decode(self._file.read_bytes(), type=list[Event])
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            self._report(f"{self._file} can't be read, and the events in it are not told: {error}")
            return []
        # A receiver that is no longer configured takes nothing.
        left = [structs.replace(each, left=tuple(way for way in each.left if way in self._ways)) for each in waiting]
        return [each for each in left if each.left]

    def _keep(self) -> None:
        with suppress(OSError):  # on a full disk they are sent from memory
            atomic_file.replace(self._file, msgspec.json.encode(self._waiting))


def _body(event: Event) -> bytes:
    told = structs.asdict(event)
    del told["left"]
    return msgspec.json.encode(told)


async def _run(command: str, event: Event) -> str:
    """Run the command with the event as JSON on its standard input; why it has not taken it, "" if it has.

    It has a session of its own: Ctrl-C is not for it. If it does not end in time, it is killed with all it started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *shlex.split(command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=os.environ | {"LOCKSTEP_EVENT": event.event},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return str(error)
    try:
        async with asyncio.timeout(TRY_S):
            await process.communicate(_body(event))
    except TimeoutError:
        return f"it has not ended after {TRY_S:g} s"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return f"it ended with code {process.returncode}" if process.returncode else ""


class _Webhook:
    """A web server's address, and the one request that may be under way to it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread: threading.Thread | None = None

    async def post(self, event: Event) -> str:
        """POST the event as JSON; why it was not taken, "" if it was."""
        if self._thread is not None and self._thread.is_alive():
            return "it still has not answered an earlier event"
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()

        def tell(problem: str) -> None:
            if not answer.done():
                answer.set_result(problem)

        def send() -> None:
            problem = self._send(event)
            with suppress(RuntimeError):  # the loop is closed: nothing waits
                loop.call_soon_threadsafe(tell, problem)

        # Not an executor: the supervisor's exit would wait for its threads, however long a server takes.
        self._thread = threading.Thread(target=send, name="webhook", daemon=True)
        self._thread.start()
        try:
            async with asyncio.timeout(TRY_S):
                problem = await answer
            self._thread.join()  # it has told, and ends
            return problem
        except TimeoutError:
            return f"it has not answered after {TRY_S:g} s"

    def _send(self, event: Event) -> str:
        headers = {"Content-Type": "application/json"}
        try:
            request = urllib.request.Request(self._url, _body(event), headers, method="POST")
            with _OPENER.open(request, timeout=TRY_S):
                return ""
        except urllib.error.HTTPError as error:
            with error:
                return f"it answers {error.code}"
        except OSError as error:
            return str(error)
        except (ValueError, http.client.HTTPException) as error:
            return type(error).__name__  # its text may quote the URL, which may have a token in it


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would turn the POST into a GET without the event. Configure the new address."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)
