"""What all requests of operators have in common: who may make them, their ids, and how they are carried out.

A command has the client id that the request names by `id`: sent again, it is the same command, and done once. Who may
give it is checked here to answer in plain words; the router decides by the sender's role in the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from litestar.params import Parameter
from msgspec import Meta, Struct, structs

from procs.api.login.registry import RefusedError, new_id
from procs.api.requests import Request
from procs.api.v1.auth import Body
from procs.api.v1.caller import OPERATORS, Caller, Services
from procs.api.v1.orders import ClientId
from procs.api.v1.problems import invalid, not_found, units_of
from procs.operating.amounts import step_text
from procs.operating.directory import Directory
from shm.records import CL_ORD_ID_SIZE, Account, Code, Command, Role

Amount = Annotated[
    str, Meta(pattern=r"^[0-9]{1,20}(\.[0-9]{1,18})?\Z", description="an exact decimal number, as a text")
]
Difference = Annotated[str, Meta(pattern=r"^-?[0-9]{1,20}(\.[0-9]{1,18})?\Z", description="likewise, or below zero")]
AccountName = Annotated[str, Meta(max_length=36)]
AssetName = Annotated[str, Meta(max_length=16)]

After = Annotated[int, Parameter(ge=0, le=2**63 - 1)]
READERS = (*OPERATORS, Role.AUDITOR)
ROOM_FOR_PARTS = 3  # of a client id: ".31" behind it


class Named(Body, frozen=True, kw_only=True):
    """An operator's command; `id` is used once, for ever, and made up where it is left out."""

    id: ClientId | None = None

    @property
    def client_id(self) -> bytes:
        return (self.id or new_id()).encode()


NAMELESS = Named()  # what a request without a body says


class Done(Struct, frozen=True):
    """It was carried out, as this record of the log."""

    seq: int


class Proposed(Struct, frozen=True):
    """It waits for another operator, who approves `proposal`; done as record `seq` where that is null."""

    seq: int
    proposal: int | None


async def looks(caller: Caller, services: Services, what: str, subject: str = "") -> None:
    """Somebody looks at what is another's: only who may, and it is noted. ProblemError."""
    caller.is_one_of(*READERS)
    await services.sessions.audit(caller.account, f"looked at {what}", subject, caller.address)


async def seen(caller: Caller, services: Services, what: str, subject: str = "") -> Directory:
    """What is listed and set, for somebody who looks at it. ProblemError, ReadingError, JournalError."""
    await looks(caller, services, what, subject)
    return await services.directories.now()


async def known(caller: Caller, services: Services) -> Directory:
    """What is listed and set, for who is about to change it. ProblemError, ReadingError, JournalError."""
    caller.may_operate()
    return await services.directories.now()


async def done(caller: Caller, services: Services, command: Command, *, adds: bool = True) -> Done:
    """Have an operator's command carried out."""
    return Done((await carried(caller, services, command, adds=adds)).seq)


async def carried(
    caller: Caller, services: Services, command: Command, extensions: Sequence[Command] = (), *, id: bytes = b"",
    adds: bool = True,
) -> Request:  # fmt: skip
    """Have an operator's command carried out, under its client id, where it has one, and an account under its name;
    `adds` as `Desk.carry` has it. An `id` becomes the command's where it can have one."""
    caller.may_operate()
    asked = structs.replace(command, account=caller.account)
    if id and hasattr(asked, "cl_ord_id"):
        asked = structs.replace(asked, cl_ord_id=id)
    own = asked.name if isinstance(asked, Account) else getattr(asked, "cl_ord_id", b"")
    return await services.registry.carry([*extensions, asked], own, caller.ticket, adds=adds)


async def agreed(caller: Caller, services: Services, command: Command, extensions: Sequence[Command] = ()) -> Proposed:
    """Have an operator's command carried out, or proposed to another one, where it takes two."""
    try:
        return Proposed((await carried(caller, services, command, extensions)).seq, None)
    except RefusedError as error:
        if error.code != Code.SECOND_NEEDED:
            raise
        return Proposed(error.seq, error.seq)


async def all_carried(caller: Caller, services: Services, commands: Sequence[Command], id: bytes) -> Done:
    """Have commands that belong together carried out, all at once; the last one's outcome is that of all."""
    caller.may_operate()
    if len(id) > CL_ORD_ID_SIZE - ROOM_FOR_PARTS:
        raise invalid("id", f"An id of several records has {CL_ORD_ID_SIZE - ROOM_FOR_PARTS} characters at most.")
    ids = [id if number == len(commands) - 1 else id + b".%d" % number for number in range(len(commands))]
    asked = [
        structs.replace(each, account=caller.account, cl_ord_id=own) for each, own in zip(commands, ids, strict=True)
    ]
    return Done((await services.registry.carry(asked, id, caller.ticket)).seq)


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


def amount_of(caller: Caller, services: Services, asset: str, amount: str, field: str) -> tuple[int, int]:
    """An asset's number, and an amount of it in its smallest units, for an operator's command. ProblemError."""
    caller.may_operate()
    number, scale = services.asset(asset)
    return number, units_of(amount, scale, field)


def given(data: Body) -> dict[str, Any]:
    """What is named of a request's fields, but its id. ProblemError if that is nothing."""
    found = {name: value for name, value in structs.asdict(data).items() if name != "id" and value is not None}
    if not found:
        raise invalid(None, "Name at least one thing to change.")
    return found


def shown_amount(directory: Directory, asset: int, units: int) -> tuple[str, str]:
    """The name of an asset, and an amount of it as people write it."""
    name, scale = directory.name_of_asset(asset)
    return name, step_text(units, scale)
