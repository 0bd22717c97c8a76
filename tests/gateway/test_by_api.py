"""What comes by the api is told to no FIX session; a session's own orders and requests are, whoever changes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lockstep.core.schema import records as r
from tests.gateway.harness import Trader
from tests.gateway.stage import ALICE, BOB, ROUTER, Stage, accepted, cancelled, traded
from tests.gateway.test_entry import run

KEY = r.API_SESSION + 3


def by_api(order_id: int, cl_ord_id: str, **changes: Any) -> r.Accepted:
    return accepted(order_id, cl_ord_id, session=KEY, msg_seq_num=0, **changes)


def replaced(order_id: int, cl_ord_id: str, flags: int, leaves: int = 20_000) -> r.Replaced:
    return r.Replaced(
        order_id=order_id, price_ticks=9_900, leaves_lots=leaves, old_price_ticks=10_000, old_leaves_lots=20_000,
        cl_ord_id=cl_ord_id.encode(), side=1, kept_priority=0, header_flags=flags,
    )  # fmt: skip


def rejected(order_id: int, command: r.CommandType, session: int, **changes: Any) -> r.Rejected:
    return r.Rejected(
        order_id=order_id, price_ticks=1, quantity_lots=1, account=ALICE, session=session, side=1, command=command,
        code=r.Code.UNKNOWN_ORDER, cl_ord_id=b"no", **changes,
    )  # fmt: skip


async def nothing_but(running: Stage, trader: Trader, order_id: int) -> None:
    """The next report is of an order that is entered now: nothing was told before it."""
    running.tell(accepted(order_id, f"mark{order_id}"))
    assert (await trader.receive())[11] == f"mark{order_id}"


@pytest.mark.parametrize("session", [r.API_SESSION, KEY, r.API_SESSION + 2**20])
def test_all_that_happens_to_an_order_of_the_api_is_told_to_nobody(tmp_path: Path, session: int) -> None:
    """LOG-31."""

    async def play(running: Stage, trader: Trader) -> None:
        running.tell(accepted(10, "api", session=session, msg_seq_num=0))
        running.tell(accepted(11, "bob", account=BOB, session=BOB, side=2))
        running.tell(traded(10, 11, 5_000, 10_000, 15_000, 15_000))
        running.tell(
            r.Triggered(
                order_id=10, price_ticks=9_000, leaves_lots=15_000, stop_price_ticks=0, account=ALICE, side=1, state=0,
                reason=1,
            )
        )  # fmt: skip
        running.tell(
            r.Restated(
                order_id=10, price_ticks=9_000, leaves_lots=15_000, old_price_ticks=10_000, old_leaves_lots=15_000,
                account=ALICE, side=1, state=0, reason=1, rested=1,
            )
        )  # fmt: skip
        running.tell(replaced(10, "api2", r.EventFlag.API, leaves=15_000))
        running.tell(cancelled(10, r.CancelReason.EXPIRED, leaves=15_000))
        running.tell(accepted(12, "api3", session=session))
        running.tell(cancelled(12, r.CancelReason.REQUESTED, leaves=20_000, session=session, cl_ord_id=b"c"))
        running.tell(rejected(0, r.CommandType.CANCEL, session))
        running.tell(rejected(13, r.CommandType.NEW_ORDER, session, cause=13), ring=ROUTER)
        running.tell(
            r.Confirmed(account=ALICE, session=session, target=ALICE, command=r.CommandType.MASS_CANCEL,
                        cl_ord_id=b"m", msg_seq_num=9),
            ring=ROUTER,
        )  # fmt: skip
        await nothing_but(running, trader, 20)
        trader.send("H", {11: "api2", 55: "BTCUSDT", 54: "1"})
        assert (await trader.receive())[37] == "10", "who asks is told, as the order is the account's"

    run(tmp_path, play)


def test_a_sessions_own_order_is_told_whoever_changes_it(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        running.tell(accepted(10, "fix"))
        assert (await trader.receive())[11] == "fix"
        running.tell(replaced(10, "moved", r.EventFlag.API))
        report = await trader.receive()
        assert (report[150], report[11], report[41]) == ("5", "moved", "fix")
        running.tell(cancelled(10, r.CancelReason.REQUESTED, leaves=20_000, session=KEY, cl_ord_id=b"theirs"))
        report = await trader.receive()
        assert (report[150], report[11], report.get(41)) == ("4", "moved", None)
        assert "by the api" in report[58]
        await nothing_but(running, trader, 20)

    run(tmp_path, play)


def test_who_asks_by_fix_about_an_order_of_the_api_is_answered(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        running.tell(by_api(10, "api"))
        running.tell(replaced(10, "mine", 0))
        report = await trader.receive()
        assert (report[150], report[11], report[41]) == ("5", "mine", "api")
        running.tell(accepted(11, "bob", account=BOB, session=BOB, side=2))
        running.tell(traded(10, 11, 5_000, 9_900, 15_000, 15_000))
        running.tell(cancelled(10, r.CancelReason.REQUESTED, leaves=15_000, session=ALICE, cl_ord_id=b"off"))
        report = await trader.receive()
        assert (report[150], report[11], report[41]) == ("4", "off", "mine")
        running.tell(rejected(10, r.CommandType.CANCEL, ALICE))
        assert (await trader.receive())[35] == "9"
        await nothing_but(running, trader, 20)

    run(tmp_path, play)
