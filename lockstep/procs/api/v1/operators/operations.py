"""The requests of `/v1/operator` that carry out operations: each handler is made from an entry of the table.

A command has the client id that the request names by `id`: sent again, it is the same command, and done once. The
sender's role is checked here to answer in plain words; the router decides by the role in the log.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Annotated, Any

from litestar import post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter
from msgspec import Meta, Struct, defstruct, structs

from lockstep.core.operations.operation import AskedField, Operation, Proposed, sent_fields_of
from lockstep.core.operations.questions import Found
from lockstep.core.operations.table import OPERATIONS
from lockstep.core.operations.trades import ContradictedError, OfTrade
from lockstep.core.schema.layout import unpack_event
from lockstep.core.schema.records import CL_ORD_ID_SIZE, Account, Code, Command, Role, Traded
from lockstep.procs.api.login.registry import RefusedError, new_id
from lockstep.procs.api.requests import Request
from lockstep.procs.api.v1.auth import Body
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.orders import ClientId
from lockstep.procs.api.v1.problems import ProblemError, invalid, refused, sentence

PLACE = re.compile(r"\{(\w+)\}")  # of a field in a path
IN_PATHS = {"account": "name", "approves": "proposal"}  # what a path calls it
EMPTY = inspect.Parameter.empty
ROOM_FOR_PARTS = 3  # of a client id: it ends in ".31"


class Named(Body, frozen=True, kw_only=True):
    """An operator's command; `id` is used once, for ever, and made up where it is left out."""

    id: ClientId | None = None

    @property
    def client_id(self) -> bytes:
        return (self.id or new_id()).encode()


NAMELESS = Named()  # what a request without a body says


def handlers() -> list[HTTPRouteHandler]:
    """A handler for each operation that has a route."""
    return [_handler(each) for each in OPERATIONS if each.route and not each.given]


def _handler(operation: type[Operation]) -> HTTPRouteHandler:
    method, path = operation.route.split(" ")
    fields = {each.name: each for each in sent_fields_of(operation)}
    in_path = {name: fields.pop(name) for name in PLACE.findall(path)}
    types = {IN_PATHS.get(name, name): _path_type(field) for name, field in in_path.items()}
    body = _body(operation, list(fields.values()))

    async def carry(caller: Caller, services: Services, data: Body = NAMELESS, **said: Any) -> Struct:
        if operation.giver is Role.ADMIN:
            caller.is_one_of(Role.ADMIN)
        caller.may_operate()
        of_path = {name: said[IN_PATHS.get(name, name)] for name in in_path}
        asked = operation(**of_path, **{name: getattr(data, name) for name in fields})
        return await _carried(caller, services, asked, data.client_id if isinstance(data, Named) else b"")

    types |= {"caller": Caller, "services": Services} | ({"data": body} if body is not None else {})
    carry.__name__ = re.sub(r"(?<!^)(?=[A-Z])", "_", operation.__name__).lower()
    carry.__doc__ = operation.__doc__
    carry.__annotations__ = types | {"return": operation.answer}
    default = {"data": body()} if body is not None and not (fields and operation.needs_body) else {}
    carry.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=type, default=default.get(name, EMPTY))
            for name, type in types.items()
        ],
        return_annotation=operation.answer,
    )
    place = PLACE.sub(lambda found: _place(in_path[found[1]]), path)
    decorate = post if method == "POST" else put
    return decorate(
        f"/v1/operator{place}", status_code=operation.status if method == "POST" else 200,
        tags=[f"operator: {operation.subject}"],
    )(carry)  # fmt: skip


def _place(field: AskedField) -> str:
    """A field in a path as Litestar has it."""
    return f"{{{IN_PATHS.get(field.name, field.name)}:{field.plain.__name__}}}"


def _path_type(field: AskedField) -> Any:
    bounds = next((each for each in field.type.__metadata__ if isinstance(each, Meta)), Meta())
    return Annotated[int, Parameter(ge=bounds.ge, le=bounds.le)] if field.plain is int else str


def _body(operation: type[Operation], fields: Sequence[AskedField]) -> type[Body] | None:
    """What a request's body says: what its path does not, and an id where the record has room for one."""
    base = Named if operation.is_once else Body
    if not fields:
        return Named if operation.is_once else None
    described = [(each.name, _described(each), *(() if each.is_required else (each.default,))) for each in fields]
    return defstruct(  # type: ignore[return-value]
        operation.__name__, described, bases=(base,), module=__name__, forbid_unknown_fields=True, frozen=True,
        kw_only=True, namespace={"__doc__": inspect.getdoc(operation)},
    )  # fmt: skip


def _described(field: AskedField) -> Any:
    """A field's type with its help. Of what may be left out Litestar looks at the bounds inside the union alone."""
    described: Any = Annotated[field.type, Meta(description=field.asked.help)]
    return described | None if field.may_be_none else described


async def _carried(caller: Caller, services: Services, asked: Operation, id: bytes) -> Struct:
    """Have an operation carried out; its answer. ProblemError, NotPossibleError, and what `Registry.carry` raises."""
    records = await _records(caller, services, asked)
    try:
        request = await _carry(caller, services, records, id, adds=asked.adds)
    except RefusedError as error:
        if error.code == Code.SECOND_NEEDED and asked.answer is Proposed:
            return Proposed(error.seq, error.seq)
        if why := asked.why().get(error.code):
            raise refused(error.code, None, sentence(why)) from None
        raise
    is_proposal = request.proposal == request.seq or asked.secret  # the event of a reset has no room to say so
    found = {
        "seq": request.seq, "proposal": request.seq if is_proposal else None, "count": len(request.orders),
        "code": asked.secret,
    }  # fmt: skip
    return asked.answer(**{name: found[name] for name in asked.answer.__struct_fields__})


async def _records(caller: Caller, services: Services, asked: Operation) -> Sequence[Command]:
    """The records of an operation, which may repeat a trade of the journal's."""
    directory = await services.directories.now()
    if not isinstance(asked, OfTrade):
        return asked.records(directory)
    found = await services.answers.ask(asked.wanted(directory), Found, caller.account)
    trade = unpack_event(found.event)
    assert isinstance(trade, Traded)
    try:
        return asked.repeating(directory, found.matcher, trade)
    except ContradictedError as error:
        raise ProblemError(409, "CONTRADICTED", f"{error}: nothing was sent.") from None


async def _carry(
    caller: Caller, services: Services, records: Sequence[Command], id: bytes, *, adds: bool = True
) -> Request:
    """Have records that belong together carried out, all at once: the last one's outcome is that of all.

    That one has the `id`, each earlier one a part of it, if it has room for one; events name an account by its name.
    """
    several = sum(hasattr(each, "cl_ord_id") for each in records) > 1
    if several and len(id) > CL_ORD_ID_SIZE - ROOM_FOR_PARTS:
        raise invalid("id", f"An id of several records has {CL_ORD_ID_SIZE - ROOM_FOR_PARTS} characters at most.")
    asked = []
    for number, each in enumerate(records, 1):
        own = id if number == len(records) else id + b".%d" % (number - 1)
        keyed = {"cl_ord_id": own} if hasattr(each, "cl_ord_id") else {}
        asked.append(structs.replace(each, account=caller.account, **keyed))
    command = asked[-1]
    told_by = command.name if isinstance(command, Account) else getattr(command, "cl_ord_id", b"")
    return await services.registry.carry(asked, told_by, caller.ticket, adds=adds)
