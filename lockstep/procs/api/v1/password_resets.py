"""`/v1/operator/…/password-reset`, and its end, `/v1/auth/reset-by-code`: two operators agree, the owner goes on."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, Request, get, post
from msgspec import Meta, Struct

from lockstep.procs.api.v1.auth import PATH, Body, Secret
from lockstep.procs.api.v1.caller import Caller, Services, address_of
from lockstep.procs.api.v1.operators.readers import looks
from lockstep.procs.api.v1.orders import MS


class ResetShown(Struct, frozen=True):
    """A reset that is not over; `until` is in milliseconds since 1970."""

    proposal: int
    account: str
    proposed_by: str
    takes_factor: bool
    is_approved: bool
    until: int


class ResetByCode(Body, frozen=True, kw_only=True):
    """The code that an operator has given to the account's owner, and the next password."""

    name: Annotated[str, Meta(max_length=256)]
    code: Annotated[str, Meta(max_length=64)]
    password: Secret


class PasswordResetController(Controller):
    """For operators: what waits."""

    path = "/v1/operator"
    tags = ["operator: accounts"]  # noqa: RUF012 - Litestar's name

    @get("/password-resets")
    async def pending(self, caller: Caller, services: Services) -> list[ResetShown]:
        """The resets that wait for another operator, or for the owner."""
        await looks(caller, services, "password resets", "")
        name_of = services.desk.people.name_of
        return [
            ResetShown(
                each.proposal, name_of(each.account), name_of(each.proposed_by), each.takes_factor, each.is_approved,
                each.until_ns // MS,
            )
            for each in services.resets.pending()
        ]  # fmt: skip


class ResetByCodeController(Controller):
    """For who has lost his password and his recovery codes."""

    path = PATH
    tags = ["auth"]  # noqa: RUF012 - Litestar's name

    @post("/reset-by-code", status_code=204)
    async def use(self, data: ResetByCode, request: Request[Any, Any, Any], services: Services) -> None:
        """Take another password by a code that two operators have agreed on. All of the account's sessions end."""
        account = await services.resets.use(data.name, data.code, data.password, address_of(request))
        await services.sessions.end_all(account, "another password")
