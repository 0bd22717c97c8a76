"""Resets of passwords: two operators, neither of them the owner, and a code that works once."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from msgspec import structs

from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.schema.records import (
    RESET_LIFE_S,
    Account,
    AccountDefined,
    Code,
    ExtCredential,
    ExtCredentialEvent,
    PasswordReset,
    PasswordResetChanged,
    Rejected,
    Role,
)
from tests.router.rig import OPERATORS, Rig, account_records
from tests.router.test_keys import ADMIN, AUDITOR, OTHER_ADMIN, asked, by_api, factor, told, with_roles

FIRST, SECOND = OPERATORS
CODE = bytes(range(1, 17))
SECOND_NS = 10**9


def hash_of(code: bytes) -> bytes:
    return sha256(code).digest()[:16]


@pytest.fixture
def rig() -> Rig:
    return Rig(changes=with_roles, api=True).lead()


def propose(rig: Rig, by: int, target: int = 1, code: bytes = CODE, takes_factor: int = 0) -> Code:
    return says(rig, by, target, takes_factor=takes_factor, code_hash=hash_of(code) if code else b"")


def approve(rig: Rig, by: int, proposal: int, target: int = 1) -> Code:
    return says(rig, by, target, proposal=proposal)


def says(rig: Rig, by: int, target: int, **what: Any) -> Code:
    made = PasswordReset(account=by, cl_ord_id=b"r%d" % len(rig.log), target=target, time_ns=rig.now, **what)
    return Code(rig.ask_by_api(by_api(made)))


def proposed(rig: Rig, by: int = FIRST, **more: Any) -> int:
    assert propose(rig, by, **more) == Code.OK
    return int(told(rig, PasswordResetChanged)[-1].proposal)


def use(
    rig: Rig, code: bytes = CODE, target: int = 1, role: int = Role.TRADER, asks: int = 0, new: bytes = b"n"
) -> Code:
    """The venue itself gives the account a new password, by a code; `asks` is who else does."""
    credential = ExtCredential(salt=new * 16, hash=new * 32, memory_kib=8, time_cost=1, parallelism=1)
    account = Account(name=b"T%d" % target, target=target, role=role, reset_code=code)
    return Code(rig.ask_by_api(*(by_api(each, 0, asks) for each in (credential, account))))


def salt(rig: Rig, account: int = 1) -> bytes:
    return bytes(rig.core.credentials[account][48:64])


def test_two_operators_let_the_owner_take_a_new_password_once(rig: Rig) -> None:
    """LOG-34."""
    proposal = proposed(rig)
    assert use(rig) == Code.RESET_UNKNOWN, "nobody has approved it"
    assert approve(rig, FIRST, proposal) == Code.SAME_OPERATOR
    assert approve(rig, SECOND, proposal + 1) == Code.UNKNOWN_PROPOSAL
    assert approve(rig, SECOND, proposal, target=2) == Code.UNKNOWN_PROPOSAL
    assert approve(rig, SECOND, proposal) == Code.OK
    assert approve(rig, SECOND, proposal) == Code.UNKNOWN_PROPOSAL, "it is approved"
    assert salt(rig) == b"s" * 16
    assert use(rig, CODE[::-1]) == Code.RESET_UNKNOWN
    assert use(rig, b"") == Code.RESET_UNKNOWN
    assert use(rig, target=2) == Code.RESET_UNKNOWN, "it is another account's"
    assert use(rig, role=Role.OPERATOR) == Code.ROLE_NOT_ALLOWED
    assert use(rig) == Code.OK
    assert salt(rig) == b"n" * 16
    credential, account = rig.outcomes(0)[-2:]
    assert isinstance(credential, ExtCredentialEvent)
    assert isinstance(account, AccountDefined)
    assert (account.account, account.name, account.asked_by, account.takes_factor) == (1, b"T1", 0, 0)
    assert use(rig, new=b"m") == Code.RESET_UNKNOWN, "a code works once"
    steps = [
        (each.account, each.asked_by, each.is_approved, each.proposal, each.code_hash)
        for each in told(rig, PasswordResetChanged)
    ]
    assert steps == [(1, FIRST, 0, proposal, hash_of(CODE)), (1, SECOND, 1, proposal, hash_of(CODE))]


def test_who_is_made_an_admin_takes_no_password_that_operators_have_agreed_on(rig: Rig) -> None:
    """LOG-34: an admin's takes two admins."""
    proposal = proposed(rig)
    assert approve(rig, SECOND, proposal) == Code.OK
    credential, account = map(unpack_command, account_records(1, Role.ADMIN))
    made = structs.replace(account, target=1)
    assert Code(rig.ask_by_api(*(by_api(each, 0, ADMIN) for each in (credential, made)))) == Code.SECOND_NEEDED
    made = structs.replace(made, proposal=len(rig.log))
    assert Code(rig.ask_by_api(*(by_api(each, 0, OTHER_ADMIN) for each in (credential, made)))) == Code.OK
    assert use(rig, role=Role.ADMIN) == Code.RESET_UNKNOWN


def test_who_may_propose_and_approve_it(rig: Rig) -> None:
    assert propose(rig, 2) == Code.NOT_AN_OPERATOR
    assert propose(rig, AUDITOR) == Code.NOT_AN_OPERATOR
    assert propose(rig, FIRST, target=FIRST) == Code.ROLE_NOT_ALLOWED, "one's own"
    assert propose(rig, FIRST, target=99) == Code.UNKNOWN_ACCOUNT
    assert propose(rig, FIRST, target=ADMIN) == Code.ROLE_NOT_ALLOWED, "an admin's takes two admins"
    assert propose(rig, FIRST, code=b"") == Code.INVALID_DEFINITION
    assert propose(rig, FIRST, takes_factor=2) == Code.INVALID_DEFINITION
    proposal = proposed(rig, FIRST, target=SECOND)
    assert approve(rig, SECOND, proposal, target=SECOND) == Code.ROLE_NOT_ALLOWED
    assert approve(rig, 1, proposal, target=SECOND) == Code.NOT_AN_OPERATOR
    assert approve(rig, ADMIN, proposal, target=SECOND) == Code.OK
    by_ring = PasswordReset(account=SECOND, cl_ord_id=b"ring", target=1, code_hash=hash_of(CODE), time_ns=rig.now)
    assert rig.ask(by_ring) == Code.OK, "whichever ring it comes by"


def test_nobody_alone_gives_another_account_a_password(rig: Rig) -> None:
    """LOG-34: neither an operator nor an admin, by neither ring; roles are an admin's, and the password stays."""
    for asks in (FIRST, ADMIN):
        assert use(rig, b"", asks=asks) == Code.RESET_NEEDED
    credential, account = (structured(record, session=FIRST, time_ns=rig.now) for record in account_records(1))
    assert rig.ask(credential, account) == Code.OK, "the same password again"
    other = structured(pack(credential), hash=b"o" * 32)
    assert rig.ask(other, account) == Code.RESET_NEEDED
    assert use(rig, b"", asks=FIRST, target=SECOND, role=Role.OPERATOR) == Code.ROLE_NOT_ALLOWED
    assert salt(rig) == b"s" * 16
    assert told(rig, Rejected)[-1].code == Code.ROLE_NOT_ALLOWED


def structured(record: bytes, **changed: Any) -> Any:
    return structs.replace(unpack_command(record), **changed)


@pytest.mark.parametrize("at", ["approval", "use"])
def test_it_is_over_after_a_day(rig: Rig, at: str) -> None:
    proposal = proposed(rig)
    if at == "use":
        assert approve(rig, SECOND, proposal) == Code.OK
    rig.now += RESET_LIFE_S * SECOND_NS
    assert (use(rig) if at == "use" else approve(rig, SECOND, proposal)) in (
        Code.RESET_UNKNOWN, Code.UNKNOWN_PROPOSAL
    )  # fmt: skip
    assert salt(rig) == b"s" * 16


def test_a_later_proposal_or_another_password_ends_it(rig: Rig) -> None:
    first = proposed(rig)
    second = proposed(rig, SECOND, code=b"x" * 16)
    assert approve(rig, SECOND, first) == Code.UNKNOWN_PROPOSAL
    assert approve(rig, FIRST, second) == Code.OK
    assert use(rig) == Code.RESET_UNKNOWN
    assert use(rig, b"", asks=1, new=b"o") == Code.OK, "its owner is back"
    assert use(rig, b"x" * 16) == Code.RESET_UNKNOWN
    assert salt(rig) == b"o" * 16


@pytest.mark.parametrize("takes_factor", [0, 1])
def test_the_second_factor_goes_only_where_two_said_so(rig: Rig, takes_factor: int) -> None:
    assert asked(rig, *factor(1, 1)) == Code.OK
    proposal = proposed(rig, takes_factor=takes_factor)
    assert approve(rig, SECOND, proposal) == Code.OK
    assert told(rig, PasswordResetChanged)[-1].takes_factor == takes_factor
    assert 1 in rig.core.factors, "it stays until the password is taken"
    assert use(rig) == Code.OK
    assert told(rig, AccountDefined)[-1].takes_factor == takes_factor
    assert (1 in rig.core.factors) == (not takes_factor)


def test_a_reset_outlives_its_router(rig: Rig) -> None:
    proposal = proposed(rig)
    assert approve(rig, SECOND, proposal) == Code.OK
    again = Rig(rig.log, changes=with_roles, api=True).lead()
    assert again.core.digests() == rig.core.digests()
    assert use(again) == Code.OK
    assert again.core.digests() != rig.core.digests()
    assert use(again, new=b"m") == Code.RESET_UNKNOWN
