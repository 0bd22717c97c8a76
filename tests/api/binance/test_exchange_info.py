"""exchangeInfo and the answers about accounts, as strict decoders want them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from lockstep.core.schema.records import Phase
from lockstep.procs.api.binance import account_answers, exchange_info
from lockstep.procs.api.binance.exchange_info import status_of, symbol_info
from lockstep.procs.api.read.views import BalanceView, SymbolView

# What nautilus_trader's decoders know; another word stops them.
FILTERS = {"PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "NOTIONAL", "PERCENT_PRICE_BY_SIDE"}


def a_symbol(**fields: int | bytes) -> SymbolView:
    whole: dict[str, int | bytes] = {
        "symbol": b"BTCUSDT", "base": b"BTC", "quote": b"USDT", "base_scale": 8, "quote_scale": 6, "price_scale": 2,
        "tick": 5, "quantity_scale": 4, "lot": 10, "unit_value": 50, "lot_units": 100_000, "phase": Phase.CONTINUOUS,
        "maker_fee_ppm": -100, "taker_fee_ppm": 1000,
    }  # fmt: skip
    return SymbolView(**{**whole, **fields})


def filters_of(view: SymbolView) -> dict[str, Any]:
    return {row["filterType"]: row for row in symbol_info(view)["filters"]}


@pytest.mark.parametrize("phase", list(Phase))
def test_a_status_is_one_of_the_words_that_clients_know(phase: Phase) -> None:
    expected = {Phase.HALT: "HALT", Phase.CANCEL_ONLY: "HALT", Phase.CLOSED: "BREAK", Phase.DELISTED: "BREAK"}
    assert status_of(phase) == expected.get(phase, "TRADING")


def test_filters_are_the_steps_and_the_limits_that_there_are() -> None:
    found = filters_of(a_symbol())
    assert set(found) == {"PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "NOTIONAL"}
    assert found["PRICE_FILTER"]["tickSize"] == found["PRICE_FILTER"]["minPrice"] == "0.05000000"
    assert found["LOT_SIZE"]["stepSize"] == "0.00100000"
    found = filters_of(a_symbol(most_lots=500, most_value=10**9, band_bps=1000))
    assert set(found) == FILTERS
    assert found["LOT_SIZE"]["maxQty"] == found["MARKET_LOT_SIZE"]["maxQty"] == "0.50000000"
    assert found["NOTIONAL"]["maxNotional"] == "1000.00000000"
    band = found["PERCENT_PRICE_BY_SIDE"]
    assert (band["bidMultiplierUp"], band["askMultiplierDown"]) == ("1.1000", "0.9000")


def test_greatest_values_are_whole_steps_that_the_venue_and_clients_can_hold() -> None:
    for view in (a_symbol(), a_symbol(tick=7, lot=3, unit_value=10**12, lot_units=10**15), a_symbol(price_scale=18)):
        for name, most, step in (("PRICE_FILTER", "maxPrice", "tickSize"), ("LOT_SIZE", "maxQty", "stepSize")):
            row = filters_of(view)[name]
            assert 0 < Decimal(row[most]) <= 9_000_000_000
            assert Decimal(row[most]) % Decimal(row[step]) == 0


def test_what_is_taken_is_what_is_listed() -> None:
    told = json.loads(
        exchange_info.exchange_info(exchange_info.symbol_rows([a_symbol()]), [{"limit": 1}], 1_700_000_000_000)
    )
    assert (told["timezone"], told["serverTime"], told["rateLimits"]) == ("UTC", 1_700_000_000_000, [{"limit": 1}])
    (symbol,) = told["symbols"]
    assert symbol["orderTypes"] == ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"]
    assert symbol["permissionSets"] == [["SPOT"]]
    assert not symbol["allowTrailingStop"]
    assert json.loads(exchange_info.futures_info(5))["symbols"] == []


def test_an_account_shows_its_balances_and_rates() -> None:
    balances = [BalanceView(asset=b"BTC", scale=8, free=150, held=50), BalanceView(asset=b"ETH", scale=8)]

    def answer(omits_zero: bool) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(
            account_answers.account_answer(
                balances, maker_ppm=-100, taker_ppm=1000, can_trade=True, can_withdraw=False, updated=5, uid=7,
                omits_zero=omits_zero,
            )
        )  # fmt: skip
        return told

    told = answer(False)
    assert told["balances"] == [
        {"asset": "BTC", "free": "0.00000150", "locked": "0.00000050"},
        {"asset": "ETH", "free": "0.00000000", "locked": "0.00000000"},
    ]
    assert (told["makerCommission"], told["takerCommission"]) == (-1, 10)
    assert told["commissionRates"]["maker"] == "-0.00010000"
    assert (told["canTrade"], told["canWithdraw"], told["uid"], told["updateTime"]) == (True, False, 7, 5)
    assert [row["asset"] for row in answer(True)["balances"]] == ["BTC"]


def test_fees_are_rates() -> None:
    (row,) = json.loads(account_answers.trade_fee_answer([a_symbol()], None))
    assert row == {"symbol": "BTCUSDT", "makerCommission": "-0.00010000", "takerCommission": "0.00100000"}
    rates = json.loads(account_answers.commission_answer(a_symbol(), None))["standardCommission"]
    assert (rates["maker"], rates["taker"]) == ("-0.00010000", "0.00100000")
    (row,) = json.loads(account_answers.trade_fee_answer([a_symbol()], (5, 25)))
    assert row == {"symbol": "BTCUSDT", "makerCommission": "0.00000500", "takerCommission": "0.00002500"}
    rates = json.loads(account_answers.commission_answer(a_symbol(), (5, 25)))["standardCommission"]
    assert (rates["maker"], rates["taker"]) == ("0.00000500", "0.00002500")
    assert account_answers.order_test_answer(None) == b"{}"
    tested = json.loads(account_answers.order_test_answer(a_symbol()))
    assert tested["standardCommissionForOrder"] == {"maker": "-0.00010000", "taker": "0.00100000"}


def test_currencies_and_keys_say_what_can_be_done() -> None:
    (row,) = json.loads(account_answers.currencies_answer([BalanceView(asset=b"BTC", scale=8, free=1, held=2)]))
    assert (row["coin"], row["free"], row["locked"]) == ("BTC", "0.00000001", "0.00000002")
    told = json.loads(
        account_answers.key_restrictions_answer(created=5, by_address=True, trades=False, withdraws=False)
    )
    assert (told["ipRestrict"], told["enableReading"], told["enableSpotAndMarginTrading"]) == (True, True, False)
    assert json.loads(account_answers.listen_key_answer("abc")) == {"listenKey": "abc"}
    assert json.loads(account_answers.time_answer(5)) == {"serverTime": 5}
