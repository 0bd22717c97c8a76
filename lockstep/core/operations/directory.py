"""What a running venue has listed, allowed and switched, by the names that people use: read from its journal.

It needs no other process, so that an operator can act when gateways and PostgreSQL are down. It keeps what it has read
in a file of the run, and continues from there; the file is as private as the journal.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from msgspec import structs

from lockstep.config.nearest import nearest
from lockstep.core.files import space
from lockstep.core.journal.select import select
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.recovery import retained_definitions
from lockstep.core.schema.layout import fields_of, unpack_command
from lockstep.core.schema.records import (
    API_RING,
    RECORD_SIZE,
    Account,
    AccountLimits,
    Adjustment,
    Asset,
    Code,
    Command,
    Correction,
    CorrectionProposal,
    Deposit,
    DepositFlag,
    DepositLimit,
    Dismissal,
    ExtCredential,
    ExtDestination,
    FeeTier,
    Instrument,
    KillScope,
    KillSwitch,
    Limits,
    Payment,
    PositionLimit,
    Registration,
    RegistrationMode,
    Schedule,
    Welcome,
    Withdrawal,
    WithdrawalDecision,
    WithdrawalRequest,
    WithdrawalState,
    WithdrawalStep,
)
from lockstep.core.venue.committed import committed
from lockstep.core.venue.venue import Venue

VENUE = 0  # its own account, which takes the fees
MAX_OF_PROPOSER = 64  # proposals of a kind, as in the router
DEFAULT_MAX_OPEN_ORDERS = 100_000  # of an account that was never given limits, as the router has it
Pending = Withdrawal | Account | DepositLimit | Welcome | Registration
Recorded = TypeVar("Recorded", bound=Command)


class Waiting(NamedTuple):
    """A withdrawal that was requested, and is neither paid nor given back."""

    request: WithdrawalRequest
    destination: bytes
    approved_by: tuple[int, ...] = ()

    @property
    def state(self) -> WithdrawalState:
        return WithdrawalState(WithdrawalState.REQUESTED + len(self.approved_by))


class Directory:
    """Assets, instruments, accounts and what is known of each, as of log sequence `position`.

    `assets` has (number, scale) by name, as the router's state does. `proposals` are adjustments that no one
    has approved yet, `corrections` those of trades, `deposits` those above a limit, `pending` all others, as they were
    refused (SECOND_NEEDED); `withdrawals` wait by their number; `running` are the matchers that run, and
    `matchers` all that an instrument has ever been with. `blocked` are kill switches that are on, `registered` the
    accounts that people have defined for themselves, with their moment, `unapproved` those that were never let trade.
    Limits of 0 are none, and not in here.
    """

    def __init__(self) -> None:
        self.position = 0
        self.running: Collection[int] = ()
        self.records: list[bytes] = []
        self.assets: dict[bytes, tuple[int, int]] = {}
        self.instruments: dict[str, Instrument] = {}
        self.accounts: dict[str, Account] = {}
        self.credentials: dict[int, ExtCredential] = {}
        self.limits: dict[int, Limits] = {}
        self.account_limits: dict[int, AccountLimits] = {}
        self.fee_tiers: dict[int, FeeTier] = {}
        self.proposals: dict[int, Adjustment] = {}
        self.corrections: dict[int, CorrectionProposal] = {}
        self.deposits: dict[int, Deposit] = {}
        self.pending: dict[int, Pending] = {}
        self.withdrawals: dict[int, Waiting] = {}
        self.matchers: dict[int, frozenset[int]] = {}
        self.schedules: dict[int, tuple[Schedule, ...]] = {}
        self.position_limits: dict[tuple[int, int], int] = {}
        self.deposit_limits: dict[int, int] = {}
        self.welcomes: dict[int, int] = {}
        self.registration = RegistrationMode.CLOSED
        self.registered: dict[int, int] = {}
        self.unapproved: set[int] = set()
        self.blocked: set[tuple[int, KillScope]] = set()
        self._names: dict[int, str] = {VENUE: "the venue"}  # by the numbers of accounts, assets, instruments
        self._assets: dict[int, bytes] = {}
        self._symbols: dict[int, str] = {}
        self._extension: ExtCredential | None = None
        self._destination = b""

    def add(self, records: Iterable[bytes]) -> None:
        """Take records of the log in, in order. Refused ones say nothing."""
        for record in records:
            self.records.append(record)
            command = unpack_command(record)
            if isinstance(command, ExtCredential):
                self._extension = command
            elif isinstance(command, ExtDestination):
                self._destination = command.destination
            elif getattr(command, "verdict", Code.OK) == Code.OK:
                self.pending.pop(getattr(command, "proposal", 0), None)
                self._take(command)
            elif isinstance(command, Pending) and command.verdict == Code.SECOND_NEEDED:
                _put(self.pending, command)

    def _take(self, command: Command) -> None:
        match command:
            case Asset():
                self.assets[command.name] = (command.asset, command.scale)
                self._assets[command.asset] = command.name
            case Instrument():
                self.instruments[command.symbol.decode()] = command
                self._symbols[command.instrument] = command.symbol.decode()
                self.matchers[command.instrument] = self.matchers.get(command.instrument, frozenset()) | {
                    command.matcher
                }
            case Account():
                self._take_account(command)
            case Limits():
                self.limits[command.instrument] = command
            case AccountLimits():
                self.account_limits[command.target] = command
            case FeeTier():
                self.fee_tiers[command.tier] = command
            case PositionLimit():
                _set(self.position_limits, (command.target, command.asset), command.max_units)
            case DepositLimit():
                _set(self.deposit_limits, command.asset, command.amount)
            case Welcome():
                _set(self.welcomes, command.asset, command.amount)
            case Registration():
                self.registration = RegistrationMode(command.mode)
            case KillSwitch():
                turn = self.blocked.add if command.is_on else self.blocked.discard
                turn((command.target, KillScope(command.scope)))
                if command.scope == KillScope.ACCOUNT and not command.is_on:
                    self.unapproved.discard(command.target)
            case Schedule():
                before = self.schedules.pop(command.instrument, ()) if command.entry > 1 else ()
                if command.entry:
                    self.schedules[command.instrument] = (*before, command)
                else:
                    self.schedules.pop(command.instrument, None)
            case _:
                self._take_waiting(command)

    def _take_account(self, command: Account) -> None:
        """One is defined, or has another password or role."""
        self.accounts[command.name.decode()] = command
        self._names[command.number] = command.name.decode()
        assert self._extension is not None, "an account's credential comes before it"
        self.credentials[command.number] = self._extension
        if command.ingress == API_RING and command.account == 0:
            self.registered[command.number] = command.time_ns
            if self.registration == RegistrationMode.APPROVAL:
                self.blocked.add((command.number, KillScope.ACCOUNT))
                self.unapproved.add(command.number)

    def _take_waiting(self, command: Command) -> None:
        """What waits for a second operator, or does so no more."""
        match command:
            case Adjustment(proposal=0):
                _put(self.proposals, command)
            case Adjustment():
                self.proposals.pop(command.proposal, None)
            case Deposit() if command.flags & DepositFlag.PROPOSAL:
                _put(self.deposits, command)
            case Deposit():
                self.deposits.pop(command.proposal, None)
            case WithdrawalRequest():
                self.withdrawals[command.seq] = Waiting(command, self._destination)
            case WithdrawalDecision(step=WithdrawalStep.APPROVE):
                known = self.withdrawals[command.withdrawal]
                self.withdrawals[command.withdrawal] = known._replace(approved_by=(*known.approved_by, command.account))
            case WithdrawalDecision():
                self.withdrawals.pop(command.withdrawal, None)
            case CorrectionProposal():
                said = (command.matcher, command.trade_id)
                same = (seq for seq, known in self.corrections.items() if (known.matcher, known.trade_id) == said)
                self.corrections.pop(next(same, 0), None)
                _put(self.corrections, command)
            case Correction():
                self.corrections.pop(command.proposal, None)
            case Dismissal():
                for waiting in (self.proposals, self.corrections, self.deposits):
                    waiting.pop(command.proposal, None)

    def instrument(self, symbol: str) -> Instrument:
        """The instrument called `symbol`. NotPossibleError if there is none such."""
        if symbol not in self.instruments:
            says = f"there is no instrument {symbol}; {nearest(symbol, self.instruments)}"
            raise NotPossibleError(says, "symbol", Code.UNKNOWN_SYMBOL)
        return self.instruments[symbol]

    def account(self, name: str) -> Account:
        """The account called `name`. NotPossibleError if there is none such."""
        if name not in self.accounts:
            says = f"there is no account {name}; {nearest(name, self.accounts)}"
            raise NotPossibleError(says, "account", Code.UNKNOWN_ACCOUNT)
        return self.accounts[name]

    def asset(self, name: str) -> tuple[int, int]:
        """Number and scale of the asset called `name`. NotPossibleError if there is none such."""
        if name.encode() not in self.assets:
            says = f"there is no asset {name}; {nearest(name, [key.decode() for key in self.assets])}"
            raise NotPossibleError(says, "asset")
        return self.assets[name.encode()]

    def listed(self, number: int) -> Instrument:
        """The instrument of that number."""
        return self.instruments[self._symbols[number]]

    def credential_of(self, account: int) -> ExtCredential:
        """What proves an account's password, for another record of the account."""
        return unsent(self.credentials[account])

    def name_of_account(self, number: int) -> str:
        return self._names[number]

    def name_of_asset(self, number: int) -> tuple[str, int]:
        """Name and scale of an asset."""
        name = self._assets[number]
        return name.decode(), self.assets[name][1]

    def limits_of(self, instrument: int) -> dict[str, int]:
        """What an instrument allows, by the names of the record's fields; all 0 by default."""
        return _values(Limits, self.limits.get(instrument))

    def account_limits_of(self, account: int) -> dict[str, int]:
        """What an account may do, likewise; by default only its open orders are limited."""
        known = self.account_limits.get(account)
        default = {} if known is not None else {"max_open_orders": DEFAULT_MAX_OPEN_ORDERS}
        return _values(AccountLimits, known) | default

    def after(self, records: Iterable[bytes], position: int) -> Directory:
        """What it becomes with these records, as of `position`. This one stays as it is."""
        made = Directory()
        for name, value in vars(self).items():
            setattr(made, name, copy(value))
        made.add(records)
        made.position = position
        return made


def read_on(venue: Venue, known: Directory | None) -> Directory:
    """The directory of the running `venue`, up to what is committed now; on from `known`, if given. JournalError."""
    if known is None:
        return read(venue)
    last = committed(venue)
    if last <= known.position:
        return known
    records = select(venue.data / "journal", known.position + 1, last, retained_definitions.TYPES)
    if records:
        return known.after(records, last)
    known.position = last
    return known


def read(venue: Venue) -> Directory:
    """The directory of the running `venue`, up to what is committed now. JournalError."""
    directory = Directory()
    directory.running = venue.matchers
    file = venue.data / "run" / "directory"
    last = committed(venue)
    boot = bytes.fromhex(venue.boot_id)
    known = _load(file, boot)
    if known is not None:
        directory.position = int.from_bytes(known[:8], "little")
        directory.add(known[at : at + RECORD_SIZE] for at in range(8, len(known), RECORD_SIZE))
    else:
        directory.position, records = retained_definitions.kept(venue.data)
        directory.add(records)
    if last > directory.position:
        directory.add(select(venue.data / "journal", directory.position + 1, last, retained_definitions.TYPES))
        directory.position = last
        directory.records = retained_definitions.waiting(directory.records)
        _save(file, boot + last.to_bytes(8, "little") + b"".join(directory.records))
    return directory


def _save(file: Path, data: bytes) -> None:
    """Put `data` into `file`, whole or not at all, even if another command does so at the same time.

    It only saves the next command some reading; on a full disk it does nothing.
    """
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as stream:
            stream.write(data)
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if not space.is_full(error):
            raise


def _load(file: Path, boot: bytes) -> bytes | None:
    """What an earlier command of this run has read. Not of another run: its journal may have lost its tail since."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    whole = len(data) >= len(boot) + 8 and (len(data) - len(boot) - 8) % RECORD_SIZE == 0
    return data[len(boot) :] if whole and data.startswith(boot) else None


def unsent(known: Recorded) -> Recorded:
    """Return the record as if it had never been sent: without place in the log, time and sender."""
    fresh = {name: 0 for name in Command.__struct_fields__ if name not in ("type", "version")}
    return structs.replace(known, **fresh)


def asker(known: Command) -> int:
    """The account that gave a command; 0: the configuration, or the venue itself."""
    if isinstance(known, Payment):
        return known.asked_by
    if isinstance(known, Account) and known.target == 0:
        return known.session
    return known.account


def _put(proposals: dict[int, Any], proposal: Command) -> None:
    """Add a proposal. If its proposer has too many, that proposer's oldest lapses, as in the router."""
    own = [seq for seq, known in proposals.items() if asker(known) == asker(proposal)]
    if len(own) >= MAX_OF_PROPOSER:
        del proposals[own[0]]
    proposals[proposal.seq] = proposal


def _set(limits: dict[Any, int], key: object, most: int) -> None:
    """A limit, where there is one."""
    if most:
        limits[key] = most
    else:
        limits.pop(key, None)


def _values(record: type[Command], known: Command | None) -> dict[str, int]:
    names = [
        field.name for field in fields_of(record) if not field.repeat and field.name not in Command.__struct_fields__
    ]
    return {name: getattr(known, name) if known is not None else 0 for name in names}
