"""Signed requests that log a connection on: each does so once, or a recorded one would log another client on.

The signed text does not name the method, so any signed request without more parameters could be sent as a logon, on
another connection. They are remembered for as long as their window may last, in memory: a restart or a failover forgets
them. To refuse what was signed before it would refuse clients that sign, and then try to connect until the api is back.
"""

from __future__ import annotations

from collections import deque
from hashlib import blake2b

from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.errors import ApiError, Number
from lockstep.procs.api.binance.signatures import AHEAD_US, MOST_WINDOW_US

KEPT_US = MOST_WINDOW_US + AHEAD_US


class Logons:
    """The signed requests of the last 61 seconds, by the signed text: the spelling of a signature changes nothing."""

    def __init__(self) -> None:
        self._by: dict[bytes, object] = {}  # whose connection sent it
        self._until_us: deque[tuple[int, bytes]] = deque()

    def use(self, call: Call, connection: object, *, logs_on: bool) -> None:
        """Remember a signed request. ApiError if it `logs_on`, and another connection has sent it before."""
        assert call.api_key is not None
        assert call.verified is not None
        now_us = call.now_ns // 1000
        while self._until_us and self._until_us[0][0] < now_us:
            self._by.pop(self._until_us.popleft()[1], None)
        digest = blake2b(call.verified, key=call.api_key.name, digest_size=16).digest()
        if digest not in self._by:
            self._by[digest] = connection
            self._until_us.append((now_us + KEPT_US, digest))
        if logs_on and self._by[digest] is not connection:
            raise used_before()


def used_before() -> ApiError:
    """The request may be a recorded one; its owner signs another."""
    text = "Another connection has sent this signed request: sign it again with a new timestamp."
    return ApiError(400, Number.INVALID_TIMESTAMP, text)
