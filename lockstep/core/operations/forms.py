"""Print the forms of the web page, as JSON: `python -m lockstep.core.operations.forms`. Each is what an operation asks
for."""

from __future__ import annotations

import sys
from typing import Any, Literal, get_args, get_origin

import msgspec

from lockstep.core.operations.operation import AskedField, Operation, sent_fields_of
from lockstep.core.operations.table import OPERATIONS
from lockstep.core.schema.records import Role

KINDS = {bool: "check", int: "count", str: "text"}


def forms() -> dict[str, dict[str, Any]]:
    """What the page asks for each operation that it offers, by its class's name."""
    return {each.__name__: _form(each) for each in OPERATIONS if each.title and each.route}


def _form(operation: type[Operation]) -> dict[str, Any]:
    method, path = operation.route.split(" ")
    return {
        "title": operation.title,
        "says": " ".join((operation.__doc__ or "").split()),
        "verb": operation.verb,
        "method": method,
        "path": f"/v1/operator{path}",
        "entries": [_entry(each) for each in sent_fields_of(operation)],
        "body": operation.given,
        "typed": operation.typed,
        "isOnce": operation.is_once,
        "forAdmins": operation.giver is Role.ADMIN,
    }


def _entry(field: AskedField) -> dict[str, Any]:
    kind = _kind(field)
    entry: dict[str, Any] = {"name": field.name, "label": field.asked.label, "kind": kind}
    if kind == "choice":
        entry["of"] = _choices(field)
    return entry if field.is_required else entry | {"isOptional": True}


def _kind(field: AskedField) -> str:
    """How the page reads what is typed: by the format of the type, else by what it is."""
    if get_origin(field.plain) is Literal:
        return "choice"
    if get_origin(field.plain) is list:
        return "plan"
    return field.format or KINDS[field.plain]


def _choices(field: AskedField) -> dict[str, str]:
    nothing = {} if field.is_required else {"": "as it is"}
    return nothing | {each: each.replace("_", " ") for each in get_args(field.plain)} | dict(field.asked.words)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(forms()))
