"""The directory is what the log's accepted records say: the last word on each setting, and what waits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lockstep.core.operations.directory import Directory
from lockstep.core.operations.errors import NotPossibleError
from lockstep.core.recovery import retained_definitions
from lockstep.core.rules.credentials import HASHER, credential_of
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    API_RING,
    Account,
    AccountLimits,
    Adjustment,
    Asset,
    Code,
    Command,
    DepositLimit,
    KillScope,
    KillSwitch,
    Limits,
    PositionLimit,
    Registration,
    RegistrationMode,
    Schedule,
    Welcome,
)


@pytest.fixture(scope="module")
def directory() -> Directory:
    return of_two()


def of_two() -> Directory:
    """A trader, an operator, and an asset."""
    made = Directory()
    seq = 0
    for number, (name, role) in enumerate((("TRADER", 0), ("CHIEF", 1)), 1):
        credential = msgspec.structs.replace(credential_of(HASHER.hash(f"{name} secret")), account=number, seq=seq + 1)
        made.add([
            pack(credential),
            pack(Account(account=number, seq=seq + 2, name=name.encode(), role=role)),
        ])  # fmt: skip
        seq += 2
    made.add([pack(Asset(seq=5, name=b"BTC", asset=1, scale=8))])
    return made


def test_what_was_refused_says_nothing_and_the_last_word_counts() -> None:
    made = Directory()
    assert set(made.limits_of(1).values()) == {0}
    for seq, (quantity, verdict) in enumerate(((5, Code.OK), (7, Code.OK), (9, Code.NOT_AN_OPERATOR)), 1):
        made.add([pack(Limits(seq=seq, instrument=1, volatility_auction_ms=0, day_end_s=0, static_band_bps=0,
                              dynamic_band_bps=0, band_action=1, max_quantity_lots=quantity, max_value=0,
                              verdict=verdict))])  # fmt: skip
    assert made.limits_of(1)["max_quantity_lots"] == 7
    made.add([pack(AccountLimits(seq=4, cl_ord_id=b"k", target=3, max_open_orders=4, max_orders=0, window_ms=0,
                                 self_trade_group=0, self_trade=2, fee_tier=0))])  # fmt: skip
    assert made.account_limits_of(3)["max_open_orders"] == 4
    assert made.account_limits_of(1) == dict.fromkeys(made.account_limits_of(1), 0) | {"max_open_orders": 100_000}


def test_a_proposal_waits_until_it_is_approved() -> None:
    made = Directory()
    for seq, proposal, verdict in ((10, 0, Code.OK), (11, 0, Code.OK), (12, 10, Code.SAME_OPERATOR)):
        made.add([pack(Adjustment(seq=seq, cl_ord_id=b"%d" % seq, asset=1, target=1, amount=5, proposal=proposal,
                                  verdict=verdict))])  # fmt: skip
    assert list(made.proposals) == [10, 11]
    made.add([pack(Adjustment(seq=13, cl_ord_id=b"13", asset=1, target=1, amount=5, proposal=10))])
    assert list(made.proposals) == [11]


def test_what_is_not_there_is_named(directory: Directory) -> None:
    with pytest.raises(NotPossibleError, match="no instrument BTCUSDT; there are none yet"):
        directory.instrument("BTCUSDT")
    with pytest.raises(NotPossibleError, match="no account TRADER9; there are TRADER, CHIEF"):
        directory.account("TRADER9")
    assert directory.asset("BTC") == (1, 8)


def told(*commands: Command) -> list[bytes]:
    """The records, one after the other."""
    return [pack(msgspec.structs.replace(command, seq=seq)) for seq, command in enumerate(commands, 1)]


def entry(number: int, of: int, **values: Any) -> Schedule:
    fields: dict[str, Any] = {
        "cl_ord_id": b"s",
        "instrument": 1,
        "time_of_day_s": number,
        "phase": 1,
        "days": 127,
    } | values
    return Schedule(entry=number, entries=of, **fields)


def test_a_schedule_is_the_last_one_given() -> None:
    made = Directory()
    made.add(told(entry(1, 2), entry(2, 2), entry(1, 1, instrument=2), entry(1, 3, phase=2), entry(2, 3), entry(3, 3)))
    assert [(each.entry, each.phase) for each in made.schedules[1]] == [(1, 2), (2, 1), (3, 1)]
    made.add(told(entry(0, 0)))
    assert list(made.schedules) == [2]


def test_a_limit_of_nothing_is_none() -> None:
    made = Directory()
    for amount in (5, 0):
        made.add(told(
            PositionLimit(cl_ord_id=b"p", target=3, asset=1, max_units=amount),
            Welcome(cl_ord_id=b"w", asset=1, amount=amount), DepositLimit(cl_ord_id=b"d", asset=1, amount=amount),
        ))  # fmt: skip
        expected = {(3, 1): 5} if amount else {}
        assert made.position_limits == expected
        assert (made.welcomes, made.deposit_limits) == (({1: 5}, {1: 5}) if amount else ({}, {}))


def switch(target: int, *, on: bool, scope: KillScope = KillScope.ACCOUNT, verdict: Code = Code.OK) -> KillSwitch:
    return KillSwitch(cl_ord_id=b"k", target=target, scope=scope, is_on=on, verdict=verdict)


def registered(number: int) -> list[Command]:
    credential = msgspec.structs.replace(credential_of(HASHER.hash("x")), ingress=API_RING)
    return [credential, Account(ingress=API_RING, name=b"N%d" % number, target=number, time_ns=number * 10**9)]


SWITCHED = [
    Registration(cl_ord_id=b"r", mode=RegistrationMode.APPROVAL), *registered(1), *registered(2), *registered(3),
    switch(1, on=False), switch(2, on=False), switch(2, on=True), switch(2, on=True), switch(2, on=False),
    switch(2, on=True), switch(3, on=False, verdict=Code.NOT_AN_OPERATOR), switch(3, on=True, scope=KillScope.SESSION),
]  # fmt: skip


def test_who_registered_waits_until_he_was_let_trade_once() -> None:
    made, kept = Directory(), Directory()
    made.add(told(*SWITCHED))
    fewer = retained_definitions.waiting(told(*SWITCHED))
    kept.add(fewer)
    for each in (made, kept):
        assert each.registration == RegistrationMode.APPROVAL
        assert each.registered == {number: number * 10**9 for number in (1, 2, 3)}
        assert each.unapproved == {3}
        account, session = KillScope.ACCOUNT, KillScope.SESSION
        assert each.blocked == {(2, account), (3, account), (3, session)}
    assert len(told(*SWITCHED)) - len(fewer) == 4  # of what was turned again, and refused
    more = Directory()
    more.add(told(Registration(cl_ord_id=b"r", mode=RegistrationMode.OPEN), *registered(1)))
    assert (list(more.registered), more.unapproved, more.blocked) == ([1], set(), set())


def test_what_becomes_of_it_leaves_it_as_it_was(directory: Directory) -> None:
    before = {name: repr(value) for name, value in vars(directory).items()}
    later = directory.after(
        told(Asset(name=b"ETH", asset=2, scale=8), *registered(9), entry(1, 1), switch(9, on=True)), 77
    )
    assert (later.position, later.asset("ETH"), later.account("N9").number) == (77, (2, 8), 9)
    assert (later.asset("BTC"), later.account("CHIEF")) == (directory.asset("BTC"), directory.account("CHIEF"))
    assert {name: repr(value) for name, value in vars(directory).items()} == before
