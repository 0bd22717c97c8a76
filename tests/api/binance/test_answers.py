"""Answers and events: exact decimals against `Decimal`, Binance's words for the venue's states, all members present."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.core.schema.decimals import decimal
from lockstep.core.schema.records import OrderFlag, OrderType, SelfTrade, Side, TimeInForce
from lockstep.procs.api.binance import answers, user_events
from lockstep.procs.api.binance.answers import ACK, FULL, MICROSECOND, MILLISECOND, RESULT
from lockstep.procs.api.read.views import BalanceView, FillView, OrderView, SymbolView

T = 1_700_000_000_123_456_789
NEW, PARTLY, FILLED, CANCELED, REJECTED, EXPIRED = (ord(char) for char in "01248C")
SYMBOL = SymbolView(
    symbol=b"BTCUSDT", base=b"BTC", quote=b"USDT", base_scale=8, quote_scale=6, price_scale=2, tick=1,
    quantity_scale=4, lot=1, unit_value=1, lot_units=10_000, phase=4,
)  # fmt: skip
UNITS = st.integers(-(2**63) + 1, 2**63 - 1)


def an_order(**fields: int | bytes | SymbolView) -> OrderView:
    whole: dict[str, int | bytes | SymbolView] = {
        "symbol": SYMBOL,
        "order_id": 17,
        "client_order_id": b"mine",
        "side": Side.BUY,
        "ord_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "status": NEW,
        "price_ticks": 2_500_010,
        "quantity_lots": 100,
        "entered_ns": T,
        "changed_ns": T + 10**9,
        "working_ns": T,
    }
    return OrderView(**{**whole, **fields})


def a_fill(**fields: int | bool | SymbolView) -> FillView:
    whole: dict[str, int | bool | SymbolView] = {
        "symbol": SYMBOL,
        "trade_id": 5,
        "order_id": 17,
        "price_ticks": 2_500_000,
        "quantity_lots": 60,
        "fee": 1500,
        "time_ns": T,
        "is_buyer": True,
        "is_maker": False,
    }
    return FillView(**{**whole, **fields})


def row_of(order: OrderView) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answers.order_row(order, MILLISECOND))
    return found


@given(UNITS, st.integers(0, 18))
def test_decimals_are_exact_and_have_eight_places_at_least(units: int, scale: int) -> None:
    balance = BalanceView(asset=b"X", scale=scale, free=units, held=-units)
    event = json.loads(user_events.account_position([balance], T, T, MILLISECOND))
    for shown, value in ((event["B"][0]["f"], units), (event["B"][0]["l"], -units)):
        assert Decimal(shown) == Decimal(value).scaleb(-scale)
        assert len(shown.partition(".")[2]) == max(scale, 8)
        assert shown == decimal(value, scale)
    assert decimal(units, scale, 0) == (f"{Decimal(units).scaleb(-scale):f}" if scale else str(units))


@given(
    st.integers(1, 2**31), st.integers(1, 2**31), st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 9),
    st.integers(0, 9),
)  # fmt: skip
def test_ticks_and_lots_are_shown_by_their_steps(
    ticks: int, lots: int, tick: int, lot: int, price_scale: int, quantity_scale: int
) -> None:
    symbol = SymbolView(
        symbol=b"S", base=b"B", quote=b"Q", quote_scale=18, price_scale=price_scale, tick=tick,
        quantity_scale=quantity_scale, lot=lot, unit_value=7,
    )  # fmt: skip
    row = row_of(an_order(symbol=symbol, price_ticks=ticks, quantity_lots=lots))
    assert Decimal(row["price"]) == Decimal(ticks * tick).scaleb(-price_scale)
    assert Decimal(row["origQty"]) == Decimal(lots * lot).scaleb(-quantity_scale)
    (trade,) = json.loads(
        answers.trade_rows([a_fill(symbol=symbol, price_ticks=ticks, quantity_lots=lots)], MILLISECOND)
    )
    assert Decimal(trade["quoteQty"]) == Decimal(ticks * lots * 7).scaleb(-18)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=36))
def test_any_client_id_comes_back_as_it_was(client_id: str) -> None:
    order = an_order(client_order_id=client_id.encode(), original_client_order_id=client_id[::-1].encode())
    assert row_of(order)["clientOrderId"] == client_id
    cancelled = json.loads(answers.cancel_answer(order, MILLISECOND))
    assert (cancelled["clientOrderId"], cancelled["origClientOrderId"]) == (client_id, client_id[::-1])


def test_bytes_of_old_journals_are_still_json() -> None:
    assert row_of(an_order(client_order_id=b"\xff\x01"))["clientOrderId"] == "\xff\x01"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ("LIMIT", "GTC", "NEW")),
        ({"flags": OrderFlag.POST_ONLY}, ("LIMIT_MAKER", "GTC", "NEW")),
        (
            {"ord_type": OrderType.MARKET, "status": FILLED, "time_in_force": TimeInForce.IOC},
            ("MARKET", "GTC", "FILLED"),
        ),
        ({"ord_type": OrderType.STOP, "stop_price_ticks": 1}, ("STOP_LOSS", "GTC", "NEW")),
        ({"ord_type": OrderType.STOP_LIMIT, "status": PARTLY}, ("STOP_LOSS_LIMIT", "GTC", "PARTIALLY_FILLED")),
        ({"ord_type": OrderType.TRAILING_STOP}, ("STOP_LOSS", "GTC", "NEW")),
        ({"time_in_force": TimeInForce.IOC, "status": CANCELED}, ("LIMIT", "IOC", "EXPIRED")),
        ({"time_in_force": TimeInForce.FOK, "status": CANCELED}, ("LIMIT", "FOK", "EXPIRED")),
        ({"ord_type": OrderType.MARKET, "status": CANCELED}, ("MARKET", "GTC", "EXPIRED")),
        ({"time_in_force": TimeInForce.DAY, "status": EXPIRED}, ("LIMIT", "GTC", "EXPIRED")),
        ({"time_in_force": TimeInForce.GTD, "status": CANCELED}, ("LIMIT", "GTC", "CANCELED")),
        ({"time_in_force": TimeInForce.AT_THE_OPEN, "status": REJECTED}, ("LIMIT", "GTC", "REJECTED")),
    ],
)
def test_words_of_the_venue_are_binances(fields: dict[str, int], words: tuple[str, str, str]) -> None:
    order = an_order(**fields)
    row = row_of(order)
    assert (row["type"], row["timeInForce"], row["status"]) == words
    report = json.loads(user_events.execution_report(order, 0, None, b"NONE", 1, T, MILLISECOND))
    assert (report["o"], report["f"], report["X"]) == words
    assert Decimal(row["price"]) == (0 if row["type"] in ("MARKET", "STOP_LOSS") else Decimal("25000.1"))


@pytest.mark.parametrize(
    ("spent", "lots", "worst_ticks", "word"),
    [
        (100_000_000, 40, 0, "FILLED"),  # nothing is left
        (97_600_000, 40, 0, "FILLED"),  # less than the average lot
        (97_000_000, 40, 0, "EXPIRED"),  # more than a lot: the book had no more
        (97_000_000, 40, 3_000_010, "FILLED"),  # less than a lot at the worst price
        (0, 0, 0, "EXPIRED"),
    ],
)
def test_a_budget_is_filled_when_no_lot_is_left_to_buy(spent: int, lots: int, worst_ticks: int, word: str) -> None:
    order = an_order(
        ord_type=OrderType.MARKET, flags=OrderFlag.BUDGET, status=CANCELED, quantity_lots=100_000_000,
        executed_quote=spent, executed_lots=lots, price_ticks=worst_ticks,
    )  # fmt: skip
    row = row_of(order)
    assert row["status"] == word
    assert (row["origQuoteOrderQty"], row["origQty"]) == ("100.00000000", decimal(lots, 4))


@pytest.mark.parametrize(
    ("mode", "word"),
    [
        (SelfTrade.DEFAULT, "NONE"),
        (SelfTrade.NONE, "NONE"),
        (SelfTrade.CANCEL_NEWEST, "EXPIRE_TAKER"),
        (SelfTrade.CANCEL_OLDEST, "EXPIRE_MAKER"),
        (SelfTrade.CANCEL_BOTH, "EXPIRE_BOTH"),
        (SelfTrade.DECREMENT, "DECREMENT"),
    ],
)
def test_self_trade_modes_are_binances(mode: SelfTrade, word: str) -> None:
    assert row_of(an_order(stp=mode))["selfTradePreventionMode"] == word


def test_the_answer_to_an_order_has_as_much_as_was_asked_for() -> None:
    order = an_order(status=PARTLY, executed_lots=60, executed_quote=150_000_000)
    ack, result, full = (
        json.loads(answers.order_answer(order, detail, [a_fill()], MILLISECOND)) for detail in (ACK, RESULT, FULL)
    )
    assert ack == {
        "symbol": "BTCUSDT",
        "orderId": 17,
        "orderListId": -1,
        "clientOrderId": "mine",
        "transactTime": (T + 10**9) // MILLISECOND,
    }
    assert result == {
        **ack,
        "price": "25000.10000000",
        "origQty": "0.01000000",
        "executedQty": "0.00600000",
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": "150.00000000",
        "status": "PARTIALLY_FILLED",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "workingTime": T // MILLISECOND,
        "selfTradePreventionMode": "NONE",
    }
    fill = {"price": "25000.00000000", "qty": "0.00600000", "commission": "0.00001500", "commissionAsset": "BTC"}
    assert full == {**result, "fills": [{**fill, "tradeId": 5}]}


def test_a_waiting_order_shows_its_stop_price_and_does_not_work_yet() -> None:
    order = an_order(ord_type=OrderType.STOP_LIMIT, stop_price_ticks=2_600_000, display_lots=10, working_ns=0)
    result = json.loads(answers.order_answer(order, RESULT, [], MICROSECOND))
    assert (result["stopPrice"], result["icebergQty"]) == ("26000.00000000", "0.00100000")
    assert "workingTime" not in result
    assert result["transactTime"] == (T + 10**9) // MICROSECOND
    row = row_of(order)
    assert row["workingTime"] == -1
    assert (row["isWorking"], row["time"], row["updateTime"]) == (False, T // MILLISECOND, T // MILLISECOND + 1000)
    (listed,) = json.loads(answers.order_rows([order], MILLISECOND))
    assert listed == row
    assert json.loads(answers.order_rows([], MILLISECOND)) == []
    assert json.loads(answers.order_rows([order, order], MILLISECOND)) == [row, row]


def test_cancels_come_alone_together_and_with_a_new_order() -> None:
    order = an_order(status=CANCELED, original_client_order_id=b"mine", client_order_id=b"its-cancel")
    one = answers.cancel_answer(order, MILLISECOND)
    cancelled = json.loads(one)
    assert (cancelled["origClientOrderId"], cancelled["status"]) == ("mine", "CANCELED")
    assert json.loads(answers.cancel_answers([order, order], MILLISECOND)) == [cancelled, cancelled]
    placed = answers.order_answer(an_order(), ACK, [], MILLISECOND)
    both = json.loads(answers.cancel_replace_answer(one, placed))
    assert both == {
        "cancelResult": "SUCCESS",
        "newOrderResult": "SUCCESS",
        "cancelResponse": cancelled,
        "newOrderResponse": json.loads(placed),
    }


def test_an_amendment_shows_the_order_as_it_is_now() -> None:
    order = an_order(original_client_order_id=b"before", quantity_lots=50)
    amended = json.loads(answers.amend_answer(order, 9, MILLISECOND))
    assert (amended["executionId"], amended["transactTime"]) == (9, (T + 10**9) // MILLISECOND)
    inner = amended["amendedOrder"]
    assert (inner["qty"], inner["origClientOrderId"], inner["clientOrderId"]) == ("0.00500000", "before", "mine")


@pytest.mark.parametrize(("triggers", "is_done"), [(False, False), (True, False), (False, True)])
def test_a_list_is_told_with_both_of_its_orders(triggers: bool, is_done: bool) -> None:
    orders = [an_order(order_id=number, list_id=17, client_order_id=b"o%d" % number) for number in (17, 18)]
    told = json.loads(answers.list_answer(orders, triggers, is_done, b"list", FULL, False, MILLISECOND))
    assert (told["orderListId"], told["contingencyType"]) == (17, "OTO" if triggers else "OCO")
    assert told["listOrderStatus"] == ("ALL_DONE" if is_done else "EXECUTING")
    assert [(row["orderId"], row["clientOrderId"]) for row in told["orders"]] == [(17, "o17"), (18, "o18")]
    assert told["orderReports"] == [
        json.loads(answers.order_answer(order, RESULT, [], MILLISECOND)) for order in orders
    ]
    event = json.loads(user_events.list_status(orders, triggers, is_done, b"list", T, MILLISECOND))
    assert (event["g"], event["C"], event["L"]) == (17, "list", told["listOrderStatus"])
    assert [(row["i"], row["c"]) for row in event["O"]] == [(17, "o17"), (18, "o18")]


def test_a_cancelled_list_shows_the_orders_own_ids() -> None:
    orders = [
        an_order(order_id=number, list_id=17, status=CANCELED, client_order_id=b"c", original_client_order_id=b"o")
        for number in (17, 18)
    ]
    told = json.loads(answers.list_answer(orders, False, True, b"list", FULL, True, MILLISECOND))
    assert [row["clientOrderId"] for row in told["orders"]] == ["o", "o"]
    assert [row["origClientOrderId"] for row in told["orderReports"]] == ["o", "o"]
    orders[1].client_order_id, orders[1].original_client_order_id = b"its-own", b""
    told = json.loads(answers.list_answer(orders, False, True, b"list", FULL, True, MILLISECOND))
    assert [row["clientOrderId"] for row in told["orders"]] == ["o", "its-own"]
    assert told["orderReports"][1]["origClientOrderId"] == "its-own"


@pytest.mark.parametrize(
    ("is_buyer", "fee", "shown", "asset"), [(True, 1500, "0.00001500", "BTC"), (False, -25, "-0.00002500", "USDT")]
)
def test_a_trades_fee_is_in_what_its_side_receives(is_buyer: bool, fee: int, shown: str, asset: str) -> None:
    fill = a_fill(is_buyer=is_buyer, fee=fee, is_maker=True)
    (row,) = json.loads(answers.trade_rows([fill], MILLISECOND))
    assert (row["commission"], row["commissionAsset"], row["isBuyer"], row["isMaker"]) == (shown, asset, is_buyer, True)
    report = json.loads(user_events.execution_report(an_order(), user_events.TRADE, fill, b"NONE", 1, T, MILLISECOND))
    assert (report["n"], report["N"], report["m"]) == (shown, asset, True)


def test_a_report_has_all_members_and_those_of_its_trade() -> None:
    order = an_order(status=PARTLY, executed_lots=60, executed_quote=150_000_000, list_id=3)
    report = json.loads(
        user_events.execution_report(order, user_events.TRADE, a_fill(), b"NONE", 44, T + 2 * 10**9, MILLISECOND)
    )
    ms = T // MILLISECOND
    assert report == {
        "e": "executionReport", "E": ms + 2000, "s": "BTCUSDT", "c": "mine", "S": "BUY", "o": "LIMIT", "f": "GTC",
        "q": "0.01000000", "p": "25000.10000000", "P": "0.00000000", "F": "0.00000000", "g": 3, "C": "", "x": "TRADE",
        "X": "PARTIALLY_FILLED", "r": "NONE", "i": 17, "l": "0.00600000", "z": "0.00600000", "L": "25000.00000000",
        "n": "0.00001500", "N": "BTC", "T": ms + 1000, "t": 5, "I": 44, "w": True, "m": False, "M": False, "O": ms,
        "Z": "150.00000000", "Y": "150.00000000", "Q": "0.00000000", "W": ms, "V": "NONE",
    }  # fmt: skip


def test_a_report_without_a_trade_says_so() -> None:
    order = an_order(status=CANCELED, client_order_id=b"cancel", original_client_order_id=b"mine", working_ns=0)
    report = json.loads(user_events.execution_report(order, user_events.CANCELED, None, b"NONE", 1, T, MICROSECOND))
    assert (report["c"], report["C"], report["x"], report["t"]) == ("cancel", "mine", "CANCELED", -1)
    assert (report["n"], report["N"], report["l"], report["L"]) == ("0", None, "0.00000000", "0.00000000")
    assert (report["w"], "W" in report, report["E"]) == (False, False, T // MICROSECOND)
    for status in (FILLED, CANCELED, EXPIRED):  # what worked once does not any more
        closed = an_order(status=status)
        report = json.loads(user_events.execution_report(closed, user_events.TRADE, None, b"NONE", 1, T, MILLISECOND))
        assert (report["w"], report["W"]) == (False, T // MILLISECOND)
    refused = an_order(status=REJECTED)
    report = json.loads(
        user_events.execution_report(refused, user_events.REJECTED, None, b"WOULD_TAKE", 1, T, MILLISECOND)
    )
    assert (report["x"], report["X"], report["r"], report["w"]) == ("REJECTED", "REJECTED", "WOULD_TAKE", False)


def test_events_are_wrapped_as_their_stream_wants_it() -> None:
    event = user_events.stream_terminated(T, MILLISECOND)
    plain = {"e": "eventStreamTerminated", "E": T // MILLISECOND}
    assert json.loads(event) == plain
    assert json.loads(user_events.subscribed(3, event)) == {"subscriptionId": 3, "event": plain}
    assert json.loads(user_events.combined(b"key", event)) == {"stream": "key", "data": plain}
    expired = json.loads(user_events.listen_key_expired(b"key", T, MILLISECOND))
    assert expired == {"e": "listenKeyExpired", "E": T // MILLISECOND, "listenKey": "key"}
