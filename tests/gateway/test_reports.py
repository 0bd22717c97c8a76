"""The reports of each event, in both versions: fields, texts, and which session gets them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from lockstep.core.intake.codes import text_of
from lockstep.core.schema import records as r
from lockstep.shm.board import Word
from tests.gateway.harness import Trader
from tests.gateway.stage import ALICE, BOB, DEFINITIONS, ROUTER, Stage, accepted, cancelled, on_stage, stage, traded
from tests.gateway.test_entry import STOP_ENTRY, entry, run

VERSIONS = pytest.mark.parametrize("version", ["FIX.4.2", "FIX.4.4"])
WAITING, EXPLICIT = r.OrderState.WAITING, r.OrderState.EXPLICIT
NOON_NS = 1_893_499_200_000_000_000  # 2030-01-01 12:00 UTC


def some(message: dict[int, str], *tags: int) -> tuple[str | None, ...]:
    return tuple(message.get(tag) for tag in tags)


def terms(**fields: Any) -> r.ExtTermsEvent:
    return r.ExtTermsEvent(**fields)


@VERSIONS
def test_an_order_is_confirmed_with_all_its_terms(tmp_path: Path, version: str) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        working = None if version == "FIX.4.2" else "N"
        running.tell(terms(stop_price_ticks=11_000, display_lots=5_000, expire_ns=NOON_NS, minimum_lots=7))
        running.tell(accepted(10, "stop limit", ord_type=4, time_in_force=6, state=WAITING, flags=r.OrderFlag.TERMS))
        report = await trader.receive()
        assert some(report, 150, 39, 40, 44, 99, 111, 110, 59) == (
            "0", "0", "4", "100", "110", "0.5", "0.0007", "6",
        )  # fmt: skip
        assert some(report, 126, 636, 38, 151, 211, 18) == ("20300101-12:00:00.000", working, "2", "2", None, None)
        running.tell(terms(trail_ticks=75, stop_price_ticks=9_925))
        running.tell(accepted(11, "trailing", ord_type=5, state=WAITING))
        report = await trader.receive()
        assert some(report, 40, 18, 211, 99, 44, 636, 111) == (
            "P", None if version == "FIX.4.2" else "a", "0.75", "99.25", None, working, None,
        )  # fmt: skip
        running.tell(accepted(12, "post", flags=r.OrderFlag.POST_ONLY | r.OrderFlag.SLIDE))
        assert some(await trader.receive(), 18, 9479, 44, 636, 99) == ("6", "P", "100", None, None)
        running.tell(accepted(13, "open", ord_type=1, time_in_force=2, state=WAITING))
        assert some(await trader.receive(), 40, 59, 44, 636, 38) == ("1", "2", None, working, "2")
        running.tell(accepted(14, "plain"))
        assert some(await trader.receive(), 40, 59, 44, 18, 99, 636) == ("2", "0", "100", None, None, None)

    run(tmp_path, play, version)


@VERSIONS
@pytest.mark.parametrize(
    ("reason", "text"), [(r.TriggerReason.STOP, "stop price"), (r.TriggerReason.LIST, "first"), (3, "auction")]
)
def test_a_trigger_is_a_restatement(tmp_path: Path, version: str, reason: int, text: str) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        running.tell(terms(trail_ticks=75, stop_price_ticks=9_925))
        running.tell(accepted(11, "trailing", ord_type=5, state=WAITING))
        await trader.receive()
        running.tell(
            r.Triggered(
                order_id=11, price_ticks=9_000, leaves_lots=20_000, stop_price_ticks=9_950, account=ALICE, side=1,
                state=0, reason=reason,
            )
        )  # fmt: skip
        report = await trader.receive()
        fix42 = version == "FIX.4.2"
        assert some(report, 150, 39, 378, 636) == ("D", "0", "4" if fix42 else "8", None if fix42 else "Y")
        assert some(report, 99, 151, 11, 20) == ("99.5", "2", "trailing", "0" if fix42 else None)
        assert text in report[58]

    run(tmp_path, play, version)


@VERSIONS
def test_what_the_venue_changes_is_restated(tmp_path: Path, version: str) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        running.tell(accepted(10, "slides", flags=12))
        running.tell(
            r.Restated(
                order_id=10, price_ticks=9_990, leaves_lots=20_000, old_price_ticks=10_000, old_leaves_lots=20_000,
                account=ALICE, side=1, state=0, reason=r.RestateReason.SLID, rested=0,
            )
        )  # fmt: skip
        await trader.receive()
        assert some(await trader.receive(), 150, 39, 378, 44, 38, 151) == ("D", "0", "3", "99.9", "2", "2")
        running.tell(accepted(20, "own", account=BOB, session=BOB, side=2))
        running.tell(traded(10, 20, 5_000, 9_990, 15_000, 15_000))
        await trader.receive()
        running.tell(
            r.Restated(
                order_id=10, price_ticks=9_990, leaves_lots=4_000, old_price_ticks=9_990, old_leaves_lots=15_000,
                account=ALICE, side=1, state=0, reason=r.RestateReason.SELF_TRADE, rested=1,
            )
        )  # fmt: skip
        report = await trader.receive()
        assert some(report, 150, 39, 378, 38, 151, 14) == ("D", "1", "5", "0.9", "0.4", "0.5")
        assert report[58].startswith("self-trade")

    run(tmp_path, play, version)


REASONS = [reason for reason in r.CancelReason if reason != r.CancelReason.REQUESTED]


@VERSIONS
def test_each_unsolicited_cancel_says_why_and_names_no_request(tmp_path: Path, version: str) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        texts = set()
        for order_id, reason in enumerate(REASONS, 10):
            running.tell(accepted(order_id, f"o{order_id}"))
            running.tell(cancelled(order_id, reason, 20_000))
            await trader.receive()
            report = await trader.receive()
            expires = reason in (r.CancelReason.EXPIRED, r.CancelReason.AUCTION_ENDED)
            assert some(report, 150, 39) == (("C", "C") if expires else ("4", "4")), reason
            assert some(report, 11, 41, 151, 14) == (f"o{order_id}", None, "0", "0")
            texts.add(report[58])
            trader.send("H", {11: f"o{order_id}", 55: "BTCUSDT", 54: "1"})
            assert some(await trader.receive(), 39, 151) == ("C" if expires else "4", "0")
        assert len(texts) == len(REASONS)

    run(tmp_path, play, version)


@VERSIONS
def test_both_sides_of_an_auction_that_rested_get_their_fills(tmp_path: Path, version: str) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        bob = await on_stage(running, "BOB")
        running.tell(accepted(10, "bid"))
        running.tell(accepted(20, "ask", account=BOB, session=BOB, side=2))
        await trader.receive()
        await bob.receive()
        running.tell(traded(10, 20, 20_000, 9_950, 0, 0, flags=r.TradeFlag.AUCTION))
        for who in (trader, bob):
            report = await who.receive()
            assert some(report, 39, 31, 32, 151, 14, 6, 851) == ("2", "99.5", "2", "0", "2", "99.5", None)
            assert report[58] == "auction"

    run(tmp_path, play, version)


def test_version_44_says_who_added_and_who_took_liquidity(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        bob = await on_stage(running, "BOB")
        running.tell(accepted(10, "bid"))
        running.tell(accepted(20, "ask", account=BOB, session=BOB, side=2))
        running.tell(traded(10, 20, 20_000, 9_950, 0, 0))
        await trader.receive()
        await bob.receive()
        assert (await trader.receive())[851] == "1"
        assert (await bob.receive())[851] == "2"

    run(tmp_path, play)


@VERSIONS
@pytest.mark.parametrize("side", [r.Side.BUY, r.Side.SELL])
def test_an_order_with_a_budget_counts_down_in_money_and_up_in_lots(tmp_path: Path, version: str, side: r.Side) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        other = 3 - side
        budget = {"side": side, "ord_type": 1, "time_in_force": 3, "flags": r.OrderFlag.BUDGET}
        running.tell(accepted(9, "maker", account=BOB, session=BOB, side=other))
        running.tell(accepted(10, "spend", quantity_lots=30_000_000_000, price_ticks=10_500, **budget))
        report = await trader.receive()
        assert some(report, 150, 152, 38, 44, 40, 151, 14) == ("0", "300", None, None, "1", "300", "0")
        fill = {"maker_account": BOB, "taker_account": ALICE, "taker_side": side}
        running.tell(traded(9, 10, 10_000, 10_000, 10_000, 20_000_000_000, **fill))
        report = await trader.receive()
        assert some(report, 39, 152, 38, 151, 14, 6, 32) == ("1", "300", None, "200", "1", "100", "1")
        running.tell(traded(9, 10, 10_000, 10_000, 0, 10_000_000_000, **fill))
        report = await trader.receive()
        assert some(report, 39, 151, 14, 6) == ("1", "100", "2", "100")
        running.tell(cancelled(10, r.CancelReason.MARKET_REMAINDER, 10_000_000_000, side=side, session=ALICE))
        report = await trader.receive()
        assert some(report, 150, 39, 152, 151, 14, 6) == ("4", "4", "300", "0", "2", "100")
        trader.send("H", {11: "spend", 55: "BTCUSDT", 54: "1"})
        assert some(await trader.receive(), 39, 152, 38, 151, 14, 6) == ("4", "300", None, "0", "2", "100")

    run(tmp_path, play, version)


def test_a_budget_that_is_spent_exactly_is_filled(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        running.tell(accepted(9, "maker", account=BOB, session=BOB, side=2))
        running.tell(accepted(10, "spend", quantity_lots=10_000_000_000, ord_type=1, flags=r.OrderFlag.BUDGET))
        running.tell(traded(9, 10, 10_000, 10_000, 10_000, 0, maker_account=BOB, taker_account=ALICE, taker_side=1))
        await trader.receive()
        assert some(await trader.receive(), 39, 151, 14) == ("2", "0", "1")

    run(tmp_path, play)


def test_a_replaced_order_has_the_terms_that_the_event_gives(tmp_path: Path) -> None:
    def replaced(cl_ord_id: bytes, state: int) -> r.Replaced:
        return r.Replaced(
            order_id=10, price_ticks=10_100, leaves_lots=20_000, old_price_ticks=10_000, old_leaves_lots=20_000,
            cl_ord_id=cl_ord_id, side=1, kept_priority=0, state=state,
        )  # fmt: skip

    async def play(running: Stage, trader: Trader) -> None:
        running.tell(terms(stop_price_ticks=11_000, display_lots=5_000))
        running.tell(accepted(10, "one", ord_type=4, state=WAITING))
        await trader.receive()
        running.tell(terms(stop_price_ticks=12_000, display_lots=4_000))
        running.tell(replaced(b"two", WAITING))
        report = await trader.receive()
        assert some(report, 150, 11, 41, 99, 111, 44, 636) == ("5", "two", "one", "120", "0.4", "101", "N")
        running.tell(replaced(b"three", 0))
        assert some(await trader.receive(), 11, 99, 111, 636) == ("three", None, None, None)

    run(tmp_path, play)


def rejected(code: r.Code, command: r.CommandType, **changes: Any) -> r.Rejected:
    fields: dict[str, Any] = {
        "order_id": 10, "price_ticks": 10_000, "quantity_lots": 20_000, "account": ALICE, "session": ALICE,
        "cl_ord_id": b"one", "side": 1, "msg_seq_num": 2, "ord_type": 2, "time_in_force": 1,
    }  # fmt: skip
    return r.Rejected(code=code, command=command, **fields | changes)


@VERSIONS
def test_what_a_matcher_refuses_is_told_like_what_the_router_refuses(tmp_path: Path, version: str) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        for order_id, code in enumerate((c for c in r.Code if c >= 200), 10):
            cl_ord_id = f"o{order_id}"
            running.tell(rejected(code, r.CommandType.NEW_ORDER, order_id=order_id, cl_ord_id=cl_ord_id.encode()))
            report = await trader.receive()
            assert some(report, 35, 150, 39, 11, 37) == ("8", "8", "8", cl_ord_id, str(order_id))
            assert some(report, 151, 14, 44, 58) == ("0", "0", "100", text_of(code))
            trader.send("H", {11: cl_ord_id, 55: "BTCUSDT", 54: "1"})
            assert some(await trader.receive(), 39, 37, 151) == ("8", str(order_id), "0")
        running.tell(rejected(r.Code.HALTED, r.CommandType.NEW_ORDER, order_id=99, ord_type=5, price_ticks=0))
        assert some(await trader.receive(), 40, 44, 38) == ("P", None, "2")
        running.tell(rejected(r.Code.HALTED, r.CommandType.NEW_ORDER, order_id=98, ord_type=1, price_ticks=0))
        assert some(await trader.receive(), 40, 44, 38) == ("1", None, None)

    run(tmp_path, play, version)


def test_a_refused_list_is_one_report_an_order(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        for order_id, name in ((10, b"main"), (9, b"leg")):
            running.tell(rejected(r.Code.WOULD_TAKE, r.CommandType.NEW_ORDER, order_id=order_id, cl_ord_id=name))
        assert some(await trader.receive(), 11, 39, 37) == ("main", "8", "10")
        assert some(await trader.receive(), 11, 39, 37) == ("leg", "8", "9")

    run(tmp_path, play)


def test_a_mass_cancel_is_reported_and_then_each_order(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        running.tell(accepted(10, "one"))
        await trader.receive()
        confirmed = r.Confirmed(
            cause=77, account=ALICE, session=ALICE, target=ALICE, command=r.CommandType.MASS_CANCEL,
            cl_ord_id=b"all", msg_seq_num=5, side=2,
        )  # fmt: skip
        running.tell(confirmed, ring=ROUTER)
        report = await trader.receive()
        assert some(report, 35, 37, 11, 530, 531, 55, 54) == ("r", "77", "all", "1", "1", "BTCUSDT", "2")
        running.tell(cancelled(10, r.CancelReason.MASS_CANCEL, 20_000))
        assert some(await trader.receive(), 35, 11, 39, 41, 58) == ("8", "one", "4", None, "mass cancel")
        refused = rejected(r.Code.DUPLICATE_CLIENT_ID, r.CommandType.MASS_CANCEL, cause=78, cl_ord_id=b"all", side=0)
        running.tell(refused, ring=ROUTER)
        report = await trader.receive()
        assert some(report, 35, 37, 11, 531, 532) == ("r", "78", "all", "0", "99")
        assert report[58] == text_of(r.Code.DUPLICATE_CLIENT_ID)

    run(tmp_path, play)


def test_what_an_operator_does_is_no_answer_to_a_session(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        for command in (r.CommandType.MASS_CANCEL, r.CommandType.KILL_SWITCH, r.CommandType.PHASE):
            running.tell(
                r.Confirmed(account=BOB, session=0, target=ALICE, command=command, cl_ord_id=b"ops"), ring=ROUTER
            )
            running.tell(rejected(r.Code.NOT_AN_OPERATOR, command, session=0, msg_seq_num=0), ring=ROUTER)
        running.tell(accepted(10, "one"))
        assert some(await trader.receive(), 35, 11) == ("8", "one")

    run(tmp_path, play)


@VERSIONS
def test_the_status_of_an_order_is_told_to_who_asks(tmp_path: Path, version: str) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        running.tell(terms(stop_price_ticks=11_000))
        running.tell(accepted(10, "one", ord_type=3, state=WAITING))
        await trader.receive()
        ask = {11: "one", 55: "BTCUSDT", 54: "1"}
        fix42 = version == "FIX.4.2"
        trader.send("H", ask if fix42 else ask | {790: "q1"})
        report = await trader.receive()
        assert some(report, 150, 20, 39, 40, 99) == ("0" if fix42 else "I", "3" if fix42 else None, "0", "3", "110")
        assert report.get(790) == (None if fix42 else "q1")
        trader.send("H", ask | {11: "two"})
        other = await trader.receive()
        assert some(other, 37, 150, 39, 103) == ("NONE", "8" if fix42 else "I", "8", "5")
        assert other[17] != report[17]
        assert other[58] == text_of(r.Code.UNKNOWN_ORDER, b"two")

    run(tmp_path, play, version)


def test_what_happens_to_a_session_that_is_away_is_resent_as_it_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as running:
            trader = await on_stage(running)
            running.tell(terms(stop_price_ticks=11_000))
            running.tell(accepted(10, "one", ord_type=3, state=WAITING))
            first = await trader.receive()
            await trader.close()
            while running.gateway.engine.clients:
                await asyncio.sleep(0.001)
            running.tell(
                r.Triggered(
                    order_id=10, price_ticks=9_000, leaves_lots=20_000, stop_price_ticks=11_000, account=ALICE, side=1,
                    state=0, reason=1,
                )
            )  # fmt: skip
            running.tell(cancelled(10, r.CancelReason.MARKET_REMAINDER, 20_000))
            await trader.logon(running)
            trader.send("2", {7: first[34], 16: "0"})
            got = [await trader.receive() for _ in range(3)]
            assert [message[150] for message in got] == ["0", "D", "4"]
            assert [message[17] for message in got] == ["1-2-B", "1-3-B", "1-4-B"]
            assert all(message[43] == "Y" for message in got)

    asyncio.run(scenario())


def test_an_instrument_that_moves_goes_on_in_another_ring_only_when_the_old_one_is_done(tmp_path: Path) -> None:
    """The new matcher's events are there first, as after a restart: they are about orders that the old one tells of."""

    async def scenario() -> None:
        async with stage(tmp_path, matchers=2) as running:
            trader = await on_stage(running)
            listed = next(event for event in DEFINITIONS if isinstance(event, r.InstrumentDefined))
            running.tell(cancelled(10, r.CancelReason.EXPIRED, cause=200), ring=2)
            running.tell(structs.replace(listed, matcher=2, cause=100), ring=ROUTER)
            running.tell(rejected(r.Code.HALTED, r.CommandType.NEW_ORDER, order_id=101, cause=101), ring=ROUTER)
            await asyncio.sleep(0.05)  # these are read before the first matcher's event
            running.tell(accepted(10, "one", cause=50))
            assert some(await trader.receive(), 11, 150) == ("one", "0")
            for matcher in range(2):
                running.venue.board.set(Word.MATCHER_DONE + matcher, 100)
            got = [some(await trader.receive(), 150, 37) for _ in range(2)]
            assert sorted(got) == [("8", "101"), ("C", "10")]

    asyncio.run(scenario())


def test_a_list_that_may_have_come_before_is_answered_with_how_its_orders_stand(tmp_path: Path) -> None:
    async def play(running: Stage, trader: Trader) -> None:
        running.tell(accepted(11, "a"))
        running.tell(accepted(10, "b", ord_type=3, state=WAITING))
        known = {(await trader.receive())[17] for _ in range(2)}
        fields = [(97, "Y"), (66, "L"), (394, "3"), (1385, "1"), (68, "2"), (73, "2")]
        trader.send("E", [*fields, *entry("a", 1), *entry("b", 2, **STOP_ENTRY)])
        got = [await trader.receive() for _ in range(2)]
        assert [some(report, 11, 150, 39) for report in got] == [("a", "I", "0"), ("b", "I", "0")]
        assert len({report[17] for report in got} - known) == 2
        assert running.nothing()

    run(tmp_path, play)
