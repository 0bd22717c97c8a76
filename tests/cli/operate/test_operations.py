"""Commands that are made of operations: what their parameters take."""

from __future__ import annotations

import inspect
from types import NoneType
from typing import get_args

import pytest

from lockstep.cli.operate import operations
from lockstep.core.operations.operation import Operation
from lockstep.core.operations.table import OPERATIONS


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_option_that_is_none_by_default_takes_none(operation: type[Operation]) -> None:
    """In a process that has imported pydantic, cyclopts has it check defaults too."""
    for parameter in inspect.signature(operations._function(operation), eval_str=False).parameters.values():
        if parameter.default is None:
            kind = get_args(parameter.annotation)[0]
            assert NoneType in get_args(kind), parameter
