"""What the venue's coroutines wait by, in simulated time: whoever has one steps it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any


class Turn:
    """What a coroutine awaits: its next turn."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class Waiting:
    """What is used of asyncio. `now_ns` is the simulation's clock."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns

    async def sleep(self, seconds: float) -> None:
        end_ns = self._now_ns() + int(seconds * 1e9)
        while self._now_ns() < end_ns:
            await Turn()

    async def to_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)
