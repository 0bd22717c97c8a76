"""The key of an operator's request is an id: what is none is refused before anything is sent."""

from __future__ import annotations

import pytest

from lockstep.cli.errors import UsageError
from lockstep.cli.operate.command import _addressed
from lockstep.core.schema.records import Deposit

DEPOSIT = Deposit(cl_ord_id=b"", account=1, asset=1, amount=1)


def test_a_key_of_ascii_is_taken() -> None:
    (command,) = _addressed([DEPOSIT], 7, "bank 2026-04-17")
    assert isinstance(command, Deposit)
    assert (command.cl_ord_id, command.session) == (b"bank 2026-04-17", 7)


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("", "is empty"),
        ("a\0b", "0x00 at position 2"),
        ("schön", "0xC3 at position 4"),
        (" a", "space"),
        ("k" * 37, "36"),
    ],
)
def test_another_key_is_refused(key: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        _addressed([DEPOSIT], 7, key)
