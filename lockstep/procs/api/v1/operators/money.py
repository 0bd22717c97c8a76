"""Views of money for operators: what waits for a second operator, limits of deposits, and fees."""

from __future__ import annotations

from litestar import Controller, get
from msgspec import Struct

from lockstep.core.operations.directory import Directory, asker
from lockstep.core.operations.directory import Waiting as KnownWithdrawal
from lockstep.core.schema.alphabet import shown
from lockstep.core.schema.records import Adjustment, Deposit
from lockstep.procs.api.history.pages import MOST_ROWS
from lockstep.procs.api.login.registry import VENUE
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.operators.readers import After, looks, seen, shown_amount
from lockstep.procs.api.v1.orders import Limit
from lockstep.procs.api.v1.shown import MS, BalanceShown, balance_shown


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
        return [_proposed(directory, known, known.owner) for known in directory.deposits.values()]

    @get("/deposit-limits")
    async def deposit_limits(self, caller: Caller, services: Services) -> dict[str, str]:
        """By asset, what one operator deposits alone in a day; more takes two. One that is left out always does."""
        directory = await seen(caller, services, "deposit limits")
        return dict(shown_amount(directory, asset, most) for asset, most in directory.deposit_limits.items())

    @get("/withdrawals")
    async def withdrawals(
        self, caller: Caller, services: Services, after: After = 0, limit: Limit = MOST_ROWS
    ) -> list[WithdrawalWaiting]:
        """The withdrawals that wait, for approval or to be paid: the oldest first, from behind number `after` on."""
        directory = await seen(caller, services, "withdrawals")
        numbers = [number for number in directory.withdrawals if number > after]
        return [_waiting(directory, directory.withdrawals[number]) for number in numbers[:limit]]

    @get("/fees")
    async def fees(self, caller: Caller, services: Services) -> list[BalanceShown]:
        """The venue's own balances: the fees that it has taken, less what was paid out."""
        await looks(caller, services, "fees")
        return [balance_shown(view) for view in services.shown.balances(VENUE)]

    @get("/adjustments")
    async def adjustments(self, caller: Caller, services: Services) -> list[MoneyProposed]:
        """The changes of balances that wait for a second operator."""
        directory = await seen(caller, services, "adjustments")
        return [_proposed(directory, known, known.target) for known in directory.proposals.values()]


def _proposed(directory: Directory, known: Deposit | Adjustment, account: int) -> MoneyProposed:
    by, of = directory.name_of_account(asker(known)), directory.name_of_account(account)
    return MoneyProposed(known.seq, by, known.time_ns // MS, of, *shown_amount(directory, known.asset, known.amount))


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
