"""A FIX session's rights end in the log: each way they end, and each command that the router reads after that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    Account,
    CancelAfter,
    Code,
    Command,
    ExtCredential,
    ExtLeg,
    KillScope,
    KillSwitch,
    ListKind,
    MassCancel,
    OrderFlag,
    Role,
    Session,
)
from tests.router.requests import cancel, order, replace
from tests.router.rig import OPERATORS, Rig
from tests.router.test_keys import ADMIN, account_group, asked, by_api, by_two, defined, key_of, with_roles
from tests.router.test_password_resets import approve, proposed, use
from tests.router.test_withdrawals import request

TRADER = 1
ENDED = Code.SESSION_ENDED


def change_password(rig: Rig) -> None:
    assert asked(rig, *account_group(b"T1", TRADER, target=TRADER)) == Code.OK


def reset_password(rig: Rig) -> None:
    proposal = proposed(rig)
    assert approve(rig, OPERATORS[1], proposal) == Code.OK
    assert use(rig) == Code.OK


def change_role(rig: Rig) -> None:
    """Two operators agree on it; the password stays."""
    change_password(rig)
    log_on(rig, ended_at(rig))
    assert rig.ask(*new_order(rig)) == Code.OK
    assert asked(rig, *by_two(rig, *OPERATORS, role=Role.AUDITOR, target=TRADER)) == Code.OK


def lock(rig: Rig) -> None:
    """And unlock: what logged on before stays ended."""
    for is_on in (1, 0):
        switch = KillSwitch(
            account=OPERATORS[0], session=OPERATORS[0], cl_ord_id=b"lock%d" % is_on, target=TRADER,
            scope=KillScope.ACCOUNT, is_on=is_on, time_ns=rig.now,
        )  # fmt: skip
        assert rig.ask(switch) == Code.OK


WAYS: dict[str, Callable[[Rig], None]] = {
    "password": change_password, "reset": reset_password, "role": change_role, "lock": lock
}  # fmt: skip


def new_order(rig: Rig) -> list[Command]:
    return [order(TRADER, f"o{len(rig.log)}")]


def new_list(rig: Rig) -> list[Command]:
    first, second = order(TRADER, f"l{len(rig.log)}"), order(TRADER, f"m{len(rig.log)}")
    fields = {name: getattr(second, name) for name in ExtLeg.__struct_fields__ if hasattr(second, name)}
    leg = ExtLeg(**{**fields, "list_kind": ListKind.OTO, "type": 0})
    return [leg, structs.replace(first, flags=OrderFlag.LIST)]


def new_replace(rig: Rig) -> list[Command]:
    return replace(TRADER, f"r{len(rig.log)}", "open", 99, 5)


def new_cancel(rig: Rig) -> list[Command]:
    return cancel(TRADER, f"c{len(rig.log)}", "open")


def new_mass_cancel(rig: Rig) -> list[Command]:
    id = f"a{len(rig.log)}".encode()
    return [MassCancel(account=TRADER, session=TRADER, cl_ord_id=id, instrument=0, target=TRADER, time_ns=rig.now)]


COMMANDS = (new_order, new_list, new_replace, new_cancel, new_mass_cancel)


def log_on(rig: Rig, rights: int) -> None:
    up: dict[str, Any] = {"next_msg_seq_num": 1, "up": 1, "reset": 0, "rights": rights}
    rig.send(Session(account=TRADER, session=TRADER, time_ns=rig.now, **up))
    rig.run()


def ended_at(rig: Rig) -> int:
    """The record that ended the rights: the last one that changed them."""
    kinds: list[Any] = [record for record in rig.commands() if type(record) in (Account, KillSwitch)]
    return int([each for each in kinds if type(each) is Account or each.is_on][-1].seq)


@pytest.fixture
def rig() -> Rig:
    return Rig(changes=with_roles, api=True).lead()


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_a_session_is_accepted_behind_its_rights_end(rig: Rig, way: str) -> None:
    """LOG-30. Each command, before, behind, after a logon with the old rights, and after one with the new ones."""
    log_on(rig, 0)
    assert rig.ask(order(TRADER, "open")) == Code.OK
    WAYS[way](rig)
    for rights in (None, 0, ended_at(rig) - 1):
        if rights is not None:
            log_on(rig, rights)
        for command in COMMANDS:
            assert rig.ask(*command(rig)) == ENDED, (command.__name__, rights)
    log_on(rig, ended_at(rig))
    for command in COMMANDS:
        assert rig.ask(*command(rig)) != ENDED, command.__name__
    again = Rig(rig.log, changes=with_roles, api=True).lead()
    assert again.core.digests() == rig.core.digests()


def test_what_lies_in_the_ring_behind_a_password_change_is_refused(rig: Rig) -> None:
    """The gateway has not heard of the change yet, and has passed the order on."""
    log_on(rig, 0)
    count = len(rig.log)
    rig.send_by_api(*account_group(b"T1", TRADER, target=TRADER))
    rig.step()
    rig.send(order(TRADER, "late"))
    rig.run()
    changed = next(record.seq for record in rig.commands(count) if type(record) is Account)
    late: list[Any] = [record for record in rig.commands(count) if hasattr(record, "price_ticks")]
    assert [(record.seq > changed, record.verdict) for record in late] == [(True, ENDED)]


@pytest.mark.parametrize("who", ["itself", "another"])
def test_a_session_stays_where_its_rights_do(rig: Rig, who: str) -> None:
    """Its owner's own kill switch, the same definition again, and what happens to others end nothing."""
    log_on(rig, 0)
    if who == "itself":
        same = ExtCredential(salt=b"s" * 16, hash=b"h" * 32, memory_kib=8, time_cost=1, parallelism=1)
        definition = [by_api(each, 0, ADMIN) for each in (same, Account(name=b"T1", target=TRADER))]
        assert asked(rig, *definition) in (Code.OK, Code.SECOND_NEEDED)
        switch = KillSwitch(
            account=TRADER, cl_ord_id=b"own", target=TRADER, scope=KillScope.ACCOUNT, is_on=1, time_ns=rig.now
        )
        assert asked(rig, by_api(switch)) == Code.OK
        assert rig.ask(*new_order(rig)) == Code.KILL_SWITCH
    else:
        assert asked(rig, *account_group(b"T2", 2, target=2)) == Code.OK
        assert rig.ask(*new_order(rig)) == Code.OK


def test_another_password_of_the_configuration_ends_its_sessions(rig: Rig) -> None:
    log_on(rig, 0)

    def changes(_: Any) -> Any:
        other = ExtCredential(account=TRADER, salt=b"o" * 16, hash=b"o" * 32, memory_kib=8, time_cost=1, parallelism=1)
        yield [pack(other), pack(Account(account=TRADER, name=b"T1"))]

    later = Rig(rig.log, changes=changes, api=True).lead()
    assert later.ask(order(TRADER, "late")) == ENDED


# Commands of the api. Each comes with a ticket: 1 more than the record that last ended the rights which it is sent by.


def new_cancel_after(rig: Rig) -> list[Command]:
    return [CancelAfter(account=TRADER, cl_ord_id=b"d%d" % len(rig.log), seconds=60)]


def new_password(_: Rig) -> list[Command]:
    return account_group(b"T1", TRADER, target=TRADER)


def new_key(rig: Rig) -> list[Command]:
    return key_of(TRADER, f"k{len(rig.log)}")


def new_withdrawal(rig: Rig) -> list[Command]:
    return request(TRADER, 1, id=b"w%d" % len(rig.log))


OF_API = (*COMMANDS, new_cancel_after, new_password, new_key, new_withdrawal)


def by_ticket(ticket: int, key: int, records: list[Any]) -> list[Any]:
    return [structs.replace(by_api(each, key), seq=ticket) for each in records]


@pytest.mark.parametrize("way", WAYS)
def test_commands_of_the_api_are_judged_by_their_ticket(rig: Rig, way: str) -> None:
    """LOG-30. A person's command that was under way when the rights ended is refused; what a key signed is not."""
    key = defined(rig, TRADER, "signs")
    assert rig.ask_by_api(*by_ticket(1, 0, [order(TRADER, "open")])) == Code.OK
    WAYS[way](rig)
    ended = ended_at(rig)
    for command in OF_API:
        for ticket in (1, ended):
            assert rig.ask_by_api(*by_ticket(ticket, 0, command(rig))) == ENDED, (command.__name__, ticket)
    for command in COMMANDS:
        for ticket in (1, ended):
            assert rig.ask_by_api(*by_ticket(ticket, key, command(rig))) == ENDED, "of a connection that is logged on"
        assert rig.ask_by_api(*by_ticket(0, key, command(rig))) != ENDED, "signed"
    for command in OF_API:
        if command is not new_password:
            assert rig.ask_by_api(*by_ticket(ended + 1, 0, command(rig))) != ENDED, command.__name__
    again = Rig(rig.log, changes=with_roles, api=True).lead()
    assert again.core.digests() == rig.core.digests()


def test_two_password_changes_by_one_session_make_one(rig: Rig) -> None:
    """Both lie in the ring: the first ends the rights that the second was sent by."""
    count = len(rig.log)
    for salt in (b"1" * 16, b"2" * 16):
        credential = ExtCredential(salt=salt, hash=b"n" * 32, memory_kib=8, time_cost=1, parallelism=1)
        account = Account(name=b"T1", target=TRADER)
        rig.send_by_api(*by_ticket(1, 0, [by_api(each, 0, TRADER) for each in (credential, account)]))
    rig.run()
    verdicts = [record.verdict for record in rig.commands(count) if type(record) is Account]
    assert verdicts == [Code.OK, ENDED]
