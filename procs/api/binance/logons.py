"""Signed requests that log a connection on: each does so once, or a recorded one would log another client on.

The signed text does not name the method, so any signed request without more parameters could be sent as a logon.
They are remembered for as long as their window may last. A logon signed before the api's first connection is refused: a
restart or a failover would have forgotten it.
"""

from __future__ import annotations

from collections import deque
from hashlib import blake2b

from procs.api.binance.caller import Call
from procs.api.binance.errors import ApiError, Number
from procs.api.binance.signatures import AHEAD_US, MOST_WINDOW_US, timestamp_us

KEPT_US = MOST_WINDOW_US + AHEAD_US


class Logons:
    """The signed requests of the last 61 seconds, by the signed text: the spelling of a signature changes nothing."""

    def __init__(self) -> None:
        self._opened_us: int | None = None
        self._used: set[bytes] = set()
        self._until_us: deque[tuple[int, bytes]] = deque()

    def open(self, now_ns: int) -> None:
        """Take note that a client connects; requests signed before the first one log no connection on."""
        if self._opened_us is None:
            self._opened_us = now_ns // 1_000_000 * 1000  # a timestamp of the same millisecond is not before it

    def use(self, call: Call, *, logs_on: bool) -> None:
        """Remember a signed request. ApiError if it `logs_on`, and was used before or may have been."""
        assert call.api_key is not None
        assert call.verified is not None
        assert self._opened_us is not None
        now_us = call.now_ns // 1000
        while self._until_us and self._until_us[0][0] < now_us:
            self._used.discard(self._until_us.popleft()[1])
        digest = blake2b(call.verified, key=call.api_key.name, digest_size=16).digest()
        is_new = digest not in self._used
        if is_new:
            self._used.add(digest)
            self._until_us.append((now_us + KEPT_US, digest))
        if logs_on and not (is_new and timestamp_us(call.sent.get(b"timestamp")) >= self._opened_us):
            raise used_before()


def used_before() -> ApiError:
    """The request may be a recorded one; its owner signs another."""
    text = "This signed request was used before, or is older than the api: sign it again with a new timestamp."
    return ApiError(400, Number.INVALID_TIMESTAMP, text)
