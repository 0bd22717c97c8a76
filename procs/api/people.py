"""Who may do what, as the log's events have it: accounts, passwords and their resets, roles, API keys, second
factors, and who may register.

It changes nothing itself: that takes a command, and the router decides it.
"""

from __future__ import annotations

from procs.api.factors import Factor, Factors
from procs.api.keys import ApiKey, Keys
from procs.api.resets import Reset, Resets
from procs.edge.authentication import Account, Accounts, Credential
from procs.tables.saved import Loader, Saver
from shm.enums import CommandType, RegistrationMode, Role
from shm.records import AccountDefined, Confirmed, ExtCredentialEvent


class People:
    """What events have told. The venue's own fee account has no password, and nobody is it."""

    def __init__(self) -> None:
        self.accounts = Accounts()
        self.keys = Keys()
        self.factors = Factors()
        self.registration = RegistrationMode.CLOSED
        self.welcome: dict[int, int] = {}  # by asset: how much of it who registers is given
        self.resets = Resets()
        self._names: dict[int, str] = {}
        self._roles: dict[int, int] = {}
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
            self.factors.note(event)
            self.resets.note(event)

    def name_of(self, account: int) -> str:
        """The name of an account; empty if nobody is it."""
        return self._names.get(account, "")

    def role_of(self, account: int) -> Role:
        """What an account may do."""
        return Role(self._roles.get(account, Role.TRADER))

    def numbers(self) -> list[int]:
        """All accounts that somebody is, in the order of their numbers."""
        return sorted(self._names)

    def save(self, saver: Saver) -> None:
        """Add all of it to a part of a snapshot: no account is half defined at a mark."""
        saver.object([(account, self._roles[account.number]) for account in self.accounts.known()])
        saver.object((int(self.registration), list(self.welcome.items())))
        saver.object(self.keys.known())
        saver.object(self.factors.known())
        saver.object(self.resets.known())

    def load(self, loader: Loader) -> None:
        """Begin with what a part has. DamagedPart."""
        for account, role in loader.object(list[tuple[Account, int]]):
            self._define(account, role)
        mode, welcome = loader.object(tuple[int, list[tuple[int, int]]])
        self.registration, self.welcome = RegistrationMode(mode), dict(welcome)
        self.keys.restore(loader.object(list[ApiKey]))
        self.factors.restore(loader.object(list[tuple[int, Factor]]))
        self.resets.restore(loader.object(list[Reset]))

    def _take(self, event: AccountDefined, credential: Credential) -> None:
        """Another password ends a reset of it, whether that has brought it or not; so does being made an admin."""
        account = Account(event.account, event.name.rstrip(b"\0").decode(), credential)
        before = self.accounts.find(account.name)
        is_made_admin = event.role == Role.ADMIN and self._roles.get(account.number) != Role.ADMIN
        if before is not None and (before.credential != credential or is_made_admin):
            self.resets.end(account.number)
        if event.takes_factor:
            self.factors.drop(account.number)
        self._define(account, event.role)

    def _define(self, account: Account, role: int) -> None:
        self.accounts.define(account)
        self._names[account.number] = account.name
        self._roles[account.number] = role
