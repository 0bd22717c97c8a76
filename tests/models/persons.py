"""A model of persons: it explains each change of money, roles, passwords and keys by the persons who wanted it.

It repeats no rule of the router's. It knows who sent which command, who had proposed the same, and what it changed. A
change that needs two persons and has one is an error, and so is a day on which one moved more than the limit.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lockstep.core.schema.records import (
    API_RING,
    Account,
    Adjustment,
    Code,
    Command,
    Correction,
    CorrectionProposal,
    Deposit,
    DepositLimit,
    Dismissal,
    PasswordReset,
    Payment,
    Registration,
    Role,
    Welcome,
    Withdrawal,
    WithdrawalDecision,
    WithdrawalRequest,
    WithdrawalStep,
)

DAY_NS = 86_400 * 10**9
OPERATORS = (Role.OPERATOR, Role.ADMIN)
Terms = tuple[object, ...]


@dataclass
class State:
    """What the model looks at: money by (account, asset), and by account its role, password and number of keys."""

    money: dict[tuple[int, int], int]
    roles: dict[int, int]
    passwords: dict[int, bytes]
    keys: Counter[int]
    limits: dict[int, int]
    welcome: dict[int, int]
    registration: int


@dataclass
class Persons:
    """What each account has said so far, and what each person moved alone, by (person, asset, day)."""

    owners: dict[int, int] = field(default_factory=dict)  # the person behind each account
    said: dict[int, tuple[int, Terms]] = field(default_factory=dict)
    approvals: dict[int, set[int]] = field(default_factory=dict)  # of withdrawals, by their number
    resets: dict[int, set[int]] = field(default_factory=dict)  # persons who agreed on an account's reset
    alone: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    limits: dict[tuple[int, int], int] = field(default_factory=dict)  # the highest, by asset and day
    moves: Counter[str] = field(default_factory=Counter)  # how often each kind of command changed anything

    def take(self, command: Command, before: State, after: State) -> None:
        """Explain what the command has changed. AssertionError if too few persons wanted that."""
        who = self._consent(command)
        names = f"{type(command).__name__} {command.seq} of account {asker(command)}, wanted by persons {sorted(who)}"
        self._money(command, who, before, after, names)
        if before.roles != after.roles:
            self._roles(who, before, after, names)
        for account, password in after.passwords.items():
            if before.passwords.get(account, password) != password:
                by_two = command.ingress == API_RING and command.account == 0 and len(self.resets.get(account, ())) > 1
                assert by_two or asker(command) == account, f"{names} gives account {account} another password"
                self.resets.pop(account, None)
        for account in after.keys:
            assert after.keys[account] == before.keys[account] or account == asker(command), f"{names} makes a key"
        self._settings(who, before, after, names)
        if before != after:
            self.moves[type(command).__name__] += 1
        self._remember(command, who)

    def _money(self, command: Command, who: set[int], before: State, after: State, names: str) -> None:
        changed = {key: after.money[key] - before.money.get(key, 0) for key in after.money}
        for (account, asset), units in changed.items():
            if units == 0 or len(who) > 1:
                continue
            day = command.time_ns // DAY_NS
            if command.ingress == API_RING and command.account == 0:
                assert 0 < units <= before.welcome.get(asset, 0), f"{names} takes more than the welcome"
                continue
            assert units > 0, f"{names} takes {-units} of asset {asset} from account {account}"
            assert sum(changed.values()) == units, f"{names} moves money between accounts"
            (person,) = who
            assert account != asker(command), f"{names} puts {units} of asset {asset} into the own account"
            self.alone[person, asset, day] += units
            limit = self.limits[asset, day] = max(self.limits.get((asset, day), 0), before.limits.get(asset, 0))
            moved = self.alone[person, asset, day]
            assert moved <= limit, f"{names}: {moved} of asset {asset} in a day, and the limit is {limit}"

    def _roles(self, who: set[int], before: State, after: State, names: str) -> None:
        for account, role in after.roles.items():
            was = before.roles.get(account, Role.TRADER)
            assert role == was or len(who) > 1, f"{names} gives account {account} role {role}"

    def _settings(self, who: set[int], before: State, after: State, names: str) -> None:
        wider = [asset for asset in after.limits if after.limits[asset] > before.limits.get(asset, 0)]
        wider += [asset for asset in after.welcome if after.welcome[asset] > before.welcome.get(asset, 0)]
        if any(after.welcome.values()) and after.registration and after.registration != before.registration:
            wider.append(0)
        assert not wider or len(who) > 1, f"{names} lets more be moved by one"

    def _consent(self, command: Command) -> set[int]:
        """The persons who want what a command does: its sender, and who has proposed or approved just that."""
        who = {self.owners.get(asker(command), asker(command))}
        if isinstance(command, WithdrawalDecision) and command.step == WithdrawalStep.PAID:
            return who | self.approvals.get(command.withdrawal, set())
        proposal = getattr(command, "proposal", 0)
        if proposal in self.said and not isinstance(command, Dismissal):
            first, terms = self.said[proposal]
            if terms == terms_of(command) or (isinstance(command, Adjustment) and not command.amount):
                who.add(self.owners.get(first, first))
        return who

    def _remember(self, command: Command, who: set[int]) -> None:
        verdict = getattr(command, "verdict", Code.OK)
        if verdict not in (Code.OK, Code.SECOND_NEEDED):
            return
        if isinstance(command, WithdrawalRequest):
            self.approvals[command.seq] = set(who)
        elif isinstance(command, WithdrawalDecision) and command.step == WithdrawalStep.APPROVE:
            self.approvals[command.withdrawal] |= who
        elif isinstance(command, PasswordReset):
            known = self.resets.get(command.target, set()) if command.proposal else set()
            self.resets[command.target] = known | who
        elif isinstance(command, Dismissal):
            self.said.pop(command.proposal, None)
        elif isinstance(command, Account) and command.number not in self.owners:
            self.owners[command.number] = min(who) if command.account or command.session else command.number
        if getattr(command, "proposal", 0) == 0 and (terms := terms_of(command)):
            self.said[command.seq] = asker(command), terms


def asker(command: Command) -> int:
    """The account that sent a command; 0: the venue itself."""
    if command.ingress == API_RING or not isinstance(command, Payment | Account):
        return command.account
    return command.session


def terms_of(command: Command) -> Terms:
    """What a second person has to say again; nothing of a command that has no second."""
    match command:
        case Deposit() | Withdrawal():
            return type(command).__name__, command.owner, command.asset, command.amount
        case Adjustment():
            return "Adjustment", command.target, command.asset, command.amount
        case Correction() | CorrectionProposal():
            return (
                "Correction",
                command.matcher,
                command.trade_id,
                command.new_price_ticks,
                command.buyer,
                command.seller,
            )
        case Account():
            return "Account", command.number, command.role
        case DepositLimit() | Welcome():
            return type(command).__name__, command.asset, command.amount
        case Registration():
            return "Registration", command.mode
    return ()
