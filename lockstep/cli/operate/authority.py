"""Finds out who gives an operator's command: asks for a password and checks it against the venue's credentials.

It keeps and shows no password, and answers a wrong name and a wrong password in the same words and the same time.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterable

from lockstep.cli.errors import UsageError
from lockstep.core.operations.directory import Directory
from lockstep.core.rules.credentials import HASH_SIZE, is_right
from lockstep.core.rules.roles import OPERATORS
from lockstep.core.schema.records import Account, ExtCredential

PASSWORD_VARIABLE = "LOCKSTEP_OPERATOR_PASSWORD"
# Checked for an unknown name when no account's own cost is known.
NOBODY = ExtCredential(salt=bytes(16), hash=bytes(HASH_SIZE), memory_kib=19456, time_cost=2, parallelism=1)


class NotAuthorisedError(Exception):
    """The caller has not proved to be an operator of this venue."""


def password_of(name: str) -> str:
    """The operator's password, from the environment or a prompt. UsageError if there is neither."""
    given = os.environ.get(PASSWORD_VARIABLE)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise UsageError(f"there is no terminal to ask {name}'s password on: set {PASSWORD_VARIABLE}")
    return getpass.getpass(f"password of {name}: ")


def authenticate(directory: Directory, name: str, password: str) -> int:
    """The account number of the operator called `name`. NotAuthorisedError if name, password or account is wrong."""
    account = directory.accounts.get(name)
    known = directory.credentials[account.number] if account else next(iter(directory.credentials.values()), NOBODY)
    if not is_right(password, known) or account is None:
        raise NotAuthorisedError(f"{name} is not known here by this password")
    if account.role not in OPERATORS:
        raise NotAuthorisedError(f"{name} is no operator: {_how(directory.accounts.values())}")
    return account.number


def _how(accounts: Iterable[Account]) -> str:
    operators = ", ".join(account.name.decode() for account in accounts if account.role in OPERATORS)
    return f"operators are {operators}" if operators else "give an account `operator = true` in the configuration"
