"""Streams of accounts and the rights that they were opened by, which can end while they are open.

A right is an API key as it was when the stream was opened. It ends when the key is revoked or expires, and with the
rights of the key's account: another password, another role, a lock by an operator.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from lockstep.core.schema.enums import KeyScope
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.keys import ApiKey

LOOK_S = 0.25  # between two looks for rights that end by time


class Right:
    """A key, and the rights of its account, as they were. `is_over` once its connection has logged out."""

    __slots__ = ("account", "is_over", "key", "rights")

    def __init__(self, key: bytes, account: int, rights: int) -> None:
        self.key = key
        self.account = account
        self.rights = rights
        self.is_over = False


class StreamRights:
    """Judges rights, and calls what ends a stream once its right has ended. `now_ns` is the venue's clock."""

    def __init__(self, desk: Desk, now_ns: Callable[[], int]) -> None:
        self._desk = desk
        self._now_ns = now_ns
        self._open: dict[object, tuple[Callable[[], bool], Callable[[], None]]] = {}
        self._look = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        desk.people.watchers.append(self._look.set)

    def of(self, key: ApiKey) -> Right:
        """The right that a key gives now."""
        return Right(key.name, key.account, self._desk.accounts.rights_of(key.account))

    def holds(self, right: Right) -> bool:
        """Whether a right has not ended. A name is given to one key only, so a key of that name is the same key."""
        key = self._desk.keys.find(right.key)
        if key is None or not key.may(KeyScope.READ, self._now_ns()):
            return False
        return self._desk.accounts.rights_of(right.account) == right.rights

    def watch(self, stream: object, holds: Callable[[], bool], end: Callable[[], None]) -> None:
        """Call `end` once, soon after `holds` has become false, unless the stream is left before."""
        self._open[stream] = holds, end
        if self._looking is None:
            self._looking = asyncio.create_task(self._keep_looking())

    def leave(self, stream: object) -> None:
        """A stream has ended by itself."""
        self._open.pop(stream, None)
        if not self._open and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _keep_looking(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), LOOK_S)
            self._look.clear()
            for stream, (holds, end) in list(self._open.items()):
                if not holds() and self._open.pop(stream, None) is not None:
                    end()
            await asyncio.sleep(0)
