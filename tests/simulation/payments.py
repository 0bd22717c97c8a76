"""What a simulated venue's clients and operators ask for where money leaves, or much of it comes: half of the seeds do.

It reads the log as far as that is committed, as an operator's tools do, and draws from a source of its own, so that
seeds without it stay what they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from typing import Any, NamedTuple

from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.schema.records import (
    API_SESSION,
    Code,
    Command,
    CommandType,
    Deposit,
    DepositFlag,
    ExtDestination,
    WithdrawalDecision,
    WithdrawalRequest,
    WithdrawalStep,
)

DUE = 0.3  # how likely there is one where the log is looked at
ON = 0.5  # how likely a seed has payments
LOOKS_BACK = 400  # records of the log
LIMIT = "50"  # of ETH: what one operator deposits alone
STEPS = (*(WithdrawalStep.APPROVE,) * 5, *(WithdrawalStep.PAID,) * 2, WithdrawalStep.REJECT, WithdrawalStep.CANCEL)


def are_on(seed: int) -> bool:
    """Whether this seed has payments."""
    return Random(f"payments {seed}").random() < ON


class Sent(NamedTuple):
    """Records that belong together, for the operators' ring or the api's."""

    by_api: bool
    records: list[bytes]


class Payments:
    """Requests of the first `accounts` accounts, and two operators' steps."""

    def __init__(self, accounts: int, operators: tuple[int, int], draw: Random) -> None:
        self.accounts = accounts
        self.operators = operators
        self.draw = draw
        self.count = 0

    def is_due(self) -> bool:
        """Whether anybody asks for anything now."""
        return self.draw.random() < DUE

    def next(self, log: Mapping[int, bytes], time_ns: int) -> Sent:
        self.count += 1
        latest = [log[seq] for seq in range(max(1, len(log) - LOOKS_BACK), len(log) + 1) if seq in log]
        choice = self.draw.random()
        if choice < 0.3:
            return self._request(time_ns)
        if choice < 0.8 and (known := _of(latest, CommandType.WITHDRAWAL_REQUEST)):
            return self._decide(self.draw.choice(known[-3:]), _of(latest, CommandType.WITHDRAWAL_DECISION), time_ns)
        return self._deposit(_of(latest, CommandType.DEPOSIT), time_ns)

    def _request(self, time_ns: int) -> Sent:
        own = self.draw.randint(1, self.accounts)
        mine: dict[str, Any] = {"account": own, "session": API_SESSION, "time_ns": time_ns}
        amount = self.draw.choice((1, 10**8, 5 * 10**9))
        asset = self.draw.randint(1, 3)
        request = WithdrawalRequest(cl_ord_id=b"out-%d" % self.count, asset=asset, amount=amount, **mine)
        return Sent(True, [pack(ExtDestination(destination=b"vault", **mine)), pack(request)])

    def _decide(self, request: Command, decisions: list[Any], time_ns: int) -> Sent:
        """Mostly what comes next; now and then anything, by anybody."""
        step, who = self.draw.choice(STEPS), self.draw.choice(self.operators)
        if self.draw.random() < 0.7:
            approved = [each.account for each in decisions if each.withdrawal == request.seq]
            step = WithdrawalStep.PAID if len(approved) > 1 else WithdrawalStep.APPROVE
            who = next((each for each in self.operators if each not in approved), who)
        by_owner = step == WithdrawalStep.CANCEL
        who = request.account if by_owner else who
        session = API_SESSION if by_owner else 0
        made = WithdrawalDecision(
            cl_ord_id=b"step-%d" % self.count, step=step, withdrawal=request.seq, account=who, session=session,
            time_ns=time_ns,
        )  # fmt: skip
        return Sent(by_owner, [pack(made)])

    def _deposit(self, known: list[Any], time_ns: int) -> Sent:
        """Much of an asset, or the approval of such a one."""
        proposals = [each for each in known if each.flags & DepositFlag.PROPOSAL]
        account, amount, proposal = self.draw.randint(1, self.accounts), 6 * 10**9, 0
        if proposals and self.draw.random() < 0.7:
            first = self.draw.choice(proposals)
            account, amount, proposal = first.account, first.amount, first.seq
        made = Deposit(
            cl_ord_id=b"much-%d" % self.count, account=account, session=self.draw.choice(self.operators), asset=2,
            amount=amount, proposal=proposal, time_ns=time_ns,
        )  # fmt: skip
        return Sent(False, [pack(made)])


def outcomes(log: Iterable[bytes]) -> dict[str, int]:
    """How much of it was carried out."""
    kinds = (CommandType.WITHDRAWAL_DECISION, CommandType.DEPOSIT)
    found: list[Any] = [unpack_command(record) for record in log if record[4] in kinds]
    done = [each for each in found if each.verdict == Code.OK]
    steps = [each.step for each in done if isinstance(each, WithdrawalDecision)]
    return {
        "withdrawal paid": steps.count(WithdrawalStep.PAID),
        "withdrawal given back": steps.count(WithdrawalStep.REJECT) + steps.count(WithdrawalStep.CANCEL),
        "deposit by two operators": sum(bool(getattr(each, "proposal", 0)) for each in done),
    }


def _of(records: list[bytes], kind: CommandType) -> list[Any]:
    """Those of a type that were not refused."""
    found: list[Any] = [unpack_command(record) for record in records if record[4] == kind]
    return [each for each in found if each.verdict == Code.OK]
