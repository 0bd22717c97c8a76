"""Money, for operators: what comes in and goes out, what waits for a second operator, and what takes two."""

from __future__ import annotations

from litestar import Controller, get, post, put
from msgspec import Struct, structs

from procs.api.binance.pages import MOST_ROWS
from procs.api.login.registry import VENUE
from procs.api.v1.caller import Caller, Services
from procs.api.v1.operators.carried import (
    NAMELESS,
    AccountName,
    After,
    Amount,
    AssetName,
    Difference,
    Done,
    Named,
    Proposed,
    account_of,
    agreed,
    amount_of,
    carried,
    done,
    known,
    looks,
    seen,
    shown_amount,
)
from procs.api.v1.orders import Limit, OrderId
from procs.api.v1.shown import MS, BalanceShown, balance_shown
from procs.operating import accounts
from procs.operating.directory import Directory
from procs.operating.directory import Waiting as KnownWithdrawal
from shm.alphabet import shown
from shm.records import Adjustment, Deposit, Role, Withdrawal, WithdrawalDecision, WithdrawalStep


class PaymentWanted(Named, frozen=True, kw_only=True):
    """Money that came in, or went out."""

    account: AccountName
    asset: AssetName
    amount: Amount


class FeesWanted(Named, frozen=True, kw_only=True):
    """Fees that were paid out."""

    asset: AssetName
    amount: Amount


class AdjustmentWanted(Named, frozen=True, kw_only=True):
    """How much more a balance is to have; with a minus, how much less."""

    account: AccountName
    asset: AssetName
    by: Difference


class DepositLimitWanted(Named, frozen=True, kw_only=True):
    """The most that one operator deposits alone in a day (UTC); 0: every deposit takes two."""

    amount: Amount


class MoneyProposed(Struct, frozen=True):
    """A deposit above the limit, or an adjustment, that another operator is to approve: by whom it was proposed, and
    when (milliseconds since 1970)."""

    proposal: int
    by: str
    when: int
    account: str
    asset: str
    amount: str


class WithdrawalWaiting(Struct, frozen=True):
    """A withdrawal that its owner has asked for, whose money is held. `state` is requested, approved_once or approved
    (to be paid); `destination` is in its owner's words."""

    withdrawal: int
    account: str
    asset: str
    amount: str
    destination: str
    state: str
    approved_by: list[str]
    when: int


class MoneyController(Controller):
    """What comes in and goes out."""

    path = "/v1/operator"
    tags = ["operator: money"]  # noqa: RUF012 - Litestar's name

    @get("/deposits")
    async def deposits(self, caller: Caller, services: Services) -> list[MoneyProposed]:
        """The deposits above a limit that wait for a second operator."""
        directory = await seen(caller, services, "deposits")
        return [
            _proposed(directory, known, known.asked_by, known.owner, known.amount)
            for known in directory.deposits.values()
        ]

    @post("/deposits", status_code=201)
    async def deposit(self, data: PaymentWanted, caller: Caller, services: Services) -> Proposed:
        """Credit an account with money that was paid in. Above what the asset's limit leaves the operator that day, or
        for the operator's own account, this proposes it, and another operator sends the same to
        `/deposits/{proposal}/approve`."""
        return await _deposit(caller, services, data, 0)

    @post("/deposits/{proposal:int}/approve", status_code=201)
    async def approve_deposit(
        self, proposal: OrderId, data: PaymentWanted, caller: Caller, services: Services
    ) -> Proposed:
        """Carry out a deposit that another operator has proposed, saying the same: what has come in, as you have seen
        it."""
        return await _deposit(caller, services, data, proposal)

    @get("/deposit-limits")
    async def deposit_limits(self, caller: Caller, services: Services) -> dict[str, str]:
        """By asset, what one operator deposits alone in a day; more takes two. One that is left out always does."""
        directory = await seen(caller, services, "deposit limits")
        return dict(shown_amount(directory, asset, most) for asset, most in directory.deposit_limits.items())

    @put("/deposit-limits/{asset:str}")
    async def limit_deposits(
        self, asset: str, data: DepositLimitWanted, caller: Caller, services: Services
    ) -> Proposed:
        """Set what one operator deposits alone in a day: an admin lowers it. A higher limit is a proposal, which
        another admin approves at `/proposals/{proposal}/approve`."""
        caller.is_one_of(Role.ADMIN)
        command = accounts.deposit_limit(await known(caller, services), asset, data.amount)
        return await agreed(caller, services, structs.replace(command, cl_ord_id=data.client_id))

    @get("/withdrawals")
    async def withdrawals(
        self, caller: Caller, services: Services, after: After = 0, limit: Limit = MOST_ROWS
    ) -> list[WithdrawalWaiting]:
        """The withdrawals that wait, for approval or to be paid: the oldest first, from behind number `after` on."""
        directory = await seen(caller, services, "withdrawals")
        numbers = [number for number in directory.withdrawals if number > after]
        return [_waiting(directory, directory.withdrawals[number]) for number in numbers[:limit]]

    @post("/withdrawals", status_code=201)
    async def withdraw(self, data: PaymentWanted, caller: Caller, services: Services) -> Proposed:
        """Propose to debit an account's free balance, for money that was paid out without its owner's request. Another
        operator approves it at `/proposals/{proposal}/approve`."""
        asset, units = amount_of(caller, services, data.asset, data.amount, "amount")
        target = account_of(caller, services, data.account)
        command = Withdrawal(cl_ord_id=data.client_id, asset=asset, target=target, amount=units)
        return await agreed(caller, services, command)

    @get("/fees")
    async def fees(self, caller: Caller, services: Services) -> list[BalanceShown]:
        """The venue's own balances: the fees that it has taken, less what was paid out."""
        await looks(caller, services, "fees")
        return [balance_shown(view) for view in services.shown.balances(VENUE)]

    @post("/fees/pay-out", status_code=201)
    async def pay_out(self, data: FeesWanted, caller: Caller, services: Services) -> Proposed:
        """Propose to pay out fees that the venue has taken: `/adjustments/{proposal}/approve` is another operator's."""
        asset, units = amount_of(caller, services, data.asset, data.amount, "amount")
        command = Adjustment(cl_ord_id=data.client_id, asset=asset, target=VENUE, amount=-units)
        request = await carried(caller, services, command)
        return Proposed(request.seq, request.proposal)

    @post("/withdrawals/{withdrawal:int}/approve", status_code=201)
    async def approve(self, withdrawal: OrderId, caller: Caller, services: Services, data: Named = NAMELESS) -> Done:
        """Approve a withdrawal: two operators do, neither of them its owner. Then it is paid."""
        return await _decide(caller, services, withdrawal, WithdrawalStep.APPROVE, data.client_id)

    @post("/withdrawals/{withdrawal:int}/reject", status_code=201)
    async def reject(self, withdrawal: OrderId, caller: Caller, services: Services, data: Named = NAMELESS) -> Done:
        """Reject a withdrawal: what it holds is free again. One that is approved, only if its payment did not go
        out."""
        return await _decide(caller, services, withdrawal, WithdrawalStep.REJECT, data.client_id)

    @post("/withdrawals/{withdrawal:int}/paid", status_code=201)
    async def paid(self, withdrawal: OrderId, caller: Caller, services: Services, data: Named = NAMELESS) -> Done:
        """Say that a withdrawal was paid: what it holds leaves the venue."""
        return await _decide(caller, services, withdrawal, WithdrawalStep.PAID, data.client_id)

    @get("/adjustments")
    async def adjustments(self, caller: Caller, services: Services) -> list[MoneyProposed]:
        """The changes of balances that wait for a second operator."""
        directory = await seen(caller, services, "adjustments")
        return [
            _proposed(directory, known, known.account, known.target, known.amount)
            for known in directory.proposals.values()
        ]

    @post("/adjustments", status_code=201)
    async def adjust(self, data: AdjustmentWanted, caller: Caller, services: Services) -> Proposed:
        """Propose to change a balance: `/adjustments/{proposal}/approve` is another operator's."""
        sign = -1 if data.by.startswith("-") else 1
        asset, units = amount_of(caller, services, data.asset, data.by.removeprefix("-"), "by")
        target = account_of(caller, services, data.account)
        command = Adjustment(cl_ord_id=data.client_id, asset=asset, target=target, amount=sign * units)
        request = await carried(caller, services, command)
        return Proposed(request.seq, request.proposal)

    @post("/adjustments/{proposal:int}/approve", status_code=201)
    async def approve_adjustment(
        self, proposal: OrderId, caller: Caller, services: Services, data: Named = NAMELESS
    ) -> Done:
        """Carry out what another operator has proposed."""
        command = Adjustment(cl_ord_id=data.client_id, asset=0, target=0, amount=0, proposal=proposal)
        return await done(caller, services, command)


async def _deposit(caller: Caller, services: Services, data: PaymentWanted, proposal: int) -> Proposed:
    asset, units = amount_of(caller, services, data.asset, data.amount, "amount")
    target = account_of(caller, services, data.account)
    command = Deposit(cl_ord_id=data.client_id, asset=asset, target=target, amount=units, proposal=proposal)
    request = await carried(caller, services, command)
    return Proposed(request.seq, None if proposal else request.proposal or None)


async def _decide(caller: Caller, services: Services, withdrawal: int, step: WithdrawalStep, id: bytes) -> Done:
    caller.may_operate()
    return await done(caller, services, WithdrawalDecision(cl_ord_id=id, step=step, withdrawal=withdrawal))


def _proposed(directory: Directory, known: Deposit | Adjustment, by: int, account: int, amount: int) -> MoneyProposed:
    asset, text = shown_amount(directory, known.asset, amount)
    return MoneyProposed(
        known.seq, directory.name_of_account(by), known.time_ns // MS, directory.name_of_account(account), asset, text
    )  # fmt: skip


def _waiting(directory: Directory, known: KnownWithdrawal) -> WithdrawalWaiting:
    request = known.request
    asset, text = shown_amount(directory, request.asset, request.amount)
    return WithdrawalWaiting(
        request.seq,
        directory.name_of_account(request.owner),
        asset,
        text,
        shown(known.destination),
        known.state.name.lower(),
        [directory.name_of_account(each) for each in known.approved_by],
        request.time_ns // MS,
    )
