"""Who may stay connected: a number in all and of each address. A silent connection gives way to a new one.

It counts and chooses; its server knows what a connection is, and when it has shown enough.
"""

from __future__ import annotations

from collections import Counter
from enum import IntEnum
from typing import Protocol


class Guest(Protocol):
    """A connection."""

    address: str

    def give_way(self) -> None:
        """End, since the place is needed."""


class Stage(IntEnum):
    """What a connection has shown: the less, the earlier it gives way."""

    SILENT = 0
    ASKING = 1  # it has asked to be let in, and waits for the answer


class Admission:
    """At most `limit` connections, and of one address `limit_per_address`."""

    def __init__(self, limit: int, limit_per_address: int) -> None:
        self._limit = limit
        self._limit_per_address = limit_per_address
        self._counts: Counter[str] = Counter()
        self._guests: set[Guest] = set()
        self._unsettled: dict[str, dict[Guest, Stage]] = {}  # by address, the oldest first

    def __len__(self) -> int:
        return len(self._guests)

    def enter(self, guest: Guest) -> bool:
        """Count a new connection; if no place is left, another gives way. False: none can."""
        if self._counts[guest.address] >= self._limit_per_address:
            given_way = self._first_to_go(guest.address)
        elif len(self._guests) >= self._limit:
            given_way = self._first_to_go(max(self._unsettled, key=self._unsettled_of, default=""))
        else:
            self._add(guest)
            return True
        if given_way is None:
            return False
        self.leave(given_way)
        self._add(guest)
        given_way.give_way()
        return True

    def ask(self, guest: Guest) -> None:
        """Have the silent ones of its address give way before it."""
        if guest in self._unsettled.get(guest.address, ()):
            self._unsettled[guest.address][guest] = Stage.ASKING

    def settle(self, guest: Guest) -> None:
        """Let it give way no longer."""
        mates = self._unsettled.get(guest.address, {})
        mates.pop(guest, None)
        if not mates:
            self._unsettled.pop(guest.address, None)

    def leave(self, guest: Guest) -> None:
        """Count it no longer. One that was not let in, or gave way, may leave too."""
        if guest not in self._guests:
            return
        self.settle(guest)
        self._guests.discard(guest)
        self._counts[guest.address] -= 1
        if not self._counts[guest.address]:
            del self._counts[guest.address]

    def _add(self, guest: Guest) -> None:
        self._counts[guest.address] += 1
        self._guests.add(guest)
        self._unsettled.setdefault(guest.address, {})[guest] = Stage.SILENT

    def _unsettled_of(self, address: str) -> int:
        return len(self._unsettled[address])

    def _first_to_go(self, address: str) -> Guest | None:
        """The oldest of those of an address that have shown least."""
        mates = self._unsettled.get(address, {})
        return min(mates, key=lambda guest: mates[guest], default=None)
