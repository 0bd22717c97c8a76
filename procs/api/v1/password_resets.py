"""`/v1/operator/…/password-reset`, and its end, `/v1/auth/reset-by-code`: two operators agree, the owner goes on."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, Request, get, post
from msgspec import Meta, Struct

from procs.api.v1.auth import PATH, Body, Secret
from procs.api.v1.caller import Caller, Services, address_of
from procs.api.v1.operators.carried import NAMELESS, Named, account_of, looks
from procs.api.v1.orders import MS, OrderId
from procs.operating.operation import Done


class ResetWanted(Named, frozen=True, kw_only=True):
    """`takes_factor`: the second factor goes, too, when the code is used. Else it is asked for as ever."""

    takes_factor: bool = False


PLAIN = ResetWanted()


class ResetProposed(Struct, frozen=True):
    """`code` is shown once: for the account's owner, once another operator has approved the proposal."""

    proposal: int
    code: str


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
    """For operators. Commands need a proof within 5 minutes."""

    path = "/v1/operator"
    tags = ["operator"]  # noqa: RUF012 - Litestar's name

    @post("/accounts/{name:str}/password-reset", status_code=201)
    async def propose(self, name: str, caller: Caller, services: Services, data: ResetWanted = PLAIN) -> ResetProposed:
        """Propose to let an account take a new password by a code. Nothing changes before another operator agrees."""
        account = account_of(caller, services, name)
        made = await services.resets.propose(
            caller.account, caller.ticket, account, data.client_id, takes_factor=data.takes_factor
        )  # fmt: skip
        return ResetProposed(made.proposal, made.code)

    @post("/accounts/{name:str}/password-reset/{proposal:int}/approve", status_code=201)
    async def approve(
        self, name: str, proposal: OrderId, caller: Caller, services: Services, data: Named = NAMELESS
    ) -> Done:
        """Let the code of another operator's proposal work, once, until a day after the proposal."""
        account = account_of(caller, services, name)
        return Done(await services.resets.approve(caller.account, caller.ticket, account, proposal, data.client_id))

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
