"""An operation: an operator's command, with its fields, its records, and the sentences before and after it.

Each is a class in the module of its subject, and `table` finds them all. A command of `lockstep`, a request of
`/v1/operator` with its description and a form of the page are made from it; none of these knows a certain one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, ClassVar, NamedTuple, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct, inspect, structs

from lockstep.config.schema import DECIMAL, Config, Section
from lockstep.core.operations.directory import Directory
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.schema.records import Code, Command, Event, Role

# An exact decimal number, as a text. The format says to a form what may be typed.
Amount = Annotated[
    str,
    Meta(
        pattern=rf"^{DECIMAL}\Z",
        description="an exact decimal number, as a text",
        extra_json_schema={"format": "amount"},
    ),
]
Difference = Annotated[
    str,
    Meta(
        pattern=rf"^-?{DECIMAL}\Z",
        description="an exact decimal number, as a text, or one below zero",
        extra_json_schema={"format": "difference"},
    ),
]
SomeAccount = Annotated[str, Meta(max_length=36)]
SomeAsset = Annotated[str, Meta(max_length=16)]
SomeSymbol = Annotated[str, Meta(max_length=16)]
Number = Annotated[int, Meta(ge=1, le=2**63 - 1)]  # of a proposal, a withdrawal, a trade


class Asked(NamedTuple):
    """How a field is asked for: its `label` on the page, its `help` on the command line.

    On the command line a field without a default is an argument, and an option if `is_option`; a choice of two may be a
    `flag` that stands for the second. What `is_typed` is asked for there alone. `words` show a choice's values on the
    page, "" if nothing is chosen.
    """

    label: str
    help: str = ""
    is_option: bool = False
    flag: str = ""
    is_typed: bool = False
    words: Mapping[str, str] = {}


WhichInstrument = Annotated[SomeSymbol, Asked("Symbol", "The instrument.")]
WhichProposal = Annotated[Number, Asked("Proposal", "The proposal's number.")]


class Done(Struct, frozen=True):
    """It was carried out, as this record of the log."""

    seq: int


class Proposed(Struct, frozen=True):
    """It waits for another operator, who approves `proposal`; done as record `seq` where that is null."""

    seq: int
    proposal: int | None


class CancelledOrders(Struct, frozen=True):
    """How many orders were cancelled."""

    count: int
    seq: int


class ResetProposed(Struct, frozen=True):
    """`code` is shown once: for the account's owner, once another operator has approved the proposal."""

    proposal: int
    code: str


class Outcome(NamedTuple):
    """The outcome of a record: as it stands in the log, and the events that it caused.

    `is_whole` is False if some of them were overwritten before they could be read.
    """

    command: Command
    code: Code
    events: list[Event]
    is_whole: bool

    @property
    def seq(self) -> int:
        return self.command.seq


class Said(NamedTuple):
    """The effect of a command, in a sentence and for programs. Its place in the log follows, unless it `has_place`."""

    sentence: str
    details: dict[str, object]
    has_place: bool = False


def proposed(outcome: Outcome, what: str, approval: str) -> Said:
    """A command has become a proposal; `approval` is the command of `lockstep` that carries it out."""
    says = f"proposal {outcome.seq}: {what}; another operator approves it with lockstep {approval}"
    return Said(says, {"proposal": outcome.seq}, has_place=True)


def texts_of(named: Mapping[str, Any]) -> str:
    """Word each name and its value."""
    return ", ".join(f"{name} {value}" for name, value in named.items())


class Operation(Section, frozen=True, kw_only=True):
    """Base of all. Its fields are what it asks for; its docstring is its help.

    `command` and `example` are words of `lockstep`. `route` is a method and a path below /v1/operator, `status` that of
    a POST, `subject` its part of the description, `answer` `Proposed` if it may take two. `title` and `verb` stand on
    the page, where the value of the field `typed` must be typed before it is sent. `asks` is asked first of what can't
    be taken back, `effect` says what was done; both name fields. `given` are values of fields that are not asked for.
    `is_once`: its record has room for an id; `needs_body`: a request of it may not go without one. `giver` says who may
    give it.
    """

    command: ClassVar[str] = ""
    example: ClassVar[str] = ""
    route: ClassVar[str] = ""
    status: ClassVar[int] = 201
    subject: ClassVar[str] = ""
    answer: ClassVar[type[Struct]] = Done
    title: ClassVar[str] = ""
    verb: ClassVar[str] = ""
    typed: ClassVar[str] = ""
    asks: ClassVar[str] = ""
    effect: ClassVar[str] = ""
    given: ClassVar[Mapping[str, Any]] = {}
    is_once: ClassVar[bool] = True
    needs_body: ClassVar[bool] = True
    giver: ClassVar[Role] = Role.OPERATOR

    def records(self, directory: Directory) -> Sequence[Command]:
        """The records that carry it out, as the api's ring has them, without sender and id. NotPossibleError."""
        raise NotImplementedError

    @property
    def adds(self) -> bool:
        """Tell whether it adds to the state that the log keeps: a command that only removes passes on a full disk."""
        return True

    @property
    def secret(self) -> str:
        """A code to show once, to the operator."""
        return ""

    def missing(self, directory: Directory) -> str:
        """Say that its proposal does not wait; empty if it does."""
        return ""

    def question(self, directory: Directory) -> str:
        """Return the question to ask before it is sent; empty if it can be undone."""
        return self.asks.format_map(structs.asdict(self))

    def done(self, directory: Directory, outcomes: Sequence[Outcome]) -> Said:
        """Word its effect."""
        values = structs.asdict(self)
        return Said(self.effect.format_map(values), values)

    def why(self) -> Mapping[Code, str]:
        """Return the reasons of refusals that it knows better than their codes."""
        return {}

    def next_start(self, config: Config) -> Section | None:
        """Return the section of a configuration that the next start applies in its place."""
        return None

    def named(self) -> dict[str, Any]:
        """Return the optional fields that have a value."""
        may_be = (each.name for each in structs.fields(self) if not each.required)
        return {name: value for name in may_be if (value := getattr(self, name)) is not None}

    def must_name(self) -> None:
        """Raise NotPossibleError if there is none."""
        if not self.named():
            raise NotPossibleError("name at least one limit or term to change")


class AskedField(NamedTuple):
    """A field that an operation asks for. `type` has its bounds, `plain` has none; neither has None, which it
    `may_be`."""

    name: str
    type: Any
    plain: Any
    may_be_none: bool
    is_required: bool
    default: Any
    asked: Asked

    @property
    def format(self) -> str:
        """How a text is written: as an `amount` or a `difference`; "" for anything else."""
        info = inspect.type_info(self.type)
        extra = info.extra_json_schema if isinstance(info, inspect.Metadata) else None
        return str((extra or {}).get("format", ""))


def fields_of(operation: type[Operation]) -> list[AskedField]:
    """Return the fields that an operation asks for, as they are defined, required ones first."""
    types = get_type_hints(operation, include_extras=True)
    asked = [
        _field(each, types[each.name], how)
        for each in structs.fields(operation)
        if each.name not in operation.given and (how := _asked(types[each.name])) is not None
    ]
    return sorted(asked, key=lambda each: not each.is_required)


def sent_fields_of(operation: type[Operation]) -> list[AskedField]:
    """Return the fields of a request: all but those of the command line alone."""
    return [each for each in fields_of(operation) if not each.asked.is_typed]


def _asked(hint: Any) -> Asked | None:
    return next((each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Asked)), None)


def _field(field: structs.FieldInfo, hint: Any, asked: Asked) -> AskedField:
    parts = get_args(hint.__origin__)
    may_be_none = NoneType in parts
    kind = parts[0] if may_be_none else hint
    plain = kind.__origin__ if get_origin(kind) is Annotated else kind
    return AskedField(field.name, kind, plain, may_be_none, field.required, field.default, asked)
