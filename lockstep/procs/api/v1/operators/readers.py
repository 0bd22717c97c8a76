"""What all requests of operators have in common: who may read, and who may give a command."""

from __future__ import annotations

from typing import Annotated

from litestar.params import Parameter

from lockstep.core.operations.amounts import step_text
from lockstep.core.operations.directory import Directory
from lockstep.core.rules.roles import READERS
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.problems import not_found

After = Annotated[int, Parameter(ge=0, le=2**63 - 1)]
AUDITABLE = r"^[^\x00-\x1f\x7f]*\Z"  # what the audit can have
SomeName = Annotated[str | None, Parameter(max_length=36, pattern=AUDITABLE)]


async def looks(caller: Caller, services: Services, what: str, subject: str = "") -> None:
    """Somebody looks at what is another's: only who may, and it is noted. ProblemError."""
    caller.is_one_of(*READERS)
    await services.sessions.audit(caller.account, f"looked at {what}", subject, caller.address)


async def seen(caller: Caller, services: Services, what: str, subject: str = "") -> Directory:
    """What is listed and set, for somebody who looks at it. ProblemError, ReadingError, JournalError."""
    await looks(caller, services, what, subject)
    return await services.directories.now()


def looked_at(caller: Caller, services: Services, name: str) -> int:
    """The number of an account that somebody looks at: only who may look hears whether there is one. ProblemError."""
    caller.is_one_of(*READERS)
    return _number(services, name)


def account_of(caller: Caller, services: Services, name: str) -> int:
    """The number of an account that an operator's command is about. ProblemError."""
    caller.may_operate()
    return _number(services, name)


def _number(services: Services, name: str) -> int:
    account = services.desk.accounts.find(name)
    if account is None:
        raise not_found("There is no such account.", "account")
    return account.number


def shown_amount(directory: Directory, asset: int, units: int) -> tuple[str, str]:
    """The name of an asset, and an amount of it as people write it."""
    name, scale = directory.name_of_asset(asset)
    return name, step_text(units, scale)
