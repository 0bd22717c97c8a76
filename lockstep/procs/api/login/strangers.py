"""Bounds guesses at an account's codes from addresses that it does not use, over all of them together.

Who knows a password may have very many addresses, and each has a few guesses (`edge.authentication`). Three of a
million codes are right at a time, so ten thousand addresses would find one within minutes. A hundred guesses, and 144
more a day, find one in a day with a chance below 1 in 1,000. The addresses of the account's living sessions are the
owner's, and not bounded here: guesses keep out only an owner who comes from a new address.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.edge.party import party_of

MAX_GUESSES = 100
FORGIVEN_EVERY_S = 600.0  # one guess each
MAX_REMEMBERED = 65_536  # accounts; the longest unseen is forgotten first


class Guessed(NamedTuple):
    """How many guesses of strangers there were by `at_s`."""

    guesses: float
    at_s: float


class Strangers:
    """`clock` gives monotonic seconds; `addresses_of` the addresses that an account's owner uses."""

    def __init__(self, clock: Callable[[], float], addresses_of: Callable[[int], Awaitable[list[str]]]) -> None:
        self._clock = clock
        self._addresses_of = addresses_of
        self._guessed: OrderedDict[int, Guessed] = OrderedDict()

    async def admit(self, account: int, address: str) -> bool:
        """Return whether a code may be looked at. If so it counts as a guess, until `right` takes that back."""
        if self._count(account, self._clock()) + 1 > MAX_GUESSES and not await self._knows(account, address):
            return False
        now_s = self._clock()
        count = self._count(account, now_s)
        if int(count) + 1 == MAX_GUESSES:
            log.warning("codes_are_guessed", account=account, wrong=MAX_GUESSES)
        self._guessed[account] = Guessed(count + 1, now_s)
        self._guessed.move_to_end(account)
        if len(self._guessed) > MAX_REMEMBERED:
            self._guessed.popitem(last=False)
        return True

    def right(self, account: int) -> None:
        """A guess that was admitted was right: it does not count."""
        now_s = self._clock()
        self._guessed[account] = Guessed(max(0.0, self._count(account, now_s) - 1), now_s)

    async def _knows(self, account: int, address: str) -> bool:
        return party_of(address) in map(party_of, await self._addresses_of(account))

    def _count(self, account: int, now_s: float) -> float:
        count, at_s = self._guessed.get(account, Guessed(0.0, now_s))
        return max(0.0, count - (now_s - at_s) / FORGIVEN_EVERY_S)
