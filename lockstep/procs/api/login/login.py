"""Logging in and proving it again: a name, a password and, where the account has one, a second factor's code.

Whatever is wrong is one answer after the same work (ASVS 5.0, 6.3.8): a password is hashed and a code is compared, in
this order, also where there is no such account or no second factor, and where the password is wrong. Guesses wait
longer each time, by address and account together, so that they never lock an owner out; codes are bounded over all
addresses, too (`strangers`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from lockstep.core.edge.authentication import Account, Authenticator, Guesses
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.login import codes
from lockstep.procs.api.login.codes import Match
from lockstep.procs.api.login.passwords import MAX_WAITING
from lockstep.procs.api.login.registry import Registry
from lockstep.procs.api.login.sessions import Session, SessionEndedError, Sessions
from lockstep.procs.api.login.strangers import Strangers


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
        self.registry = registry
        self.sessions = sessions
        self.clock = clock
        self.monotonic = monotonic
        self._authenticator = Authenticator(desk.accounts, monotonic, MAX_WAITING)
        self._code_guesses = Guesses(monotonic)
        self._strangers = Strangers(monotonic, self._addresses_of)

    async def log_in(self, name: str, password: str, code: str, address: str, agent: str) -> tuple[Session, str]:
        """A new session, with its refresh token. LoginError, SessionsAwayError, and what `Registry.use` raises."""

        async def right_code(account: Account | None, is_password_right: bool) -> bool:
            match = self._matched(account, name, code)
            if account is None or not is_password_right:
                return False
            return await self._is_good(account.number, match, address)

        account = await self._authenticator.check(address, name, password, right_code)
        if account is None:
            raise LoginError
        # A new session has proved who it is just now, but things that ask for that want a fresh code, too.
        try:
            return await self.sessions.begin(account.number, account.rights, address, agent, proved=False)
        except SessionEndedError:
            raise LoginError from None  # another password is in force since this one was checked

    async def step_up(
        self, session: Session, token: str, password: str, code: str, address: str
    ) -> tuple[Session, str]:
        """The same session under another id, just proved: by a fresh code, or, without a second factor, the password;
        `token` is the refresh token of who proves it.

        LoginError, SessionEndedError, SessionsAwayError, and what `Registry.use` raises.
        """
        factor = self._desk.people.factors.find(session.account)
        if factor is not None:
            is_right = await self._is_code(session.account, code, address)
        else:
            is_right = await self.is_password(session.account, password, address)
        now = self._desk.people.factors.find(session.account)
        if not is_right or (now is not None and (factor is None or now.sealed != factor.sealed)):
            raise LoginError  # or another second factor is in force since: it was not asked for
        return await self.sessions.step_up(session, token)

    async def is_password(self, account: int, password: str, address: str) -> bool:
        """Whether it is the account's, after the delays that guesses ask for."""
        name = self._desk.people.name_of(account)
        return await self._authenticator.check(address, name, password) is not None

    async def recovery(self, name: str, code: str, address: str) -> Recovery:
        """Return the unused recovery code that proves enough for a new password. Nothing is used up yet.

        LoginError.
        """
        await self._wait(address, name)
        account = self._desk.accounts.find(name)
        match = self._matched(account, name, code)
        if account is None or match is None or not match.code:
            raise LoginError
        self._code_guesses.right(address, name)
        return Recovery(account.number, match)

    async def use_recovery(self, recovery: Recovery) -> int:
        """Use up a recovery code; returns whose it is.

        LoginError if it has been used since, and what `Registry.use` raises.
        """
        if not await self.registry.use(recovery.account, recovery.match):
            raise LoginError
        return recovery.account

    def close(self) -> None:
        """End the threads and give up checks under way."""
        self._authenticator.close()

    async def _is_code(self, account: int, code: str, address: str) -> bool:
        """Whether a code of a person who is logged in is right, and was never used. LoginError."""
        name = self._desk.people.name_of(account)
        await self._wait(address, name)
        if not await self._is_good(account, self._matched(self._desk.accounts.find(name), name, code), address):
            return False
        self._code_guesses.right(address, name)
        return True

    async def _wait(self, address: str, name: str) -> None:
        """Wait as long as earlier guesses of this address at this account's codes ask for. LoginError if that is too
        long. Guesses of other addresses do not count, so they keep no owner out.
        """
        wait_s = self._code_guesses.wait_s(address, name)
        if wait_s is None:
            raise LoginError
        await asyncio.sleep(wait_s)

    def _matched(self, account: Account | None, name: str, code: str) -> Match | None:
        """What a code is; None if it is wrong, was used, or the account has no second factor.

        The work is the same in all these cases: without a factor the code is compared with unknown ones.
        """
        factor = self._desk.people.factors.find(account.number) if account is not None else None
        key, now_s = self.registry.key, int(self.clock())
        if factor is None:
            codes.matched(codes.nobodys(key), key, codes.NOBODY, code, now_s)
            return None
        return codes.matched(factor, key, name, code, now_s)

    async def _is_good(self, account: int, match: Match | None, address: str) -> bool:
        """Whether a code counts: it is right, not used before, and from an address that may guess. Any does, where
        the account has no second factor."""
        if self._desk.people.factors.find(account) is None:
            return True
        if not await self._strangers.admit(account, address):
            return False
        if match is None or not await self.registry.use(account, match):
            return False
        self._strangers.right(account)
        return True

    async def _addresses_of(self, account: int) -> list[str]:
        return [session.address for session in await self.sessions.of(account)]
