"""The table of operations: what each entry names is a field of it, and each can be given somewhere."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest
from msgspec import inspect

from lockstep.core import operations
from lockstep.core.operations.forms import forms
from lockstep.core.operations.operation import Operation, fields_of
from lockstep.core.operations.table import OPERATIONS

PLACE = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.__name__)
def test_an_entry_names_only_fields_of_its_own(operation: type[Operation]) -> None:
    fields = {each.name for each in fields_of(operation)} | operation.given.keys()
    for text in (operation.route, operation.title, operation.asks, operation.effect):
        assert fields >= set(PLACE.findall(text))
    assert not operation.typed or operation.typed in fields
    assert operation.__doc__
    assert operation.example or not operation.command


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.__name__)
def test_a_number_has_bounds_wherever_it_is_asked_for(operation: type[Operation]) -> None:
    """A record has no room for more, and no field for less."""
    for field in fields_of(operation):
        if field.plain is int:
            info = inspect.type_info(field.type)
            assert isinstance(info, inspect.IntType)
            assert None not in (info.ge, info.le), field.name


def test_the_table_has_all_operations() -> None:
    for module in pkgutil.iter_modules(operations.__path__, f"{operations.__name__}."):
        importlib.import_module(module.name)
    found = {each for each in below(Operation) if each.command or each.route or not each.__subclasses__()}
    assert found == set(OPERATIONS)


def below(kind: type[Operation]) -> Iterator[type[Operation]]:
    """All classes that are a `kind`, but itself."""
    for each in kind.__subclasses__():
        yield each
        yield from below(each)


def test_commands_and_requests_are_given_once() -> None:
    commands = [each.command for each in OPERATIONS if each.command]
    routes = [each.route for each in OPERATIONS if each.route and not each.given]
    assert len(set(commands)) == len(commands)
    assert len(set(routes)) == len(routes)
    assert len(set(OPERATIONS)) == len(OPERATIONS)


def test_a_form_asks_for_all_that_its_request_says() -> None:
    made = forms()
    assert made["Halt"]["body"] == {"phase": "halt"}
    assert [entry["name"] for entry in made["MakeDeposit"]["entries"]] == ["account", "asset", "amount"]
    kinds = {entry["name"]: entry["kind"] for entry in made["LimitInstrument"]["entries"]}
    assert (kinds["max_quantity"], kinds["static_band_bps"], kinds["band_action"]) == ("amount", "count", "choice")
    assert made["AdjustBalance"]["entries"][2]["kind"] == "difference"
    assert made["ReplaceSchedule"]["entries"][1]["kind"] == "plan"
