"""Checks passwords for the gateway: argon2id in a few threads, with delays and bounds against guessing.

It gives an unknown user and a wrong password the same work and the same answer, and never keeps or logs a password.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from procs.credentials import HASH_SIZE, is_right

THREADS = 2
MAX_WAITING = 64  # checks under way; further ones are refused at once
FREE_FAILURES = 3  # without a delay
FIRST_DELAY_S = 0.25  # doubles with each further failure
MAX_DELAY_S = 8.0
MAX_FAILURES = 32  # of one address: beyond, it is refused unchecked until some are forgiven
FORGIVEN_EVERY_S = 10.0  # one failure each
MAX_REMEMBERED = 4096  # addresses and users; the longest unseen is forgotten first


class Credential(NamedTuple):
    """An argon2id hash (version 19) and what it was made with."""

    salt: bytes
    hash: bytes
    memory_kib: int
    time_cost: int
    parallelism: int


class Account(NamedTuple):
    """A user: account, user and FIX session share one number; `name` is username and SenderCompID."""

    number: int
    name: str
    credential: Credential


# Checked for a name that nobody has, so that it takes as long. Replaced by a real account's cost once one is known.
NOBODY = Credential(bytes(16), bytes(HASH_SIZE), 65536, 3, 4)


class Accounts:
    """The accounts that the venue has defined, by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Account] = {}
        self.nobody = NOBODY

    def define(self, account: Account) -> None:
        """Add an account, or give it its new password."""
        self._by_name.pop(account.name, None)
        self._by_name[account.name] = account
        self.nobody = account.credential._replace(salt=bytes(16), hash=bytes(HASH_SIZE))

    def known(self) -> list[Account]:
        """All accounts, in the order in which they were defined last: defining them again gives the same."""
        return list(self._by_name.values())

    def find(self, name: str) -> Account | None:
        """The account called `name`, or None."""
        return self._by_name.get(name)

    def __len__(self) -> int:
        return len(self._by_name)


class Failures:
    """Counts failures by key, forgives them with time, and stays bounded."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._counts: OrderedDict[object, tuple[float, float]] = OrderedDict()

    def count(self, key: object) -> float:
        """The failures of `key` that are not forgiven yet."""
        count, since = self._counts.get(key, (0.0, 0.0))
        return max(0.0, count - (self._clock() - since) / FORGIVEN_EVERY_S)

    def add(self, key: object) -> None:
        self._counts[key] = (self.count(key) + 1, self._clock())
        self._counts.move_to_end(key)
        if len(self._counts) > MAX_REMEMBERED:
            self._counts.popitem(last=False)

    def clear(self, key: object) -> None:
        self._counts.pop(key, None)


class Authenticator:
    """Says whether a password is an account's. `clock` gives monotonic seconds."""

    def __init__(self, accounts: Accounts, clock: Callable[[], float]) -> None:
        self._accounts = accounts
        self._failures = Failures(clock)
        self._threads = ThreadPoolExecutor(THREADS, "argon2")
        self._waiting = 0

    async def check(self, address: str, name: str, password: str) -> Account | None:
        """The account, or None after the delay that earlier failures of this address and user ask for."""
        if self._waiting >= MAX_WAITING or self._failures.count(address) >= MAX_FAILURES:
            return None
        self._waiting += 1
        try:
            await asyncio.sleep(self._delay_s(address, name))
            return await self._verify(address, name, password)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the threads; checks under way are given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _delay_s(self, address: str, name: str) -> float:
        failures = max(self._failures.count(address), self._failures.count((address, name)))
        if failures < FREE_FAILURES:
            return 0.0
        return float(min(MAX_DELAY_S, FIRST_DELAY_S * 2 ** (failures - FREE_FAILURES)))

    async def _verify(self, address: str, name: str, password: str) -> Account | None:
        account = self._accounts.find(name)
        credential = account.credential if account is not None else self._accounts.nobody
        loop = asyncio.get_running_loop()
        right = await loop.run_in_executor(self._threads, is_right, password, credential)
        if account is None or not right:
            self._failures.add(address)
            self._failures.add((address, name))
            return None
        self._failures.clear((address, name))
        return account
