"""Cancel-after: an account's orders are cancelled once it has said nothing for so long, whatever has ended since."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import (
    MAX_CANCEL_AFTER_S,
    CancelAfter,
    Cancelled,
    CancelReason,
    Code,
    CommandType,
    Confirmed,
    KeyScope,
    KillScope,
    KillSwitch,
    MassCancel,
    Phase,
    PhaseChange,
    Snapshot,
)
from lockstep.core.venue.snapshot_parts import Kept
from lockstep.shm.board import Word
from tests.models.cancel_after import CancelAfterModel
from tests.models.journal import stamp
from tests.router.random_driver import Everything
from tests.router.requests import order
from tests.router.rig import ACCOUNTS, OPERATORS, Rig, with_limits
from tests.router.test_keys import AUDITOR, by_api, defined, told, with_roles
from tests.router.test_snapshot import played, start_at

SECOND_NS = 10**9


@pytest.fixture
def rig() -> Rig:
    return Rig(changes=with_roles, api=True).lead()


def says(rig: Rig, seconds: int, account: int = 1, key: int = 0) -> Code:
    made = CancelAfter(account=account, cl_ord_id=b"a%d" % len(rig.log), seconds=seconds, time_ns=rig.now)
    return Code(rig.ask_by_api(by_api(made, key)))


def trades(rig: Rig) -> None:
    """Two orders of account 1, by FIX and by the api, and one of account 2."""
    rig.send(order(1, "fix", price_ticks=90, time_ns=rig.now))
    assert rig.ask_by_api(by_api(order(1, "api", price_ticks=90, instrument=2, time_ns=rig.now))) == Code.OK
    assert rig.ask(order(2, "other", price_ticks=90, time_ns=rig.now)) == Code.OK


def waits(rig: Rig, seconds: float) -> None:
    rig.now += int(seconds * SECOND_NS)
    rig.run()


def open_orders(rig: Rig) -> int:
    rig.core.ledger.check()
    return int(rig.core.ledger.orders.count)


def cancels(rig: Rig) -> list[MassCancel]:
    return [each for each in rig.commands() if isinstance(each, MassCancel)]


def test_all_orders_of_the_account_go_once_it_has_said_nothing_for_so_long(rig: Rig) -> None:
    """LOG-33."""
    trades(rig)
    assert says(rig, 5) == Code.OK
    armed = told(rig, Confirmed)[-1]
    assert (armed.command, armed.target, armed.seconds) == (CommandType.CANCEL_AFTER, 1, 5)
    assert rig.core.cancel_after(1) == armed.time_ns + 5 * SECOND_NS
    waits(rig, 4.999)
    assert open_orders(rig) == 3
    waits(rig, 0.001)
    assert open_orders(rig) == 1
    assert rig.core.cancel_after(1) == 0
    (cancel,) = cancels(rig)
    assert (cancel.account, cancel.target, cancel.ingress, cancel.session, cancel.cl_ord_id) == (0, 1, 0, 0, b"")
    assert cancel.time_ns - armed.time_ns < 5.001 * SECOND_NS
    over = told(rig, Confirmed)[-1]
    assert (over.command, over.target, over.is_due, over.cause) == (CommandType.MASS_CANCEL, 1, 1, cancel.seq)
    gone = [event for ring in (1, 2) for event in rig.outcomes(ring) if isinstance(event, Cancelled)]
    assert {(event.reason, event.session, event.account) for event in gone} == {(CancelReason.MASS_CANCEL, 0, 1)}
    assert len(gone) == 2
    waits(rig, 3600)
    assert len(cancels(rig)) == 1
    assert says(rig, 1) == Code.OK
    waits(rig, 2)
    assert len(cancels(rig)) == 2, "once for each time that it was asked for"


def test_a_later_one_takes_its_place_and_nothing_else_puts_it_off(rig: Rig) -> None:
    trades(rig)
    assert says(rig, 5) == Code.OK
    waits(rig, 4)
    assert says(rig, 10) == Code.OK
    waits(rig, 9)
    assert rig.ask(order(1, "busy", price_ticks=90, time_ns=rig.now)) == Code.OK
    assert open_orders(rig) == 4
    waits(rig, 1)
    assert open_orders(rig) == 1


def test_zero_turns_it_off(rig: Rig) -> None:
    trades(rig)
    assert says(rig, 5) == Code.OK
    assert says(rig, 0) == Code.OK
    assert told(rig, Confirmed)[-1].seconds == 0
    assert says(rig, 0) == Code.OK, "also where it is off"
    waits(rig, 60)
    assert (open_orders(rig), cancels(rig)) == (3, [])


def test_each_account_has_one_and_they_come_in_their_order(rig: Rig) -> None:
    for account, seconds in ((3, 9), (1, 3), (2, 3)):
        assert says(rig, seconds, account) == Code.OK
    waits(rig, 4)
    assert [each.target for each in cancels(rig)] == [1, 2]
    assert says(rig, MAX_CANCEL_AFTER_S, 1) == Code.OK
    waits(rig, 5)
    assert [each.target for each in cancels(rig)] == [1, 2, 3]
    waits(rig, MAX_CANCEL_AFTER_S)
    assert [each.target for each in cancels(rig)] == [1, 2, 3, 1]


def test_a_halt_spares_nobody_who_is_silent(rig: Rig) -> None:
    """Like an expiry, and unlike what an account itself may cancel then."""
    trades(rig)
    halt = PhaseChange(account=OPERATORS[0], time_ns=rig.now, cl_ord_id=b"H", instrument=1, phase=Phase.HALT)
    assert rig.ask(halt) == Code.OK
    own = MassCancel(account=1, session=1, cl_ord_id=b"m", instrument=1, target=1, time_ns=rig.now)
    assert rig.ask(own) == Code.OK
    assert says(rig, 5) == Code.OK
    assert open_orders(rig) == 3
    waits(rig, 5)
    assert open_orders(rig) == 1


def test_who_may_ask_for_it(rig: Rig) -> None:
    reads = defined(rig, 1, "reads", scopes=KeyScope.READ)
    trading = defined(rig, 1, "trades")
    assert says(rig, 5, key=reads) == Code.KEY_SCOPE
    assert says(rig, 5, key=trading) == Code.OK
    assert says(rig, 5, AUDITOR) == Code.ROLE_NOT_ALLOWED
    assert says(rig, MAX_CANCEL_AFTER_S + 1) == Code.INVALID_DEFINITION
    assert rig.core.cancel_after(AUDITOR) == 0
    switch = KillSwitch(account=1, cl_ord_id=b"k", target=1, scope=KillScope.ACCOUNT, is_on=1)
    assert rig.ask_by_api(by_api(switch)) == Code.OK
    assert says(rig, 0) == Code.OK, "like cancels it passes a kill switch,"
    rig.board.set(Word.JOURNAL_FULL, 1)
    assert says(rig, 1) == Code.OK, "and a full disk (LOG-29)"
    waits(rig, 2)
    assert len(cancels(rig)) == 1


def test_nobody_but_the_router_says_that_it_is_due(rig: Rig) -> None:
    assert says(rig, 5) == Code.OK
    forged = MassCancel(account=1, cl_ord_id=b"", instrument=0, target=1, time_ns=rig.now)
    assert rig.ask(forged) == Code.OK  # a gateway's own: of the account's orders, not of its time
    assert rig.core.cancel_after(1) != 0
    with pytest.raises(ValueError, match="are not due"):
        Rig([*rig.log, early(rig)], changes=with_roles, api=True).run()


def early(rig: Rig) -> bytes:
    """What a router would write that fires too early."""
    other = Rig(changes=with_roles, api=True).lead()
    trades(other)
    says(other, 1)
    waits(other, 2)
    record = bytearray(next(each for each in other.log if each[4] == CommandType.MASS_CANCEL))
    record[8:16] = (len(rig.log) + 1).to_bytes(8, "little")
    record[32:40] = (unpack_command(rig.log[-1]).time_ns + 1).to_bytes(8, "little")
    return stamp(bytes(record))


@pytest.mark.parametrize("snapshot", [False, True])
def test_it_outlives_the_router_and_time_without_one_counts(snapshot: bool) -> None:
    """LOG-33: a start from the journal or from a snapshot cancels as soon as it leads, before it takes anything."""
    snapshots = Kept()
    rig = Rig(changes=with_roles, api=True, snapshots=snapshots).lead()
    trades(rig)
    assert says(rig, 5) == Code.OK
    kwargs: dict[str, Any] = {"changes": with_roles, "api": True}
    if snapshot:
        rig.ask_snapshot()
        rig.run()
        (taken,) = (each for each in rig.commands() if isinstance(each, Snapshot))
        again = Rig(
            rig.log[taken.seq :], snapshots=snapshots, start=start_at(taken), played=played(rig), **kwargs
        )  # fmt: skip
    else:
        again = Rig(rig.log, **kwargs)
    again.now = rig.now + 3 * SECOND_NS
    again.lead()
    assert again.core.cancel_after(1) == rig.core.cancel_after(1) != 0
    later = Rig(rig.log, **kwargs)
    later.now = rig.now + 6 * SECOND_NS
    later.send(order(1, "next", price_ticks=90, time_ns=later.now))
    later.lead()
    types = [record[4] for record in later.log[len(rig.log) :]]
    assert types.index(CommandType.MASS_CANCEL) < types.index(CommandType.NEW_ORDER)
    assert later.core.ledger.orders.count == 2
    again.now += 2 * SECOND_NS
    again.run()
    assert [each.target for each in again.commands() if isinstance(each, MassCancel)] == [1]


@pytest.mark.parametrize("seed", range(4))
def test_moments_equal_the_models(seed: int) -> None:
    """LOG-33: neither early nor late nor twice, whatever else is asked."""
    rig = Rig(seed=seed if seed % 2 else None, log=64, events=32, api=True, changes=with_limits).lead()
    driver = Everything(rig, random.Random(seed), cancel_later=15, wait=40)
    for _ in range(400):
        driver.step()
    rig.run()
    model = CancelAfterModel()
    for record in rig.commands():
        model.command(record)
    assert model.fired > 3
    for account in range(1, ACCOUNTS + 1):
        assert rig.core.cancel_after(account) == model.armed.get(account, 0)
