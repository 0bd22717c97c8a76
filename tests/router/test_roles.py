"""Whoever puts an operator's command into the api's ring, past all that the api checks: the router goes by his role."""

from __future__ import annotations

from typing import Any

import pytest

from lockstep.core.schema.records import (
    Adjustment,
    Asset,
    Code,
    Command,
    Deposit,
    DepositLimit,
    FeeTier,
    KeyRevocation,
    KeyScope,
    KillScope,
    KillSwitch,
    MassCancel,
    Phase,
    PhaseChange,
    PositionLimit,
    Registration,
    Welcome,
    Withdrawal,
    WithdrawalDecision,
    WithdrawalStep,
)
from tests.router.rig import OPERATORS, Rig
from tests.router.test_keys import ADMIN, AUDITOR, account_group, asked, by_api, defined, with_roles
from tests.router.test_refusals import account_limits, agreed, correction, instrument, limits, schedule

ID: dict[str, Any] = {"cl_ord_id": b"X"}
OF_OPERATORS: list[Command] = [
    MassCancel(**ID, instrument=0, target=1), KillSwitch(**ID, target=1, scope=KillScope.ACCOUNT, is_on=1),
    KillSwitch(**ID, target=1, scope=KillScope.SESSION, is_on=1),
    PhaseChange(**ID, instrument=1, phase=Phase.HALT), schedule(), limits(), account_limits(),
    PositionLimit(**ID, target=1, asset=1, max_units=1), FeeTier(**ID, tier=1, maker_fee_ppm=1, taker_fee_ppm=1),
    Deposit(**ID, asset=1, amount=1, target=1), Withdrawal(**ID, asset=1, amount=1, target=1),
    Adjustment(**ID, asset=1, target=1, amount=1), Adjustment(**ID, asset=0, target=0, amount=0, proposal=1),
    WithdrawalDecision(**ID, step=WithdrawalStep.APPROVE, withdrawal=1),
    WithdrawalDecision(**ID, step=WithdrawalStep.REJECT, withdrawal=1),
    WithdrawalDecision(**ID, step=WithdrawalStep.PAID, withdrawal=1),
    correction(), agreed(proposal=1), instrument(), Asset(name=b"MORE", asset=9, scale=1),
]  # fmt: skip
OF_ADMINS: list[Command] = [
    Registration(**ID, mode=0), Welcome(**ID, asset=1, amount=5), DepositLimit(**ID, asset=1, amount=5),
]  # fmt: skip
NOT_ALLOWED = (Code.NOT_AN_OPERATOR, Code.ROLE_NOT_ALLOWED)


@pytest.fixture(scope="module")
def rig() -> Rig:
    return Rig(changes=with_roles, api=True).lead()


def sent_by(record: Command, account: int, key: int = 0) -> Any:
    """With an id that was not used before, where it has one."""
    sent_by.count += 1  # type: ignore[attr-defined]
    fields = {name: getattr(record, name) for name in record.__struct_fields__} | {"time_ns": 0}
    if "cl_ord_id" in fields:
        fields["cl_ord_id"] = b"%d" % sent_by.count  # type: ignore[attr-defined]
    return by_api(type(record)(**fields), key, account)


sent_by.count = 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("record", [*OF_OPERATORS, *OF_ADMINS], ids=lambda record: type(record).__name__)
def test_nobody_but_operators_gives_their_commands(rig: Rig, record: Command) -> None:
    before = rig.core.digests()["settings"]
    for account in (3, AUDITOR):
        assert asked(rig, sent_by(record, account)) in NOT_ALLOWED
    if record in OF_ADMINS:
        assert asked(rig, sent_by(record, OPERATORS[0])) == Code.ROLE_NOT_ALLOWED
    assert rig.core.digests()["settings"] == before
    assert asked(rig, sent_by(record, ADMIN)) not in NOT_ALLOWED


def test_no_key_gives_an_operators_command(rig: Rig) -> None:
    """However much it may: what a person is to ask for, a program can't (LOG-30)."""
    scopes = KeyScope.READ | KeyScope.TRADE | KeyScope.WITHDRAW
    key = defined(rig, OPERATORS[0], "all", scopes=scopes)
    for record in OF_OPERATORS:
        if not isinstance(record, MassCancel | KillSwitch):  # which a key's owner may give
            assert asked(rig, sent_by(record, OPERATORS[0], key)) == Code.KEY_SCOPE, record


def test_who_defines_accounts_and_ends_keys(rig: Rig) -> None:
    for account in (3, AUDITOR):
        assert asked(rig, *account_group(b"SOMEBODY", account)) in NOT_ALLOWED
    assert asked(rig, *account_group(b"SOMEBODY", OPERATORS[0], role=2)) == Code.ROLE_NOT_ALLOWED
    assert asked(rig, *account_group(b"SOMEBODY", OPERATORS[0])) == Code.OK
    defined(rig, 1, "theirs")
    for account in (3, AUDITOR, OPERATORS[0]):
        assert asked(rig, sent_by(KeyRevocation(name=b"theirs"), account)) == Code.KEY_UNKNOWN
    assert asked(rig, sent_by(KeyRevocation(name=b"theirs"), ADMIN)) == Code.OK
