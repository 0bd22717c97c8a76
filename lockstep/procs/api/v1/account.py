"""`/v1/account`: who one is here, what one says of oneself, and what one has."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import Controller, get, put
from litestar.params import Parameter
from msgspec import Meta, Struct

from lockstep.core.rules.roles import READERS
from lockstep.core.schema.alphabet import fault_of_text
from lockstep.procs.api.login.sessions import Profile
from lockstep.procs.api.people import People
from lockstep.procs.api.v1.auth import Body
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.problems import invalid, not_allowed
from lockstep.procs.api.v1.shown import BalanceShown, balance_shown

MOST_ROWS = 500
EMAIL = r"^([!-?A-~]{1,64}@[0-9A-Za-z-]{1,63}(\.[0-9A-Za-z-]{1,63}){0,8})?\Z"
LANGUAGE = r"^([a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3})?\Z"
TIME_ZONE = r"^([A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,31}){0,2})?\Z"


class AccountShown(Struct, frozen=True):
    """An account, as the log has it now."""

    account: int
    name: str
    role: str
    has_second_factor: bool
    recovery_codes_left: int


class ProfileShown(Body, frozen=True, kw_only=True):
    """What a person says of itself, and how pages are to show things; an empty text says nothing. Nothing is decided by
    it, and no mail is sent."""

    display_name: Annotated[str, Meta(max_length=100)] = ""
    email: Annotated[str, Meta(pattern=EMAIL, max_length=254)] = ""
    language: Annotated[str, Meta(pattern=LANGUAGE, description="as BCP 47 names it: de, pt-BR")] = ""
    time_zone: Annotated[str, Meta(pattern=TIME_ZONE, description="as the IANA names it: Europe/Berlin")] = ""
    theme: Literal["", "system", "light", "dark"] = ""


class AuditShown(Struct, frozen=True):
    """What somebody has looked at, or done that the log does not have. `time` is in milliseconds since 1970."""

    id: int
    time: int
    account: str
    action: str
    subject: str
    address: str


class AccountController(Controller):
    """One's own account."""

    path = "/v1/account"
    tags = ["account"]  # noqa: RUF012 - Litestar's name

    @get("")
    async def account(self, caller: Caller, services: Services) -> AccountShown:
        """Who one is, and by what one proves it."""
        return account_shown(services.desk.people, caller.account)

    @get("/balances")
    async def balances(self, caller: Caller, services: Services) -> list[BalanceShown]:
        """What the account has, with all that its answered orders have changed."""
        await services.desk.settled_of(caller.account)
        return [balance_shown(view) for view in services.shown.balances(caller.account)]

    @get("/profile")
    async def profile(self, caller: Caller, services: Services) -> ProfileShown:
        """What one has said of oneself."""
        return ProfileShown(**(await services.sessions.profile(caller.account))._asdict())

    @put("/profile")
    async def set_profile(self, data: ProfileShown, caller: Caller, services: Services) -> ProfileShown:
        """Say it anew: what is left out is empty from then on."""
        if data.display_name and (fault := fault_of_text(data.display_name)):
            raise invalid("display_name", f"A name {fault}.")
        profile = Profile(data.display_name, data.email, data.language, data.time_zone, data.theme)
        await services.sessions.set_profile(caller.account, profile)
        return data

    @get("/audit")
    async def audit(
        self, caller: Caller, services: Services, of_all: bool = False,
        before: Annotated[int | None, Parameter(ge=1, le=2**63 - 1)] = None,
        limit: Annotated[int, Parameter(ge=1, le=MOST_ROWS)] = 100,
    ) -> list[AuditShown]:  # fmt: skip
        """Logins, and what operators and auditors have looked at, the latest first: one's own, or of all."""
        if of_all and caller.role not in READERS:
            raise not_allowed("What others have done is for operators and auditors.")
        rows = await services.sessions.audited(None if of_all else caller.account, before, limit)
        people = services.desk.people
        return [
            AuditShown(
                row.id, int(1000 * row.time_s), people.name_of(row.account), row.action, row.subject, row.address
            )
            for row in rows
        ]  # fmt: skip


def account_shown(people: People, account: int) -> AccountShown:
    """An account, for its owner or an operator."""
    factor = people.factors.find(account)
    return AccountShown(
        account,
        people.name_of(account),
        people.role_of(account).name.lower(),
        factor is not None,
        factor.codes_left if factor is not None else 0,
    )
