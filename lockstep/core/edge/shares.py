"""Bounds what one party has under way at something that all share, so that it always leaves room for others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from lockstep.core.edge.party import party_of
from lockstep.core.edge.turns import BusyError

# Set by a server in the context of a request: the address of its client.
client_address: ContextVar[str] = ContextVar("client_address", default="")


class Share:
    """One party's: how many of it are under way or wait."""

    def __init__(self, at_once: int) -> None:
        self.free = asyncio.Semaphore(at_once)
        self.count = 0


class Shares:
    """At most `at_once` of each party are under way; others of it wait for `wait_s` seconds at most, in their order."""

    def __init__(self, at_once: int, wait_s: float) -> None:
        self._at_once = at_once
        self._wait_s = wait_s
        self._shares: dict[str, Share] = {}

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Hold one of the shares of the client that asks. BusyError."""
        party = party_of(client_address.get())
        share = self._shares.setdefault(party, Share(self._at_once))
        share.count += 1
        try:
            await self._acquire(share)
            try:
                yield
            finally:
                share.free.release()
        finally:
            share.count -= 1
            if not share.count:
                del self._shares[party]

    async def _acquire(self, share: Share) -> None:
        try:
            async with asyncio.timeout(self._wait_s):
                await share.free.acquire()
        except TimeoutError:
            raise BusyError("too much of this address waits already") from None

    def __len__(self) -> int:
        """How many parties have something under way, or waiting."""
        return len(self._shares)
