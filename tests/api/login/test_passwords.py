"""Which new passwords are taken, and what is kept of them."""

from __future__ import annotations

import asyncio

import pytest

from procs.api.login.passwords import MOST_WAITING, BusyError, Passwords, WeakPasswordError
from procs.rules.credentials import is_right


def made(password: str, name: str = "alice") -> object:
    async def ask() -> object:
        passwords = Passwords()
        try:
            return await passwords.credential(password, name)
        finally:
            passwords.close()

    return asyncio.run(ask())


def test_a_good_password_is_right_afterwards_and_another_is_not() -> None:
    credential = made("quiet-lantern-under-snow")
    assert is_right("quiet-lantern-under-snow", credential)  # type: ignore[arg-type]
    assert not is_right("quiet-lantern-under-snov", credential)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "password", ["short1!", "password", "12345678", "qwertyuiop", "alicealice", "x" * 129, "ä" * 7]
)
def test_what_is_short_long_common_or_ones_own_name_is_refused(password: str) -> None:
    with pytest.raises(WeakPasswordError):
        made(password)


def test_a_long_password_costs_no_more_than_others() -> None:
    assert is_right("correct horse " * 9, made("correct horse " * 9))  # type: ignore[arg-type]


def test_so_many_wait_and_no_more() -> None:
    async def ask() -> int:
        passwords = Passwords()
        try:
            asked = [asyncio.ensure_future(passwords.credential("aaaaaaaa", "a")) for _ in range(MOST_WAITING + 5)]
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            return sum(isinstance(outcome, BusyError) for outcome in outcomes)
        finally:
            passwords.close()

    assert asyncio.run(ask()) == 5
