"""`/v1/account`: who one is here, and what one has."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get
from litestar.params import Parameter
from msgspec import Struct

from procs.api.v1.caller import OPERATORS, Caller, Services
from procs.api.v1.problems import not_allowed
from procs.api.v1.shown import BalanceShown, balance_shown
from shm.records import Role

MOST_ROWS = 500


class AccountShown(Struct, frozen=True):
    """An account, as the log has it now."""

    account: int
    name: str
    role: str
    has_second_factor: bool
    recovery_codes_left: int


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
        return account_shown(services, caller.account)

    @get("/balances")
    async def balances(self, caller: Caller, services: Services) -> list[BalanceShown]:
        """What the account has, with all that its answered orders have changed."""
        await services.desk.settled_of(caller.account)
        return [balance_shown(view) for view in services.shown.balances(caller.account)]

    @get("/audit")
    async def audit(
        self, caller: Caller, services: Services, of_all: bool = False,
        before: Annotated[int, Parameter(ge=1, le=2**63 - 1)] | None = None,
        limit: Annotated[int, Parameter(ge=1, le=MOST_ROWS)] = 100,
    ) -> list[AuditShown]:  # fmt: skip
        """Logins, and what operators and auditors have looked at, the latest first: one's own, or of all."""
        if of_all and caller.role not in (*OPERATORS, Role.AUDITOR):
            raise not_allowed("What others have done is for operators and auditors.")
        rows = await services.sessions.audited(None if of_all else caller.account, before, limit)
        people = services.desk.people
        return [
            AuditShown(
                row.id, int(1000 * row.time_s), people.name_of(row.account), row.action, row.subject, row.address
            )
            for row in rows
        ]  # fmt: skip


def account_shown(services: Services, account: int) -> AccountShown:
    """An account, for its owner or an operator."""
    people = services.desk.people
    factor = people.factors.find(account)
    return AccountShown(
        account,
        people.name_of(account),
        people.role_of(account).name.lower(),
        factor is not None,
        factor.codes_left if factor is not None else 0,
    )
