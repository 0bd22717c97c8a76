"""`/v1/withdrawals`: an account asks for its money to be paid out, and sees what came of it. Operators decide."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, delete, get, post
from msgspec import Meta, Struct

from lockstep.core.schema.alphabet import unshown
from lockstep.core.schema.decimals import decimal, in_units
from lockstep.core.schema.records import Code, WithdrawalState
from lockstep.procs.api.history.rows import Withdrawal
from lockstep.procs.api.login.registry import new_id
from lockstep.procs.api.requests import Request
from lockstep.procs.api.v1.auth import Body
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.orders import ClientId, Limit, OrderId, SomeId
from lockstep.procs.api.v1.problems import refused, units_of
from lockstep.procs.api.v1.shown import MS

US = 1000  # of a millisecond

Destination = Annotated[
    str,
    Meta(pattern=r"^[\x21-\x7e]([\x20-\x7e]{0,70}[\x21-\x7e])?\Z", description="where it goes, as operators read it"),
]

Amount = Annotated[
    str, Meta(pattern=r"^[0-9]{1,20}(\.[0-9]{1,18})?\Z", description="an exact decimal number, as a text")
]


class WithdrawalWanted(Body, frozen=True, kw_only=True):
    """What is to be paid out, and where; held at once. Under an `id` it is asked for once, however often it is sent."""

    asset: Annotated[str, Meta(max_length=16)]
    amount: Amount
    destination: Destination
    id: ClientId | None = None


class WithdrawalShown(Struct, frozen=True):
    """A withdrawal. `state` is requested, approved_once, approved, paid, rejected or cancelled; times are milliseconds
    since 1970, null for what has not happened."""

    number: int
    id: str
    asset: str
    amount: str
    destination: str
    state: str
    requested: int
    first_approved: int | None = None
    second_approved: int | None = None
    ended: int | None = None


class WithdrawalsController(Controller):
    """One's own withdrawals."""

    path = "/v1/withdrawals"
    tags = ["account"]  # noqa: RUF012 - Litestar's name

    @post("", status_code=201)
    async def ask(self, data: WithdrawalWanted, caller: Caller, services: Services) -> WithdrawalShown:
        """Ask for money to be paid out. Two operators approve it; until the second one has, it can be cancelled."""
        caller.has_proved()
        asset, scale = services.asset(data.asset)
        units = units_of(data.amount, scale, "amount")
        id = data.id or new_id()
        request = await _carried(services.desk.commands.request_withdrawal(
            caller.account, 0, asset, units, id.encode(), data.destination.encode(), caller.ticket
        ))  # fmt: skip
        requested = services.desk.now_ns // MS
        for each in services.desk.withdrawals.of(caller.account):
            if each.number == request.seq:
                requested = each.requested_ns // MS
        amount = decimal(units, scale, 0)
        return WithdrawalShown(request.seq, id, data.asset, amount, data.destination, "requested", requested)

    @get("")
    async def withdrawals(
        self, caller: Caller, services: Services, before: SomeId = None, limit: Limit = 100
    ) -> list[WithdrawalShown]:
        """What the account has asked for, the latest first; those before a number."""
        return await withdrawals_of(services, caller.account, before, limit)

    @delete("/{number:int}", status_code=200)
    async def cancel(self, number: OrderId, caller: Caller, services: Services) -> WithdrawalShown:
        """Have the money back, before the second operator has approved."""
        id = new_id().encode()
        await _carried(services.desk.commands.cancel_withdrawal(caller.account, 0, number, id, caller.ticket))
        (found,) = await withdrawals_of(services, caller.account, number + 1, 1)
        return found


async def withdrawals_of(services: Services, account: int, before: int | None, limit: int) -> list[WithdrawalShown]:
    """An account's withdrawals, with all that was told before. DeclinedError."""
    await services.caught_up()
    past = services.past
    read = await past.ask(lambda history: history.withdrawals(account, before, limit))
    return [_shown(services, row) for row in read.rows]


async def _carried(sent: Request | int) -> Request:
    """What was sent, once the router has decided. ProblemError, UnknownOutcome."""
    if not isinstance(sent, Request):
        raise refused(Code(sent))
    await sent.outcome
    if sent.code:
        raise refused(Code(sent.code))
    return sent


def _shown(services: Services, row: Withdrawal) -> WithdrawalShown:
    scale = services.asset(row.asset)[1]
    return WithdrawalShown(
        row.number, unshown(row.cl_ord_id).decode(), row.asset, decimal(in_units(row.amount, scale), scale, 0),
        unshown(row.destination).decode(), WithdrawalState[row.state].name.lower(),
        row.requested_us // US, _ms(row.first_approved_us), _ms(row.second_approved_us), _ms(row.ended_us),
    )  # fmt: skip


def _ms(time_us: int | None) -> int | None:
    return None if time_us is None else time_us // US
