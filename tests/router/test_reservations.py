"""Sessions' outbound numbers in the log: what a gateway may say of them, and what keeps it."""

from __future__ import annotations

from typing import Any

import pytest

from lockstep.core.schema.records import Code, Command, Rejected, Reservation, Reserved, Session, Snapshot
from lockstep.core.venue.snapshot_parts import Kept, Start
from tests.router.rig import NOW, OPERATORS, Rig

BLOCK = 65_536


def reservation(first: int = 2, end: int = BLOCK, generation: int = 0, account: int = 1, **more: Any) -> Reservation:
    fields: dict[str, Any] = {"session": account, "fix_version": 44, "time_ns": NOW} | more
    return Reservation(account=account, generation=generation, first=first, end=end, **fields)


def up(account: int = 1) -> Session:
    return Session(account=account, session=account, next_msg_seq_num=1, up=1, reset=0, time_ns=NOW)


def test_what_a_gateway_may_say_is_kept_and_told() -> None:
    """LOG-1, LOG-10."""
    rig = Rig().lead()
    assert rig.core.reservation(1) == (0, 0, 0)
    assert rig.ask(reservation(first=7, end=7 + BLOCK, generation=3)) == Code.OK
    assert rig.core.reservation(1) == (3, 7, 7 + BLOCK)
    told = rig.outcomes(0)[-1]
    assert isinstance(told, Reserved)
    assert (told.session, told.generation, told.first, told.end, told.fix_version) == (1, 3, 7, 7 + BLOCK, 44)
    assert told.cause == len(rig.log)
    again = Rig(rig.log).lead()
    assert again.core.reservation(1) == (3, 7, 7 + BLOCK)
    assert again.outcomes(0)[: len(rig.outcomes(0))] == rig.outcomes(0)


@pytest.mark.parametrize(
    "wrong",
    [
        reservation(first=100, end=100 + BLOCK - 1),  # fewer than it has said
        reservation(first=99, end=200 + BLOCK),
        reservation(first=200, end=300 + BLOCK, generation=1),  # of before the reset
        reservation(first=200, end=200 + 2 * BLOCK + 1),  # more than two blocks ahead
        reservation(first=0, end=100 + BLOCK),
        reservation(first=200 + BLOCK, end=199 + BLOCK),
        reservation(first=2**31, end=2**31 + 10),  # 31 bits
        reservation(first=200, end=2**32 - 1),
    ],
)  # fmt: skip
def test_what_it_may_not_say_changes_nothing(wrong: Reservation) -> None:
    rig = Rig().lead()
    assert rig.ask(reservation(first=100, end=100 + BLOCK, generation=2)) == Code.OK
    if wrong.generation == 0:
        wrong = type(wrong)(**{name: getattr(wrong, name) for name in wrong.__struct_fields__} | {"generation": 2})
    assert rig.ask(wrong) == Code.INVALID_DEFINITION
    assert rig.core.reservation(1) == (2, 100, 100 + BLOCK)
    assert isinstance(rig.outcomes(0)[-1], Rejected)
    assert rig.ask(reservation(first=100, end=100 + BLOCK, generation=2)) == Code.OK  # the same again is no fault
    assert Rig(rig.log).lead().core.reservation(1) == (2, 100, 100 + BLOCK)


@pytest.mark.parametrize(
    ("records", "gateway", "code"),
    [
        ([reservation(account=9)], 0, Code.UNKNOWN_ACCOUNT),
        ([reservation(account=0)], 0, Code.UNKNOWN_ACCOUNT),
        ([reservation(session=2)], 0, Code.UNKNOWN_ACCOUNT),  # another's numbers
        ([reservation(session=2**32 - 1)], 0, Code.UNKNOWN_ACCOUNT),
        ([reservation(account=OPERATORS[0])], 0, Code.INVALID_DEFINITION),  # it comes by the operators' ring
        ([up(), reservation()], 1, Code.INVALID_DEFINITION),  # the session is the first gateway's
        ([up(), reservation()], 0, Code.OK),
    ],
)
def test_only_the_sessions_own_gateway_may_say_it(records: list[Command], gateway: int, code: Code) -> None:
    rig = Rig().lead()
    for record in records[:-1]:
        assert rig.ask(record) == Code.OK
    count = len(rig.log)
    rig.send(records[-1], gateway=gateway)
    rig.run()
    (made,) = rig.commands(count)
    assert isinstance(made, Reservation)
    assert made.verdict == code
    assert rig.core.reservation(1) == ((0, 2, BLOCK) if code == Code.OK else (0, 0, 0))


def test_a_session_that_logs_on_at_another_gateway_is_that_ones() -> None:
    rig = Rig().lead()
    rig.ask(up())
    rig.send(up(), gateway=1)
    rig.run()
    assert rig.ask(reservation()) == Code.INVALID_DEFINITION
    count = len(rig.log)
    rig.send(reservation(), gateway=1)
    rig.run()
    assert rig.commands(count)[0].verdict == Code.OK  # type: ignore[attr-defined]


def test_one_that_waited_long_counts_all_the_same() -> None:
    """The session's messages wait for it."""
    rig = Rig().lead()
    assert rig.ask(reservation(time_ns=NOW - 40 * 10**9)) == Code.OK


def test_a_digest_tells_reservations_apart() -> None:
    told = set()
    for end, generation, version in ((BLOCK, 0, 44), (BLOCK + 1, 0, 44), (BLOCK, 1, 44), (BLOCK, 0, 42), (0, 0, 0)):
        rig = Rig().lead()
        if end:
            assert rig.ask(reservation(end=end, generation=generation, fix_version=version)) == Code.OK
        told.add(rig.core.ledger.digests()["accounts"])
    assert len(told) == 5


def test_a_snapshot_keeps_them() -> None:
    """LOG-17: what comes behind it is judged as if the whole log had been replayed."""
    kept = Kept()
    rig = Rig(snapshots=kept).lead()
    rig.ask(up())
    rig.ask(reservation(first=50, end=50 + BLOCK, generation=4))
    rig.ask_snapshot()
    rig.run()
    (snapshot,) = [record for record in rig.commands() if isinstance(record, Snapshot)]
    start = Start(
        snapshot.seq, (snapshot.router_number, *snapshot.event_numbers), snapshot.time_ns, snapshot.epoch, 0, "kept"
    )
    again = Rig(rig.log[snapshot.seq :], snapshots=kept, start=start).lead()
    assert again.core.reservation(1) == (4, 50, 50 + BLOCK)
    again.send(reservation(first=60, end=60 + BLOCK, generation=4), gateway=1)
    again.run()
    assert again.core.reservation(1) == (4, 50, 50 + BLOCK)
    assert again.ask(reservation(first=50, end=49 + BLOCK, generation=4)) == Code.INVALID_DEFINITION
    assert again.ask(reservation(first=60, end=60 + BLOCK, generation=4)) == Code.OK
