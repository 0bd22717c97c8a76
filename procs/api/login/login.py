"""Logging in and proving it again: a name, a password and, where the account has one, a second factor's code.

Whatever is wrong is one answer after the same work (ASVS 5.0, 6.3.8). Guesses wait longer each time, by address and
account together, so that nobody locks an owner out; who has the password and guesses codes waits by account alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from procs.api.desk import Desk
from procs.api.login import codes
from procs.api.login.codes import Match
from procs.api.login.passwords import MAX_WAITING
from procs.api.login.registry import Registry
from procs.api.login.sessions import Session, Sessions
from procs.edge.authentication import Account, Authenticator, Guesses


class LoginError(Exception):
    """Name, password or code is wrong."""


class Recovery(NamedTuple):
    """A right recovery code of an account."""

    account: int
    match: Match


class Login:
    """`clock` gives seconds since 1970, `monotonic` seconds that only grow."""

    def __init__(
        self, desk: Desk, registry: Registry, sessions: Sessions, clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:  # fmt: skip
        self._desk = desk
        self._registry = registry
        self._sessions = sessions
        self._clock = clock
        self._authenticator = Authenticator(desk.accounts, monotonic, MAX_WAITING)
        self._code_guesses = Guesses(monotonic)

    async def log_in(self, name: str, password: str, code: str, address: str, agent: str) -> tuple[Session, str]:
        """A new session, with its refresh token. LoginError, SessionsAwayError, and what `Registry.use` raises."""

        async def right_code(account: Account) -> bool:
            return await self.is_code(account.number, code)

        account = await self._authenticator.check(address, name, password, right_code)
        if account is None:
            raise LoginError
        # A new session has proved who it is just now, but things that ask for that want a fresh code, too.
        return await self._sessions.begin(account.number, address, agent, proved=False)

    async def step_up(
        self, session: Session, token: str, password: str, code: str, address: str
    ) -> tuple[Session, str]:
        """The same session under another id, just proved: by a fresh code, or, without a second factor, the password;
        `token` is the refresh token of who proves it.

        LoginError, SessionEndedError, SessionsAwayError, and what `Registry.use` raises.
        """
        if self._desk.people.factors.find(session.account) is not None:
            if not await self.is_code(session.account, code):
                raise LoginError
        elif not await self.is_password(session.account, password, address):
            raise LoginError
        return await self._sessions.step_up(session, token)

    async def is_password(self, account: int, password: str, address: str) -> bool:
        """Whether it is the account's, after the delays that guesses ask for."""
        name = self._desk.people.name_of(account)
        return await self._authenticator.check(address, name, password) is not None

    async def is_code(self, account: int, code: str) -> bool:
        """Whether a code is right, and was never used; any is, where the account has no second factor."""
        factor = self._desk.people.factors.find(account)
        if factor is None:
            return True
        name = self._desk.people.name_of(account)
        wait_s = self._code_guesses.wait_s("", name)
        if wait_s is None:
            return False
        await asyncio.sleep(wait_s)
        match = codes.matched(factor, self._registry.key, name, code, int(self._clock()))
        if match is None or not await self._registry.use(account, match):
            return False
        self._code_guesses.right("", name)
        return True

    async def recovery(self, name: str, code: str, address: str) -> Recovery:
        """Return the unused recovery code that proves enough for a new password. Nothing is used up yet.

        LoginError.
        """
        wait_s = self._code_guesses.wait_s(address, name)
        if wait_s is None:
            raise LoginError
        await asyncio.sleep(wait_s)
        account = self._desk.accounts.find(name)
        factor = self._desk.people.factors.find(account.number) if account is not None else None
        if account is None or factor is None:
            raise LoginError
        match = codes.matched(factor, self._registry.key, name, code, int(self._clock()))
        if match is None or not match.code:
            raise LoginError
        self._code_guesses.right(address, name)
        return Recovery(account.number, match)

    async def use_recovery(self, recovery: Recovery) -> int:
        """Use up a recovery code; returns whose it is.

        LoginError if it has been used since, and what `Registry.use` raises.
        """
        if not await self._registry.use(recovery.account, recovery.match):
            raise LoginError
        return recovery.account

    def close(self) -> None:
        """End the threads and give up checks under way."""
        self._authenticator.close()
