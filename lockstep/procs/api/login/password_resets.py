"""Resets of passwords, as commands of the log: one operator proposes, another approves, and the owner uses the code.

The code is made here and answered once; the log has its hash, and the router compares. Guesses never reach the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lockstep.core.edge.authentication import Guesses
from lockstep.core.rules.reset_codes import code_of
from lockstep.core.schema.records import Account, Code
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.login.login import LoginError
from lockstep.procs.api.login.passwords import Passwords
from lockstep.procs.api.login.registry import NO_TICKET, VENUE, RefusedError, Registry
from lockstep.procs.api.resets import Reset

SECOND_NS = 10**9


class PasswordResets:
    """`clock` gives seconds since 1970, `monotonic` seconds that only grow."""

    def __init__(
        self, desk: Desk, registry: Registry, passwords: Passwords, clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:  # fmt: skip
        self._desk = desk
        self._registry = registry
        self._passwords = passwords
        self._clock = clock
        self._guesses = Guesses(monotonic)

    async def use(self, name: str, text: str, password: str, address: str) -> int:
        """Give the account called `name` a new password, by a code; its number. Whatever is wrong is one error.

        LoginError, WeakPasswordError, BusyError, and what `Registry.carry` raises.
        """
        wait_s = self._guesses.wait_s(address, name)
        if wait_s is None:
            raise LoginError
        await asyncio.sleep(wait_s)
        found, code = self._desk.accounts.find(name), code_of(text)
        if found is None or not self._desk.people.resets.opens(found.number, code, self._now_ns()):
            raise LoginError
        credential = await self._passwords.credential(password, name, address)
        role = self._desk.people.role_of(found.number)
        command = Account(account=VENUE, name=name.encode(), target=found.number, role=role, reset_code=code)
        try:
            await self._registry.carry([credential, command], name.encode(), NO_TICKET)
        except RefusedError as error:
            if error.code != Code.RESET_UNKNOWN:
                raise
            raise LoginError from None
        self._guesses.right(address, name)
        return found.number

    def pending(self) -> list[Reset]:
        """Those that are not over yet, the oldest first."""
        return self._desk.people.resets.pending(self._now_ns())

    def _now_ns(self) -> int:
        return int(self._clock() * SECOND_NS)
