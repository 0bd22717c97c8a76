"""Single rules of the router: definitions and their limits, ages, resends, session numbers, and long flushes."""

from __future__ import annotations

from collections.abc import Iterator

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    Asset,
    Balance,
    Code,
    CommandType,
    Deposit,
    OrderFlag,
    Rejected,
    Session,
)
from lockstep.procs.router.sequencer import Sequencer
from tests.compiled import session_in
from tests.router import rig as rigs
from tests.router.requests import cancel, order
from tests.router.rig import FREE, NOW, Rig

SECOND_NS = 10**9
MAX_ASSETS = 4096
OPERATOR = rigs.OPERATORS[0]
MANY = 40  # accounts whose balances change at once: more than one cause may announce
MAX_FLUSH = 32


def verdict(rig: Rig) -> int:
    return getattr(rig.commands()[-1], "verdict", -1)


def test_a_definition_out_of_turn_is_refused_and_changes_nothing() -> None:
    rig = Rig().lead()
    for asset in (
        Asset(account=OPERATOR, time_ns=NOW, name=b"Z", asset=9, scale=2),
        Asset(account=OPERATOR, time_ns=NOW, name=b"A1", asset=4, scale=2),
        Asset(account=OPERATOR, time_ns=NOW, name=b"", asset=4, scale=2),
    ):
        rig.send(asset)
        rig.run()
        assert verdict(rig) == Code.INVALID_DEFINITION
        told = rig.outcomes(0)[-1]
        assert isinstance(told, Rejected)
        assert (told.code, told.command, told.cause) == (Code.INVALID_DEFINITION, CommandType.ASSET, len(rig.log))
    assert set(rig.core.assets) == {b"A1", b"A2", b"A3"}


def test_more_assets_than_there_is_room_for_are_refused() -> None:
    rig = Rig().lead()
    for asset in range(4, MAX_ASSETS + 1):
        rig.send(Asset(account=OPERATOR, time_ns=NOW, name=b"N%d" % asset, asset=asset, scale=2))
    rig.run()
    assert verdict(rig) == Code.OK
    assert len(rig.core.assets) == MAX_ASSETS
    rig.send(Asset(account=OPERATOR, time_ns=NOW, name=b"last", asset=MAX_ASSETS + 1, scale=2))
    rig.run()
    assert verdict(rig) == Code.LIMIT_REACHED
    assert len(rig.core.assets) == MAX_ASSETS


def test_a_command_that_arrives_after_the_poll_began_is_not_too_old() -> None:
    rig = Rig().lead()
    rig.send(order(1, "ahead", time_ns=rig.now + SECOND_NS))
    rig.run()
    assert verdict(rig) == Code.OK


def test_a_command_is_too_old_after_thirty_seconds_and_not_before() -> None:
    """LOG-5: each request is taken once, whichever router takes it."""
    rig = Rig().lead()
    for name, age_ns, expected in (("in time", 29 * SECOND_NS, Code.OK), ("late", 30 * SECOND_NS, Code.TOO_OLD)):
        rig.send(order(1, name, time_ns=rig.now - age_ns))
        rig.run()
        assert verdict(rig) == expected
    assert rig.core.ledger.ids.knows(1, b"late")  # its resend can't go live
    rig.send(order(1, "late"))
    rig.run()
    assert verdict(rig) == Code.DUPLICATE_CLIENT_ID


def test_a_resend_of_a_known_id_is_a_duplicate_whether_its_order_is_open_or_closed() -> None:
    """LOG-6: its sender finds the order's status by this verdict; nothing goes live twice."""
    rig = Rig().lead()
    rig.send(order(1, "open"), order(1, "closed"), *cancel(1, "C", "closed"))
    rig.run()
    for name in ("open", "closed", "C"):
        rig.send(order(1, name, flags=OrderFlag.POSS_RESEND))
        rig.run()
        assert verdict(rig) == Code.DUPLICATE_CLIENT_ID
    assert rig.core.ledger.orders.count == 1
    rig.send(order(1, "new", flags=OrderFlag.POSS_RESEND))
    rig.run()
    assert verdict(rig) == Code.OK
    rig.core.ledger.check()


def test_a_sessions_numbers_follow_its_commands_and_begin_again_at_a_reset() -> None:
    rig = Rig().lead()
    rig.send(order(1, "B", msg_seq_num=7))
    rig.run()
    rig.send(Session(account=1, session=1, next_msg_seq_num=1, up=1, reset=0, time_ns=rig.now))
    rig.run()
    assert rig.core.session_in(1) == session_in(rig.board, 1) == 7
    rig.send(Session(account=1, session=1, next_msg_seq_num=1, up=1, reset=1, time_ns=rig.now))
    rig.run()
    assert rig.core.session_in(1) == session_in(rig.board, 1) == 0
    again = Rig(rig.log).lead()
    assert again.core.session_in(1) == 0


def many_accounts(core: Sequencer) -> Iterator[list[bytes]]:
    if core.assets:
        return
    yield from rigs.changes(core)
    for account in range(rigs.OPERATORS[-1] + 1, MANY + 3):
        yield rigs.account_records(account)
        yield [pack(Deposit(account=account, asset=3, amount=FREE, cl_ord_id=b"initial:3"))]


def test_more_balances_than_one_cause_may_announce_are_told_in_turns_each_once() -> None:
    """LOG-10: the router's own events follow from records."""
    rig = Rig(changes=many_accounts).lead()
    rig.tick()
    before = len(rig.events[0])
    traders = [account for account in range(1, MANY + 3) if account not in rigs.OPERATORS]
    for account in traders:
        rig.send(order(account, "B"))
    rig.run()
    rig.tick()
    rig.tick()
    told = [event for event in rig.outcomes(0)[before:] if isinstance(event, Balance)]
    assert sorted(event.account for event in told) == traders
    assert {(event.asset, event.held) for event in told} == {(3, 100 * 5 * 7)}
    causes = [event.cause for event in told]
    assert causes == sorted(causes)
    assert [causes.count(cause) for cause in sorted(set(causes))] == [MAX_FLUSH, MANY - MAX_FLUSH]
