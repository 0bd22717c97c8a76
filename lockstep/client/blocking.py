"""The blocking face: coroutines and streams of this library, run by one event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")
_beginning = threading.Lock()  # or two threads would begin a loop each


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="lockstep", daemon=True).start()
    return loop


def _forget() -> None:
    _loop.cache_clear()  # a thread is not in the child
    _beginning.release()


os.register_at_fork(before=_beginning.acquire, after_in_parent=_beginning.release, after_in_child=_forget)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Wait for a coroutine and return its result. Whatever belongs to one connection is to be run here, or nowhere."""
    with _beginning:
        loop = _loop()
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()  # Ctrl-C ends the coroutine, too
        raise


def each(messages: AsyncIterator[T]) -> Iterator[T]:
    """Yield what a stream does, waiting for each."""

    async def following() -> T:
        return await anext(messages)

    while True:
        try:
            yield run(following())
        except StopAsyncIteration:
            return
