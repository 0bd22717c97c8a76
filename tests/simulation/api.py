"""The api without sockets: the real desk and the real dialect of REST behind it, as its host builds them.

Requests come as bytes, as uvicorn hands them on; answers are coroutines that are stepped as everything else.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from random import Random
from typing import Any, cast
from unittest.mock import patch

from lockstep.core.venue.venue import Venue
from lockstep.procs.api import __main__ as api_main
from lockstep.procs.api.asgi import Answer
from lockstep.procs.api.binance.rest import Rest
from lockstep.procs.api.desk import Desk
from lockstep.shm.bell import Reason
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer

AGENT = "api"
KEPT = 4096  # closed orders and fills: more than a run has, so that no answer needs PostgreSQL
GOES_ON = 0.8  # how likely a request that could goes on in a step


class Outcome:
    """What the desk sets, and an answer waits for: asyncio's future, in turns."""

    def __init__(self) -> None:
        self._is_done = False
        self._result: object = None
        self._error: Exception | None = None

    def done(self) -> bool:
        return self._is_done

    def set_result(self, result: object) -> None:
        self._result, self._is_done = result, True

    def set_exception(self, error: Exception) -> None:
        self._error, self._is_done = error, True

    def __await__(self) -> Generator[None, None, object]:
        while not self._is_done:
            yield
        if self._error is not None:
            raise self._error
        return self._result


class Under:
    """A request under way: `answer` once there is one; `is_lost` where its api died first."""

    def __init__(self, work: Coroutine[Any, Any, Answer]) -> None:
        self.answer: Answer | None = None
        self.is_lost = False
        self._work = work

    def go_on(self) -> None:
        try:
            self._work.send(None)
        except StopIteration as done:
            self.answer = done.value

    def lose(self) -> None:
        self._work.close()
        self.is_lost = True


class ApiStage:
    """The edge. It takes requests while its port would be open."""

    def __init__(self, venue: Venue, name: str, draw: Random, outcome: type[Outcome]) -> None:
        def desk(ingress: Any, snapshots: Any, _future: object) -> Desk:
            return Desk(ingress, snapshots, cast(Any, outcome), KEPT)

        with patch.object(api_main, "Desk", desk), patch.object(api_main, "Server", _Counter):
            made = cast(Any, api_main.build(venue, name))
        self.desk: Desk = made.desk
        self.now_ns = 0
        self._rest: Rest = made.rest
        self._rest._dialect.now_ns = lambda: self.now_ns
        self._draw = draw
        self._under_way: list[Under] = []

    @property
    def is_open(self) -> bool:
        return self.desk.commands.is_open

    def ask(self, method: str, path: str, query: bytes, key: bytes) -> Under:
        """A request has arrived, whole."""
        headers = {b"x-mbx-apikey": key}
        work = self._rest.answer(self._rest.route(method, path), query, b"", headers, "10.0.0.1")
        found = Under(work)
        self._under_way.append(found)
        return found

    def step(self, now_ns: int) -> int:
        work = self.poll(now_ns)
        if not self.desk.commands.is_open and self.desk.is_ready():
            self.desk.commands.is_open = True
            return work + 1
        for each in list(self._under_way):
            if self._draw.random() < GOES_ON:
                each.go_on()
                if each.answer is not None:
                    self._under_way.remove(each)
                    work += 1
        return work

    def poll(self, now_ns: int) -> int:
        """The desk alone, while it catches up."""
        self.now_ns = now_ns
        return self.desk.poll(now_ns)

    def wants(self) -> Reason:
        return self.desk.wants()

    def attach(self, consumers: dict[int, Consumer], board: Board) -> None:
        self.desk.attach(consumers, board)

    def die(self) -> None:
        """Its process is gone, and every connection with it."""
        for each in self._under_way:
            each.lose()
        self._under_way.clear()


class _Counter:
    """It stands where `lockstep.procs.api.server.Server` does, and takes what that takes."""

    def __init__(self, desk: Desk, _config: object, application: Any, *_parts: object) -> None:
        self.desk = desk
        self.rest: Rest = application._rest

    def attach(self, consumers: dict[int, Consumer], board: Board) -> None:
        self.desk.attach(consumers, board)
