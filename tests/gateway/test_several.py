"""One of several gateways: it tells its own sessions, and nobody else's; what others do is no sign of another host."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lockstep.core.intake.refused_ids import RefusedIds
from lockstep.core.schema import records as r
from lockstep.core.schema.layout import pack
from lockstep.procs.gateway.opening import Past
from lockstep.procs.gateway.store import Store
from tests.gateway.harness import Trader
from tests.gateway.stage import ALICE, AT_NS, BOB, Stage, accepted, on_stage, traded
from tests.gateway.store_entries import next_out
from tests.gateway.test_followed import following, reserve, step
from tests.passwords import PASSWORD

HOMES = {"BOB": 2}


@contextlib.asynccontextmanager
async def staged(data: Path) -> AsyncIterator[Stage]:
    running = Stage(data, homes=HOMES)
    await running.start()
    try:
        yield running
    finally:
        await running.kill()


def test_it_reports_its_own_side_of_a_trade(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with staged(tmp_path) as stage:
            alice = await on_stage(stage)
            stage.tell(accepted(10))
            stage.tell(accepted(11, "sold", side=r.Side.SELL, account=BOB, session=BOB))
            stage.tell(traded(10, 11, 20_000, 10_000, 0, 0))
            stage.tell(accepted(12, "two"))
            reports = [await alice.receive() for _ in range(3)]
            assert [(report[11], report[150]) for report in reports] == [("one", "0"), ("one", "F"), ("two", "0")]
            store = stage.gateway.engine.store
            assert (next_out(store, ALICE), next_out(store, BOB)) == (5, 1)
            assert not [asked for asked in stage.reservations if asked.session == BOB]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("password", "text"),
    [(PASSWORD, "session BOB logs on at gateway 2"), ("wrong", "SenderCompID, Username or Password is wrong")],
)
def test_a_session_of_another_gateway_learns_where_it_logs_on_if_it_is_who_it_says(
    tmp_path: Path, password: str, text: str
) -> None:
    async def scenario() -> None:
        async with staged(tmp_path) as stage:
            answer = await Trader("BOB").logon(stage, password)
            assert (answer[35], answer[34], answer[58]) == ("5", "1", text)
            assert [each.session for each in stage.gateway._log.statuses(0, 100)[0]] == ["ALICE"]

    asyncio.run(scenario())


def test_one_that_follows_keeps_nothing_of_other_gateways_sessions(tmp_path: Path) -> None:
    stage = following(tmp_path, HOMES)
    for session in (ALICE, BOB):
        reserve(stage, 5 + session, 18, session=session)
        stage.tell(accepted(10 + session, cause=10, session=session, account=session))
    step(stage)
    store = stage.gateway.engine.store
    assert (next_out(store, ALICE), next_out(store, BOB)) == (3, 1)  # a border and a report


def reservation(session: int) -> bytes:
    record = r.Reservation(
        seq=5, time_ns=AT_NS, session=session, account=session, generation=0, first=1, end=1000, fix_version=44
    )
    return pack(record)


@pytest.mark.parametrize(("session", "is_other_host"), [(ALICE, True), (BOB, False)])
def test_numbers_of_another_gateways_session_are_no_other_hosts(
    tmp_path: Path, session: int, is_other_host: bool
) -> None:
    store = Store(tmp_path / "gateway.1", RefusedIds(), Past(reserved=[reservation(session)], elsewhere=[BOB]))
    assert store.other_boot == is_other_host
    assert (next_out(store, session) > 1) == is_other_host
