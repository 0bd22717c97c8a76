"""Who may do what, as the log's events have it: accounts, passwords and their resets, roles, API keys, second
factors, and who may register.

It changes nothing itself: that takes a command, and the router decides it.
"""

from __future__ import annotations

from collections.abc import Callable

from lockstep.core.edge.authentication import Account, Accounts, Credential
from lockstep.core.schema.enums import CommandType, RegistrationMode, Role
from lockstep.core.schema.records import AccountDefined, Confirmed, ExtCredentialEvent, KeyRevoked
from lockstep.core.tables.saved import Loader, Saver
from lockstep.procs.api.factors import Factor, Factors
from lockstep.procs.api.keys import ApiKey, Keys
from lockstep.procs.api.resets import Reset, Resets


class People:
    """What events have told. The venue's own fee account has no password, and nobody is it."""

    def __init__(self) -> None:
        self.accounts = Accounts()
        self.keys = Keys()
        self.factors = Factors()
        self.registration = RegistrationMode.CLOSED
        self.welcome: dict[int, int] = {}  # by asset: how much of it who registers is given
        self.resets = Resets()
        self.watchers: list[Callable[[], None]] = []  # are called when the rights of some account or key have ended
        self._credential: Credential | None = None

    def note(self, event: object) -> None:
        """Take an event about accounts, keys, second factors, resets, or registering."""
        if isinstance(event, ExtCredentialEvent):
            self._credential = Credential(
                event.salt.ljust(16, b"\0"), event.hash.ljust(32, b"\0"), event.memory_kib, event.time_cost,
                event.parallelism,
            )  # fmt: skip
        elif isinstance(event, AccountDefined):
            if self._credential is not None:
                self._take(event, self._credential)
            self._credential = None
        elif isinstance(event, Confirmed):
            if event.command == CommandType.REGISTRATION:
                self.registration = RegistrationMode(event.is_on)
            elif event.command == CommandType.DISMISSAL:
                self.resets.dismiss(event.proposal)
            else:
                self.welcome[event.asset] = event.amount
        else:
            self.keys.note(event)
            if isinstance(event, KeyRevoked):
                self.ended()
            self.factors.note(event)
            self.resets.note(event)

    def lock(self, account: int, seq: int) -> None:
        """Record `seq` blocked an account, and not by its owner's word: its sessions end."""
        if self.accounts.lock(account, seq):
            self.ended()

    def ended(self) -> None:
        """Call the watchers: the rights of some streams have ended."""
        for watcher in self.watchers:
            watcher()

    def name_of(self, account: int) -> str:
        """The name of an account; empty if nobody is it."""
        found = self.accounts.numbered(account)
        return "" if found is None else found.name

    def role_of(self, account: int) -> Role:
        """What an account may do."""
        found = self.accounts.numbered(account)
        return Role.TRADER if found is None else Role(found.role)

    def numbers(self) -> list[int]:
        """All accounts that somebody is, in the order of their numbers."""
        return sorted(account.number for account in self.accounts.known())

    def save(self, saver: Saver) -> None:
        """Add all of it to a part of a snapshot: no account is half defined at a mark."""
        saver.object(self.accounts.known())
        saver.object((int(self.registration), list(self.welcome.items())))
        saver.object(self.keys.known())
        saver.object(self.factors.known())
        saver.object(self.resets.known())

    def load(self, loader: Loader) -> None:
        """Begin with what a part has. DamagedPart."""
        for account in loader.object(list[Account]):
            self.accounts.define(account)
        mode, welcome = loader.object(tuple[int, list[tuple[int, int]]])
        self.registration, self.welcome = RegistrationMode(mode), dict(welcome)
        self.keys.restore(loader.object(list[ApiKey]))
        self.factors.restore(loader.object(list[tuple[int, Factor]]))
        self.resets.restore(loader.object(list[Reset]))

    def _take(self, event: AccountDefined, credential: Credential) -> None:
        """Another password ends a reset of it, whether that has brought it or not; so does being made an admin."""
        name = event.name.rstrip(b"\0").decode()
        before = self.accounts.find(name)
        is_made_admin = event.role == Role.ADMIN and before is not None and before.role != Role.ADMIN
        if before is not None and (before.credential != credential or is_made_admin):
            self.resets.end(event.account)
        if event.takes_factor:
            self.factors.drop(event.account)
        if self.accounts.note(event.account, name, credential, event.role, event.cause):
            self.ended()
