"""The second factors that the log defines: what proves a one-time code or a recovery code of each account.

It decides nothing about their use: the router sees that each code counts once.
"""

from __future__ import annotations

from typing import NamedTuple

from lockstep.core.schema.records import ExtRecoveryEvent, FactorDefined, FactorUsed

HASH_SIZE = 14


class Factor(NamedTuple):
    """A second factor. The venue's key opens `sealed`; recovery codes are numbered from 1, bits of `used` say which are
    gone. One-time codes are good behind `step`, the step of time of the last one that was used."""

    sealed: bytes
    hashes: tuple[bytes, ...]
    used: int = 0
    step: int = 0

    @property
    def codes_left(self) -> int:
        """How many recovery codes have not been used."""
        return len(self.hashes) - self.used.bit_count()


class Factors:
    """Second factors by account."""

    def __init__(self) -> None:
        self._by_account: dict[int, Factor] = {}
        self._hashes: list[bytes] = []

    def find(self, account: int) -> Factor | None:
        """The account's, or None."""
        return self._by_account.get(account)

    def note(self, event: object) -> None:
        """Take an event about second factors: hashes of recovery codes, a definition or a use."""
        if isinstance(event, ExtRecoveryEvent):
            whole = event.hashes.ljust(event.count * HASH_SIZE, b"\0")
            self._hashes += [whole[i * HASH_SIZE : (i + 1) * HASH_SIZE] for i in range(event.count)]
        elif isinstance(event, FactorDefined):
            if event.size:
                sealed = event.secret.ljust(event.size, b"\0")[: event.size]
                self._by_account[event.account] = Factor(sealed, tuple(self._hashes))
            else:
                self._by_account.pop(event.account, None)
            self._hashes = []
        elif isinstance(event, FactorUsed):
            factor = self._by_account[event.account]
            used = factor.used | 1 << event.code if event.code else factor.used
            self._by_account[event.account] = factor._replace(used=used, step=max(factor.step, event.step))

    def drop(self, account: int) -> None:
        """The account has none any more: a reset of its password has taken it."""
        self._by_account.pop(account, None)

    def known(self) -> list[tuple[int, Factor]]:
        """All, with their accounts."""
        return list(self._by_account.items())

    def restore(self, factors: list[tuple[int, Factor]]) -> None:
        """Begin with these."""
        self._by_account = dict(factors)
