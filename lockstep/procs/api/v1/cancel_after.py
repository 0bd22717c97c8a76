"""`/v1/orders/cancel-after`: a dead man's switch. Who says nothing more has no open orders after so many seconds."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, delete, get, put
from msgspec import Meta, Struct

from lockstep.core.schema.records import MAX_CANCEL_AFTER_S, CancelAfter
from lockstep.procs.api.login.registry import new_id
from lockstep.procs.api.v1.auth import Body
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.orders import MS, _may_trade


class CancelWanted(Body, frozen=True, kw_only=True):
    """In how many seconds all open orders are cancelled, unless this is sent again."""

    seconds: Annotated[int, Meta(ge=1, le=MAX_CANCEL_AFTER_S)]


class CancelShown(Struct, frozen=True):
    """When all open orders of the account are cancelled, in milliseconds since 1970; null: not at all."""

    due: int | None


class CancelAfterController(Controller):
    """It is kept in the log: no failure of the venue loses it, and time without the venue counts."""

    path = "/v1/orders/cancel-after"
    tags = ["orders"]  # noqa: RUF012 - Litestar's name

    @put("")
    async def arm(self, data: CancelWanted, caller: Caller, services: Services) -> CancelShown:
        """Have all open orders cancelled in so many seconds; sent again before that, it counts from then on."""
        return await _said(caller, services, data.seconds)

    @delete("", status_code=200)
    async def disarm(self, caller: Caller, services: Services) -> CancelShown:
        """Have them stand, however long nothing is sent."""
        return await _said(caller, services, 0)

    @get("")
    async def armed(self, caller: Caller, services: Services) -> CancelShown:
        """When they are cancelled."""
        return _shown(caller, services)


async def _said(caller: Caller, services: Services, seconds: int) -> CancelShown:
    _may_trade(caller)
    id = new_id().encode()
    command = CancelAfter(account=caller.account, cl_ord_id=id, seconds=seconds)
    await services.registry.carry([command], id, caller.ticket, adds=False)
    return _shown(caller, services)


def _shown(caller: Caller, services: Services) -> CancelShown:
    due_ns = services.desk.cancel_after.get(caller.account)
    return CancelShown(None if due_ns is None else due_ns // MS)
