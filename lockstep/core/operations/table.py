"""All operations: each class with a command or a route, in the modules of their subjects."""

from lockstep.core.operations import (
    accounts,
    instruments,
    money,
    password_resets,
    proposals,
    registration,
    trades,
    trading,
)
from lockstep.core.operations.operation import Operation

SUBJECTS = (trading, money, proposals, instruments, accounts, trades, registration, password_resets)
OPERATIONS: tuple[type[Operation], ...] = tuple(
    each
    for module in SUBJECTS
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, Operation) and (each.command or each.route)
)
