"""The commands of `lockstep` that the table of operations has: each is made from what its operation asks for.

`halt` of this module is the function behind `lockstep halt`, `adjust` the group of `lockstep adjust propose` and more.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from cyclopts import App, Parameter, Token

from lockstep.cli.operate.command import Options, as_usage, carry_out
from lockstep.cli.operate.lines import GROUPS
from lockstep.cli.operate.proposals import LISTS
from lockstep.cli.terminal import DEFAULT_CONFIG, ConfigPath
from lockstep.core.operations.operation import AskedField, Operation, fields_of
from lockstep.core.operations.sections import section_of
from lockstep.core.operations.table import OPERATIONS
from lockstep.core.schema.records import Role

ARGUMENT, OPTION = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
WHOLE = re.compile("-?[0-9]{1,30}")
HELP = """{help}

Example: lockstep {command} {example} --operator {operator}

Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
"""


def __getattr__(name: str) -> Callable[..., int] | App:
    """The command of that name, its hyphens as underscores, or the group of commands."""
    first = name.replace("_", "-")
    found = {each.command: _function(each) for each in OPERATIONS if each.command.partition(" ")[0] == first}
    if not found:
        raise AttributeError(name)
    if first in found:
        return found[first]
    group = App(name=first, help=GROUPS[first])
    for command, function in found.items():
        group.command(function, name=command.partition(" ")[2])
    if first in LISTS:
        group.command(LISTS[first], name="list")
    return group


def _function(operation: type[Operation]) -> Callable[..., int]:
    """What carries an operation out, with its fields as parameters."""
    fields = fields_of(operation)
    arguments = [each for each in fields if each.is_required and not (each.asked.is_option or each.asked.flag)]
    signature = inspect.Signature([
        *(inspect.Parameter(each.name, ARGUMENT, annotation=_annotation(each)) for each in arguments),
        inspect.Parameter("config", ARGUMENT, annotation=ConfigPath, default=DEFAULT_CONFIG),
        *(_option(each) for each in fields if each not in arguments),
        inspect.Parameter("options", OPTION, annotation=Options),
    ])  # fmt: skip

    def run(*words: Any, **more: Any) -> int:
        typed = signature.bind(*words, **more)
        typed.apply_defaults()
        with as_usage():
            asked = section_of(operation, {**operation.given, **_values(fields, typed.arguments)})
        return carry_out(typed.arguments["config"], typed.arguments["options"], asked)

    run.__doc__ = HELP.format(help=inspect.getdoc(operation), command=operation.command, example=operation.example,
                              operator=_operator(operation))  # fmt: skip
    run.__signature__ = signature  # type: ignore[attr-defined]
    return run


def _operator(operation: type[Operation]) -> str:
    """Whose example it is."""
    return "ADMIN1" if operation.giver is Role.ADMIN else f"OPERATOR{2 if 'approve' in operation.command else 1}"


def _option(field: AskedField) -> inspect.Parameter:
    is_switch = field.plain is bool or field.asked.flag
    default = inspect.Parameter.empty if field.is_required else False if is_switch else None
    return inspect.Parameter(field.asked.flag or field.name, OPTION, annotation=_annotation(field), default=default)


def _annotation(field: AskedField) -> Any:
    """A field's type, and how it is typed: a switch that must be set has an opposite, a difference maybe a minus."""
    words = field.asked.help
    if field.plain is bool and field.is_required:
        return Annotated[bool, Parameter(name=f"--{field.asked.flag}", negative="--off", help=words)]
    if field.plain is bool or field.asked.flag:
        return Annotated[bool, Parameter(negative=(), help=words)]
    kind = field.plain if field.is_required else field.plain | None
    converter = _whole if field.plain is int else None
    has_minus = field.format == "difference"
    return Annotated[kind, Parameter(allow_leading_hyphen=has_minus, converter=converter, help=words)]


def _whole(_: object, tokens: Sequence[Token]) -> int:
    """A number as it is typed: cyclopts' own reading rounds 0.5 to 0, which often means no limit. ValueError."""
    if not WHOLE.fullmatch(tokens[0].value):
        raise ValueError
    return int(tokens[0].value)


def _values(fields: Sequence[AskedField], typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the typed values by the names of fields: the flag of a choice stands for its value."""
    values = {}
    for field in fields:
        value = typed[field.asked.flag or field.name]
        is_choice = field.asked.flag and field.plain is not bool
        values[field.name] = (field.asked.flag if value else None) if is_choice else value
    return values
