"""`/v1/operator`: what operators do, and what auditors may look at.

The router decides each command by its sender's role.

A command has the client id that the request names by `id`: sent again, it is the same command, and done once.
"""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import Controller, get, post, put
from msgspec import Meta, Struct, structs

from procs.api.login.registry import new_id
from procs.api.requests import Request
from procs.api.v1.account import AccountShown, account_shown
from procs.api.v1.auth import Body
from procs.api.v1.caller import OPERATORS, Caller, Services
from procs.api.v1.orders import ClientId, OrderId, Symbol
from procs.api.v1.problems import not_found, units_of
from procs.api.v1.shown import BalanceShown, OrderShown, balance_shown, order_shown
from shm.records import (
    Account,
    Adjustment,
    Command,
    Deposit,
    ExtCredential,
    KillScope,
    KillSwitch,
    MassCancel,
    Phase,
    PhaseChange,
    Role,
    Side,
    Withdrawal,
)

PhaseName = Literal[
    "closed",
    "pre_open",
    "opening_auction",
    "continuous",
    "volatility_auction",
    "closing_auction",
    "halt",
    "cancel_only",
]
Amount = Annotated[
    str, Meta(pattern=r"^[0-9]{1,20}(\.[0-9]{1,18})?\Z", description="an exact decimal number, as a text")
]
Difference = Annotated[str, Meta(pattern=r"^-?[0-9]{1,20}(\.[0-9]{1,18})?\Z", description="likewise, or below zero")]
RoleName = Literal["trader", "operator", "admin", "auditor"]


class Named(Body, frozen=True, kw_only=True):
    """An operator's command; `id` is used once, for ever, and made up where it is left out."""

    id: ClientId | None = None

    @property
    def client_id(self) -> bytes:
        return (self.id or new_id()).encode()


class NewPhase(Named, frozen=True, kw_only=True):
    """Which phase begins."""

    phase: PhaseName


class Switch(Named, frozen=True, kw_only=True):
    """A kill switch: on, the account (or its FIX session alone) takes no more orders."""

    is_on: bool
    scope: Literal["account", "session"] = "account"


class MassCancelWanted(Named, frozen=True, kw_only=True):
    """Which orders: of an account, of a symbol, of a side, or of any of these that are left out."""

    account: Annotated[str, Meta(max_length=36)] | None = None
    symbol: Symbol | None = None
    side: Literal["buy", "sell"] | None = None


class PaymentWanted(Named, frozen=True, kw_only=True):
    """Money that came in, or went out."""

    account: Annotated[str, Meta(max_length=36)]
    asset: Annotated[str, Meta(max_length=16)]
    amount: Amount


class AdjustmentWanted(Named, frozen=True, kw_only=True):
    """How much more a balance is to have; with a minus, how much less."""

    account: Annotated[str, Meta(max_length=36)]
    asset: Annotated[str, Meta(max_length=16)]
    by: Difference


class NewRole(Named, frozen=True, kw_only=True):
    """What an account may do from now on. Only an admin makes admins."""

    role: RoleName


class Done(Struct, frozen=True):
    """It was carried out, as this record of the log."""

    seq: int


class CancelledOrders(Struct, frozen=True):
    """How many orders were cancelled."""

    count: int
    seq: int


class OperatorController(Controller):
    """For accounts that are operators or admins; auditors only read. Commands need a proof within 5 minutes."""

    path = "/v1/operator"
    tags = ["operator"]  # noqa: RUF012 - Litestar's name

    @get("/accounts")
    async def accounts(self, caller: Caller, services: Services) -> list[AccountShown]:
        """All accounts."""
        await _looks(caller, services, "accounts", "")
        return [account_shown(services.desk.people, number) for number in services.desk.people.numbers()]

    @get("/accounts/{name:str}/balances")
    async def balances(self, name: str, caller: Caller, services: Services) -> list[BalanceShown]:
        """What an account has."""
        account = _account(services, name)
        await _looks(caller, services, "balances", name)
        return [balance_shown(view) for view in services.shown.balances(account)]

    @get("/accounts/{name:str}/orders/open")
    async def open_orders(self, name: str, caller: Caller, services: Services) -> list[OrderShown]:
        """An account's open orders."""
        account = _account(services, name)
        await _looks(caller, services, "open orders", name)
        further = services.desk.orders.further
        return [order_shown(view, further(view.order_id)) for view in services.shown.open_orders(account)]

    @put("/accounts/{name:str}/role")
    async def role(self, name: str, data: NewRole, caller: Caller, services: Services) -> Done:
        """Give an account another role. Its sessions and keys go on with what that allows."""
        caller.may_operate()
        account = _account(services, name)
        credential = services.desk.accounts.find(name)
        assert credential is not None
        kept = credential.credential
        extension = ExtCredential(
            salt=kept.salt, hash=kept.hash, memory_kib=kept.memory_kib, time_cost=kept.time_cost,
            parallelism=kept.parallelism,
        )  # fmt: skip
        command = Account(account=caller.account, name=name.encode(), target=account, role=Role[data.role.upper()])
        return Done((await services.registry.carry([extension, command], name.encode())).seq)

    @put("/accounts/{name:str}/kill-switch")
    async def kill(self, name: str, data: Switch, caller: Caller, services: Services) -> Done:
        """Turn an account's kill switch on or off. Cancels always pass."""
        scope = KillScope[data.scope.upper()]
        command = KillSwitch(cl_ord_id=data.client_id, target=_account(services, name), scope=scope, is_on=data.is_on)
        return await _done(caller, services, command, adds=not data.is_on)

    @put("/instruments/{symbol:str}/phase")
    async def phase(self, symbol: str, data: NewPhase, caller: Caller, services: Services) -> Done:
        """Begin a phase: halt, continuous (resume), an auction. If there is a schedule, its next phase ends it."""
        instrument = services.instrument(symbol)
        command = PhaseChange(cl_ord_id=data.client_id, instrument=instrument, phase=Phase[data.phase.upper()])
        return await _done(caller, services, command)

    @post("/orders/cancel", status_code=200)
    async def cancel(self, data: MassCancelWanted, caller: Caller, services: Services) -> CancelledOrders:
        """Cancel orders of one account or of all."""
        command = MassCancel(
            cl_ord_id=data.client_id,
            instrument=services.instrument(data.symbol),
            target=_account(services, data.account) if data.account is not None else 0,
            side=Side[data.side.upper()] if data.side is not None else 0,
        )
        request = await _carried(caller, services, command, adds=False)
        return CancelledOrders(len(request.orders), request.seq)

    @post("/deposits", status_code=201)
    async def deposit(self, data: PaymentWanted, caller: Caller, services: Services) -> Done:
        """Credit an account with money that was paid in."""
        asset, units = _amount(services, data.asset, data.amount, "amount")
        target = _account(services, data.account)
        command = Deposit(cl_ord_id=data.client_id, asset=asset, target=target, amount=units)
        return await _done(caller, services, command)

    @post("/withdrawals", status_code=201)
    async def withdraw(self, data: PaymentWanted, caller: Caller, services: Services) -> Done:
        """Debit an account's free balance for money that was paid out."""
        asset, units = _amount(services, data.asset, data.amount, "amount")
        target = _account(services, data.account)
        command = Withdrawal(cl_ord_id=data.client_id, asset=asset, target=target, amount=units)
        return await _done(caller, services, command)

    @post("/adjustments", status_code=201)
    async def adjust(self, data: AdjustmentWanted, caller: Caller, services: Services) -> Done:
        """Propose to change a balance: its place in the log is what another operator approves."""
        sign = -1 if data.by.startswith("-") else 1
        asset, units = _amount(services, data.asset, data.by.removeprefix("-"), "by")
        target = _account(services, data.account)
        command = Adjustment(cl_ord_id=data.client_id, asset=asset, target=target, amount=sign * units)
        return await _done(caller, services, command)

    @post("/adjustments/{proposal:int}/approve", status_code=201)
    async def approve(self, proposal: OrderId, data: Named, caller: Caller, services: Services) -> Done:
        """Carry out what another operator has proposed."""
        command = Adjustment(cl_ord_id=data.client_id, asset=0, target=0, amount=0, proposal=proposal)
        return await _done(caller, services, command)


async def _looks(caller: Caller, services: Services, what: str, subject: str) -> None:
    """Somebody looks at what is another's: only who may, and it is noted."""
    caller.is_one_of(*OPERATORS, Role.AUDITOR)
    await services.sessions.audit(caller.account, f"looked at {what}", subject, caller.address)


async def _done(caller: Caller, services: Services, command: Command, *, adds: bool = True) -> Done:
    return Done((await _carried(caller, services, command, adds=adds)).seq)


async def _carried(caller: Caller, services: Services, command: Command, *, adds: bool) -> Request:
    """Have an operator's command carried out, under its client id."""
    caller.may_operate()
    asked = structs.replace(command, account=caller.account)
    id: bytes = asked.cl_ord_id  # type: ignore[attr-defined]
    return await services.registry.carry([asked], id, adds=adds)


def _account(services: Services, name: str) -> int:
    """The number of an account. ProblemError."""
    account = services.desk.accounts.find(name)
    if account is None:
        raise not_found("There is no such account.", "account")
    return account.number


def _amount(services: Services, asset: str, amount: str, field: str) -> tuple[int, int]:
    """An asset's number, and an amount of it in its smallest units. ProblemError."""
    number, scale = services.asset(asset)
    return number, units_of(amount, scale, field)
