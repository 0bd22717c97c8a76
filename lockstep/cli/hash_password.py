"""`lockstep hash-password`: a password's hash, for `password_hash` in a configuration."""

from __future__ import annotations

import getpass
import sys

from msgspec import Struct

from lockstep.cli.errors import UsageError
from lockstep.cli.terminal import EXIT_OK, Json, print_json
from lockstep.core.rules.credentials import HASHER


class Hashed(Struct, frozen=True):
    """`password_hash` is argon2id in PHC form."""

    password_hash: str


def hash_password(*, json: Json = False) -> int:
    """Ask for a password, twice, and print its hash, for an account's password_hash in the configuration.

    Without a terminal, the password is the first line of standard input.

    Exit codes: 0 it is printed; 2 there is no password, or the two differ.
    """
    password = _asked() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not password:
        raise UsageError("the password is empty")
    hashed = Hashed(HASHER.hash(password))
    print_json(hashed) if json else print(hashed.password_hash)
    return EXIT_OK


def _asked() -> str:
    password = getpass.getpass()
    if getpass.getpass("Again: ") != password:
        raise UsageError("the two passwords differ")
    return password
