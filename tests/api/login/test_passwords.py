"""Which new passwords are taken, and what is kept of them."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from lockstep.core.edge.turns import BusyError
from lockstep.core.rules.credentials import is_right
from lockstep.procs.api.login.passwords import MAX_WAITING, MOST, Passwords, WeakPasswordError


def made(password: str, name: str = "alice") -> object:
    async def ask() -> object:
        passwords = Passwords()
        try:
            return await passwords.credential(password, name, "192.0.2.1")
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


# What hill climbing from random letters, and from those that zxcvbn takes for others, found to take it longest.
SLOW = [
    "@46|[+(97165{x$O", "x@4{(<[3690!1|$5+7%2", "4@8({[<369!1|0$5+7%2x" * 6, "1!|l7+" * 11, "p4$5w0rd" * 16,
    "aA@4" * 32, "ä" * 128,
]  # fmt: skip


@pytest.mark.parametrize("password", SLOW)
def test_no_password_takes_long_to_be_scored(password: str) -> None:
    import zxcvbn  # noqa: F401 - its lists of words are read beforehand

    before_s = time.process_time()
    with contextlib.suppress(WeakPasswordError):
        made(password[:MOST])
    assert time.process_time() - before_s < 1.0, "it takes 2 s to 10 s with 64 characters"


def test_so_many_of_an_address_wait_and_no_more() -> None:
    async def ask() -> tuple[int, object]:
        passwords = Passwords()
        try:
            names = [f"a{number}" for number in range(MAX_WAITING + 6)]
            asked = [asyncio.ensure_future(passwords.credential("aaaaaaaa", name, "192.0.2.1")) for name in names]
            await asyncio.sleep(0)
            other = asyncio.ensure_future(passwords.credential("quiet-lantern", "b", "192.0.2.2"))
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            return sum(isinstance(outcome, BusyError) for outcome in outcomes), await other
        finally:
            passwords.close()

    busy, other = asyncio.run(ask())
    assert busy == 5, "one is under way, and the rest beyond the bound is refused"
    assert other is not None
