"""Resets of passwords that operators agree on, as released events have them: at most one an account.

It decides nothing: the router sees that two have agreed, and that a code works once (LOG-34).
"""

from __future__ import annotations

from hmac import compare_digest
from typing import NamedTuple

from lockstep.core.rules.reset_codes import HASH_SIZE, hash_of
from lockstep.core.schema.records import RESET_LIFE_S, PasswordResetChanged

LIFE_NS = RESET_LIFE_S * 10**9


class Reset(NamedTuple):
    """One that was proposed; its code works from the approval on, before `until_ns` of log time."""

    proposal: int
    account: int
    proposed_by: int
    takes_factor: bool
    code_hash: bytes
    until_ns: int
    is_approved: bool = False


class Resets:
    """Those that were proposed, by account."""

    def __init__(self) -> None:
        self._by_account: dict[int, Reset] = {}

    def note(self, event: object) -> None:
        """Take a PASSWORD_RESET event."""
        if not isinstance(event, PasswordResetChanged):
            return
        if event.is_approved:
            self._by_account[event.account] = self._by_account[event.account]._replace(is_approved=True)
            return
        self._by_account[event.account] = Reset(
            event.proposal, event.account, event.asked_by, bool(event.takes_factor),
            event.code_hash.ljust(HASH_SIZE, b"\0"), event.time_ns + LIFE_NS,
        )  # fmt: skip

    def end(self, account: int) -> None:
        """The account has another password."""
        self._by_account.pop(account, None)

    def dismiss(self, proposal: int) -> None:
        """An operator has ended a proposal, which may be that of a reset."""
        self._by_account = {name: each for name, each in self._by_account.items() if each.proposal != proposal}

    def opens(self, account: int, code: bytes, now_ns: int) -> bool:
        """Whether this code lets the account take a new password, as far as is known here."""
        found = self._by_account.get(account)
        if found is None or not found.is_approved or now_ns >= found.until_ns:
            return False
        return compare_digest(hash_of(code), found.code_hash)

    def pending(self, now_ns: int) -> list[Reset]:
        """Those that are not over yet, the oldest first."""
        return sorted(each for each in self._by_account.values() if now_ns < each.until_ns)

    def known(self) -> list[Reset]:
        """All of them, for a part of a snapshot."""
        return list(self._by_account.values())

    def restore(self, known: list[Reset]) -> None:
        """Begin with these."""
        self._by_account = {each.account: each for each in known}
