"""Checks passwords for gateway and api: argon2id in a few threads, in turns, with delays and bounds against guessing.

It gives an unknown user and a wrong password the same work and the same answer, and never keeps or logs a password.

Guesses are bounded for each address and account together: guessing at one account locks no one out of another.
An address's failures over all accounts only delay it, and never for long: others may share the address. An address is
a party (`edge.party`): an IPv6 client has its whole network.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

from lockstep.core.edge.party import party_of
from lockstep.core.edge.turns import Turns
from lockstep.core.rules.credentials import HASH_SIZE, is_right

THREADS = 2
FREE_FAILURES = 3  # of an address at an account, without a delay
FIRST_DELAY_S = 0.25  # between two guesses; doubles with each further failure
MAX_DELAY_S = 8.0
MAX_WAIT_S = 4.0  # to wait for the next guess's time: a guess before that is refused unchecked
MAX_FAILURES = 8  # that count: the delay is the longest then
FREE_FAILURES_OF_ADDRESS = 10
ADDRESS_DELAY_S = 1.0  # before each check for an address with more
FORGIVEN_EVERY_S = 10.0  # one failure each
MAX_REMEMBERED = 65_536  # addresses, and accounts of an address; the longest unseen is forgotten first


class Credential(NamedTuple):
    """An argon2id hash (version 19) and what it was made with."""

    salt: bytes
    hash: bytes
    memory_kib: int
    time_cost: int
    parallelism: int


class Account(NamedTuple):
    """A user: account, user and FIX session share one number; `name` is username and SenderCompID.

    `rights` is the record that last ended the rights of the account's sessions, 0 if none has: another password,
    another role, or a lock by an operator. A client that logged on before it has to log on again.
    """

    number: int
    name: str
    credential: Credential
    role: int = 0
    rights: int = 0


# Checked for an unknown name, so that it takes as long. Replaced by a real account's cost once one is known.
NOBODY = Credential(bytes(16), bytes(HASH_SIZE), 65536, 3, 4)


class Accounts:
    """The accounts that the venue has defined, by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Account] = {}
        self._names: dict[int, str] = {}
        self.nobody = NOBODY

    def define(self, account: Account) -> None:
        """Add an account, or give it its new password."""
        self._by_name.pop(account.name, None)
        self._by_name[account.name] = account
        self._names[account.number] = account.name
        self.nobody = account.credential._replace(salt=bytes(16), hash=bytes(HASH_SIZE))

    def note(self, number: int, name: str, credential: Credential, role: int, seq: int) -> bool:
        """Take the definition that record `seq` gave. Return whether it ended the rights of the account's sessions."""
        before = self._by_name.get(name)
        ends = before is not None and (before.credential, before.role) != (credential, role)
        rights = seq if ends else before.rights if before is not None else 0
        self.define(Account(number, name, credential, role, rights))
        return ends

    def lock(self, number: int, seq: int) -> bool:
        """End the rights of an account's sessions by record `seq`. Return whether anybody is the account."""
        account = self.numbered(number)
        if account is not None:
            self._by_name[account.name] = account._replace(rights=seq)
        return account is not None

    def numbered(self, number: int) -> Account | None:
        """The account with this number, or None."""
        name = self._names.get(number)
        return None if name is None else self._by_name[name]

    def rights_of(self, number: int) -> int:
        """The record that last ended the rights of the account's sessions; 0 if none has."""
        account = self.numbered(number)
        return 0 if account is None else account.rights

    def known(self) -> list[Account]:
        """All accounts, by when they were last defined: defining them in this order again gives the same."""
        return list(self._by_name.values())

    def find(self, name: str) -> Account | None:
        """The account called `name`, or None."""
        return self._by_name.get(name)

    def __len__(self) -> int:
        return len(self._by_name)


class Record(NamedTuple):
    """How many failures there were by `at_s`, and when the next guess may be checked."""

    failures: float = 0.0
    at_s: float = 0.0
    next_s: float = 0.0


class Guesses:
    """Counts guesses by key, forgives them with time, and stays bounded. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._records: OrderedDict[bytes, Record] = OrderedDict()

    def wait_s(self, address: str, name: str) -> float | None:
        """Count a guess, which fails unless `right` is called; returns how long it must wait, None for no check at all.

        Guesses under way count: many at once get no further than one at a time.
        """
        now_s = self._clock()
        pair, whole = _key(address, name), _key(address)
        of_pair, of_address = self._record(pair, now_s), self._record(whole, now_s)
        wait_s = max(0.0, of_pair.next_s - now_s)
        if wait_s > MAX_WAIT_S:
            return None
        exponent = of_pair.failures - FREE_FAILURES
        delay_s = min(MAX_DELAY_S, FIRST_DELAY_S * 2**exponent) if exponent >= 0 else 0.0
        self._put(pair, Record(min(of_pair.failures + 1, MAX_FAILURES), now_s, now_s + wait_s + delay_s))
        self._put(whole, Record(min(of_address.failures + 1, 2 * FREE_FAILURES_OF_ADDRESS), now_s))
        return wait_s + (ADDRESS_DELAY_S if of_address.failures >= FREE_FAILURES_OF_ADDRESS else 0.0)

    def right(self, address: str, name: str) -> None:
        """The guess was right: neither it nor earlier ones of that address at that account count."""
        self._records.pop(_key(address, name), None)
        key = _key(address)
        whole = self._records.get(key)
        if whole is not None:
            self._records[key] = whole._replace(failures=max(0.0, whole.failures - 1))

    def _record(self, key: bytes, now_s: float) -> Record:
        found = self._records.get(key, Record())
        return found._replace(failures=max(0.0, found.failures - (now_s - found.at_s) / FORGIVEN_EVERY_S))

    def _put(self, key: bytes, record: Record) -> None:
        self._records[key] = record
        self._records.move_to_end(key)
        if len(self._records) > MAX_REMEMBERED:
            self._records.popitem(last=False)


def _key(address: str, *name: str) -> bytes:
    """What guesses of an address, at an account, are counted by: as short for the longest name."""
    return blake2b("\0".join((party_of(address), *name)).encode(errors="replace"), digest_size=16).digest()


class Authenticator:
    """Checks whether a password is an account's. `clock` gives monotonic seconds.

    At most `max_waiting` checks of each address wait for a thread.
    """

    def __init__(self, accounts: Accounts, clock: Callable[[], float], max_waiting: int) -> None:
        self._accounts = accounts
        self._guesses = Guesses(clock)
        self._turns = Turns(THREADS, max_waiting)

    async def check(
        self, address: str, name: str, password: str,
        further: Callable[[Account | None, bool], Awaitable[bool]] | None = None,
    ) -> Account | None:  # fmt: skip
        """The account, or None, after the delay that earlier failures of this address ask for. BusyError.

        `further` is asked last, with the account of that name (None if there is none) and whether the password is
        right. What it refuses is a failure like any other. It is asked in every case and has to do the same work in
        every case, as the time of an answer would otherwise say that a password is right.
        """
        wait_s = self._guesses.wait_s(address, name)
        if wait_s is None:
            return None
        if wait_s:
            await asyncio.sleep(wait_s)
        account = self._accounts.find(name)
        credential = account.credential if account is not None else self._accounts.nobody
        right = await self._turns.run(address, name, partial(is_right, password, credential))
        if further is not None:
            right = await further(account, account is not None and right)
        if account is None or not right:
            return None
        self._guesses.right(address, name)
        return account

    def close(self) -> None:
        """End the threads and give up checks under way."""
        self._turns.close()
