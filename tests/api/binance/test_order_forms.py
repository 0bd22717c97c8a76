"""A client's parameters as the venue's forms: each type, what it must and must not have, numbers that are none, lists.

Forms go through the venue's own checks (`probe`), so what is compared is what an order would be.
"""

from __future__ import annotations

import re
from fractions import Fraction
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.core.schema.records import ListKind, OrderFlag, OrderType, SelfTrade, Side, TimeInForce
from lockstep.procs.api.binance import order_forms as forms
from lockstep.procs.api.binance.errors import ApiError
from lockstep.procs.api.binance.parameters import Parameters, of_request
from tests.api.binance.probe import Probe

PROBE = Probe()
NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
IDS = [b"list", b"first", b"second"]

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "25000"}
MARKET = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "1"}
MAKER = {"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT_MAKER", "quantity": "1", "price": "25000"}
STOP = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "1", "stopPrice": "24000"}
STOP_LIMIT = {**STOP, "type": "STOP_LOSS_LIMIT", "price": "23000.5", "timeInForce": "GTC"}
OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "1",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "30000",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "20000",
    "belowPrice": "19900",
    "belowTimeInForce": "GTC",
}
OTO = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "20000",
    "workingQuantity": "1",
    "workingTimeInForce": "GTC",
    "pendingType": "STOP_LOSS",
    "pendingSide": "SELL",
    "pendingQuantity": "0.5",
    "pendingStopPrice": "19000",
}


def sent(fields: dict[str, str], **more: str | None) -> Parameters:
    """Fields as parameters; None leaves one out."""
    given_fields = {name: value for name, value in {**fields, **more}.items() if value is not None}
    return of_request(urlencode(given_fields).encode(), b"")


def meaning(fields: dict[str, str], **more: str | None) -> dict[str, int | bytes]:
    return PROBE.check(forms.read_order(sent(fields, **more), b"generated"))


def code_of(fields: dict[str, str], **more: str | None) -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        meaning(fields, **more)
    assert caught.value.status == 400
    return caught.value.code, caught.value.text


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (LIMIT, {"ord_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "price_ticks": 2_500_000}),
        ({**LIMIT, "timeInForce": "IOC"}, {"time_in_force": TimeInForce.IOC}),
        ({**LIMIT, "timeInForce": "FOK"}, {"time_in_force": TimeInForce.FOK}),
        ({**LIMIT, "icebergQty": "0.25"}, {"display_lots": 2500, "quantity_lots": 10_000}),
        ({**LIMIT, "icebergQty": "0.0000"}, {"display_lots": 0}),
        (MARKET, {"ord_type": OrderType.MARKET, "flags": 0, "side": Side.SELL, "quantity_lots": 10_000}),
        (MAKER, {"ord_type": OrderType.LIMIT, "flags": OrderFlag.POST_ONLY, "time_in_force": TimeInForce.GTC}),
        (STOP, {"ord_type": OrderType.STOP, "stop_price_ticks": 2_400_000, "time_in_force": TimeInForce.GTC}),
        (
            STOP_LIMIT,
            {
                "ord_type": OrderType.STOP_LIMIT,
                "stop_price_ticks": 2_400_000,
                "price_ticks": 2_300_050,
                "flags": OrderFlag.POST_ONLY,
            },
        ),
        *(
            ({**LIMIT, "selfTradePreventionMode": word}, {"stp": mode})
            for word, mode in (
                ("NONE", SelfTrade.NONE),
                ("EXPIRE_TAKER", SelfTrade.CANCEL_NEWEST),
                ("EXPIRE_MAKER", SelfTrade.CANCEL_OLDEST),
                ("EXPIRE_BOTH", SelfTrade.CANCEL_BOTH),
                ("DECREMENT", SelfTrade.DECREMENT),
            )
        ),
        (LIMIT, {"stp": SelfTrade.DEFAULT, "cl_ord_id": b"generated"}),
        ({**LIMIT, "newClientOrderId": "x-R4BD3S82_" + "a" * 25}, {"cl_ord_id": b"x-R4BD3S82_" + b"a" * 25}),
        ({**LIMIT, "newClientOrderId": "a b|'c\""}, {"cl_ord_id": b"a b|'c\""}),
        ({**LIMIT, "strategyId": "1", "strategyType": "1000000", "newOrderRespType": "ACK"}, {"flags": 0}),
    ],
)
def test_a_type_means_what_the_venue_has_for_it(fields: dict[str, str], expected: dict[str, int | bytes]) -> None:
    found = meaning(fields)
    assert {name: found[name] for name in expected} == expected


def test_a_quote_quantity_is_a_budget_in_the_quote_assets_units() -> None:
    found = meaning(MARKET, quantity=None, quoteOrderQty="100.5")
    assert (found["flags"], found["quantity_lots"]) == (OrderFlag.BUDGET, 10_050_000_000)


@pytest.mark.parametrize("fields", [LIMIT, MARKET, MAKER, STOP, STOP_LIMIT], ids=lambda fields: fields["type"])
def test_each_mandatory_parameter_is_missed_by_name(fields: dict[str, str]) -> None:
    for name in fields:
        code, text = code_of(fields, **{name: None})
        assert code == -1102
        assert f"'{name}'" in text


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        *((LIMIT, name) for name in ("stopPrice", "quoteOrderQty", "stopLossPrice")),
        *((MARKET, name) for name in ("price", "stopPrice", "icebergQty")),
        *((MAKER, name) for name in ("stopPrice", "quoteOrderQty")),
        *((STOP, name) for name in ("price", "icebergQty", "quoteOrderQty")),
        (STOP_LIMIT, "quoteOrderQty"),
    ],
)
def test_what_a_type_does_not_have_is_not_dropped(fields: dict[str, str], name: str) -> None:
    expected = (-1106, f"Parameter '{name}' sent when not required.")
    if (fields, name) == (MARKET, "quoteOrderQty"):
        expected = (-1128, "Combination of optional parameters invalid.")
    assert code_of(fields, **{name: "1"}) == expected


@pytest.mark.parametrize("fields", [MARKET, MAKER, STOP])
def test_a_time_in_force_goes_with_priced_orders_only(fields: dict[str, str]) -> None:
    assert code_of(fields, timeInForce="GTC") == (-1106, "Parameter 'timeInForce' sent when not required.")


@pytest.mark.parametrize(
    ("fields", "more", "code", "text"),
    [
        (LIMIT, {"side": "buy"}, -1117, "Invalid side."),
        (LIMIT, {"type": "limit"}, -1116, "Invalid orderType."),
        (LIMIT, {"type": "STOP"}, -1116, "Invalid orderType."),
        (LIMIT, {"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        (STOP_LIMIT, {"timeInForce": "IOC"}, -1115, "Invalid timeInForce."),
        (LIMIT, {"symbol": "BTCEUR"}, -1121, "Invalid symbol."),
        (LIMIT, {"symbol": "BTC/USDT"}, -1100, "Illegal characters found in parameter 'symbol'"),
        (LIMIT, {"symbol": "B" * 21}, -1100, "Illegal characters found in parameter 'symbol'"),
        (LIMIT, {"newClientOrderId": "a" * 37}, -1100, "Illegal characters found in parameter 'newClientOrderId'"),
        (LIMIT, {"newClientOrderId": "ä"}, -1100, "Illegal characters found in parameter 'newClientOrderId'"),
        (LIMIT, {"newClientOrderId": " a"}, -1100, "Illegal characters found in parameter 'newClientOrderId'"),
        (LIMIT, {"newOrderRespType": "ALL"}, -1130, "Data sent for parameter 'newOrderRespType' is not valid."),
        (LIMIT, {"selfTradePreventionMode": "TRANSFER"}, -1130, "'selfTradePreventionMode' is not valid."),
        (LIMIT, {"strategyType": "999999"}, -1134, "strategyType was less than 1000000."),
        (LIMIT, {"strategyId": "x"}, -1100, "Illegal characters found in parameter 'strategyId'"),
        (LIMIT, {"type": "TAKE_PROFIT"}, -2010, "Take profit orders are not supported for this symbol."),
        (LIMIT, {"type": "TAKE_PROFIT_LIMIT"}, -2010, "Take profit limit orders are not supported for this symbol."),
        (STOP, {"trailingDelta": "100"}, -2010, "Trailing stop orders are not supported for this symbol."),
        (LIMIT, {"pegPriceType": "PRIMARY_PEG"}, -2010, "Pegged orders are not supported for this symbol."),
        (MARKET, {"quoteOrderQty": "1"}, -1128, "Combination of optional parameters invalid."),
        (LIMIT, {"price": "25000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        (STOP, {"stopPrice": "24000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        (LIMIT, {"quantity": "0.00001"}, -1013, "Filter failure: LOT_SIZE"),
        (LIMIT, {"price": "0"}, -1013, "Invalid price."),
        (LIMIT, {"quantity": "0.0000"}, -1013, "Invalid quantity."),
        (STOP, {"stopPrice": "0"}, -1013, "Filter failure: PRICE_FILTER"),
        (STOP, {"stopPrice": "0", "quantity": "0"}, -1013, "Filter failure: PRICE_FILTER"),
        (LIMIT, {"price": "1.000000001"}, -1111, "Parameter 'price' has too much precision."),
        (LIMIT, {"quantity": "1.000000001"}, -1111, "Parameter 'quantity' has too much precision."),
        (LIMIT, {"price": "9" * 20}, -1013, "Filter failure: PRICE_FILTER"),
        (LIMIT, {"quantity": "9" * 20}, -1013, "Filter failure: LOT_SIZE"),
        (LIMIT, {"quantity": "90000000000"}, -1013, "Filter failure: NOTIONAL"),
        (LIMIT, {"icebergQty": "2"}, -2010, "IcebergQty exceeds QTY."),
        (LIMIT, {"icebergQty": "0.5", "timeInForce": "IOC"}, -1106, "Parameter 'icebergQty' sent when not required."),
    ],
)
def test_what_is_wrong_has_one_clear_answer(fields: dict[str, str], more: dict[str, str], code: int, text: str) -> None:
    found, said = code_of(fields, **more)
    assert found == code
    assert text in said


@pytest.mark.parametrize(
    "number",
    ["NaN", "nan", "Infinity", "-1", "+1", "1e400", "1e5", "0x1", "1_000", "1,5", ".5", "5.", "1.2.3", " 1", "１",
     "9" * 40, "0." + "1" * 21, "--1", "1-"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["price", "quantity", "icebergQty"])
def test_what_is_no_number_is_illegal_characters(name: str, number: str) -> None:
    code, text = code_of(LIMIT, **{name: number})
    assert code == -1100
    assert text == (
        f"Illegal characters found in parameter '{name}'; legal range is '^([0-9]{{1,20}})(\\.[0-9]{{1,20}})?$'."
    )


@settings(max_examples=300)
@given(st.from_regex(r"\A[0-9]{0,21}(\.[0-9]{0,21})?\Z"), st.sampled_from(("price", "quantity")))
def test_a_number_is_taken_exactly_or_refused_by_the_rule_of_its_grid(number: str, name: str) -> None:
    scale, others = (2, 10_000) if name == "price" else (4, 2_500_000)
    steps = Fraction(number) * 10**scale if NUMBER.fullmatch(number) else None
    # A notional is price × quantity × 100 units of the quote asset.
    if steps is not None and steps > 0 and steps.denominator == 1 and steps * others * 100 < 2**63:
        found = meaning(LIMIT, **{name: number})
        assert found["price_ticks" if name == "price" else "quantity_lots"] == steps
        return
    with pytest.raises(ApiError) as caught:
        meaning(LIMIT, **{name: number or "x"})
    if steps is None:
        assert caught.value.code == -1100
    elif steps == 0:
        assert caught.value.text == f"Invalid {name}."
    else:
        assert caught.value.code in (-1013, -1111)


def test_details_of_the_answer_are_binances_defaults() -> None:
    for fields, detail in ((LIMIT, 2), (MARKET, 2), (MAKER, 0), (STOP, 0), (STOP_LIMIT, 0)):
        assert forms.read_order(sent(fields), b"g").detail == detail
    assert forms.read_order(sent(LIMIT, newOrderRespType="RESULT"), b"g").detail == 1
    assert forms.read_order(sent(LIMIT, computeCommissionRates="true"), b"g").wants_rates
    assert not forms.read_order(sent(LIMIT), b"g").wants_rates


def oco(**more: str | None) -> tuple[dict[str, int | bytes], dict[str, int | bytes]]:
    return PROBE.check_list(forms.read_oco(sent(OCO, **more), IDS))


def test_an_oco_is_a_limit_order_that_adds_and_a_stop() -> None:
    limit, stop = oco(aboveClientOrderId="up")
    assert (limit["ord_type"], limit["flags"], limit["price_ticks"]) == (2, OrderFlag.POST_ONLY, 3_000_000)
    assert (stop["ord_type"], stop["stop_price_ticks"], stop["price_ticks"]) == (4, 2_000_000, 1_990_000)
    assert (limit["cl_ord_id"], stop["cl_ord_id"]) == (b"up", b"second")
    limit, stop = oco(
        side="BUY", aboveType="STOP_LOSS", abovePrice=None, aboveStopPrice="30000", belowType="LIMIT_MAKER",
        belowPrice="20000", belowStopPrice=None, belowTimeInForce=None, selfTradePreventionMode="EXPIRE_BOTH",
    )  # fmt: skip
    assert (limit["price_ticks"], stop["stop_price_ticks"], stop["ord_type"]) == (2_000_000, 3_000_000, 3)
    assert limit["stp"] == stop["stp"] == SelfTrade.CANCEL_BOTH


def test_an_older_oco_is_the_same_two_orders() -> None:
    fields = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "price": "30000", "stopPrice": "20000"}
    limit, stop = PROBE.check_list(forms.read_old_oco(sent(fields), IDS))
    assert (limit["flags"], limit["price_ticks"], stop["ord_type"]) == (OrderFlag.POST_ONLY, 3_000_000, 3)
    both = sent(
        fields, stopLimitPrice="19900", stopLimitTimeInForce="GTC", limitClientOrderId="a", stopClientOrderId="b"
    )
    limit, stop = PROBE.check_list(forms.read_old_oco(both, IDS))
    assert (stop["ord_type"], stop["price_ticks"], stop["stop_price_ticks"]) == (4, 1_990_000, 2_000_000)
    assert (limit["cl_ord_id"], stop["cl_ord_id"]) == (b"a", b"b")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"side": "BUY"}, -1165),
        ({"aboveType": "STOP_LOSS", "belowType": "LIMIT_MAKER"}, -1166),
        ({"belowType": "LIMIT_MAKER"}, -1168),
        ({"aboveType": "STOP_LOSS"}, -2010),
        ({"belowType": "MARKET"}, -1116),
        ({"belowType": "TAKE_PROFIT_LIMIT"}, -2010),
        ({"aboveType": None}, -1102),
        ({"belowStopPrice": "30000.01"}, -2010),
        ({"belowStopPrice": "30000"}, 0),
        ({"belowTrailingDelta": "10"}, -2010),
        ({"quantity": "x"}, -1100),
        ({"aboveClientOrderId": "same", "belowClientOrderId": "same"}, -2010),
        ({"aboveIcebergQty": "0.1"}, 0),
        ({"aboveTimeInForce": "GTC"}, -1106),
    ],
)
def test_an_oco_that_is_none_is_refused(more: dict[str, str | None], code: int) -> None:
    if code == 0:
        oco(**more)
        return
    with pytest.raises(ApiError) as caught:
        oco(**more)
    assert caught.value.code == code


def test_prices_of_an_oco_are_compared_as_numbers() -> None:
    oco(abovePrice="100000", belowStopPrice="99999.99")
    oco(abovePrice="00100", belowStopPrice="99.50", belowPrice="1")
    with pytest.raises(ApiError, match="The relationship of the prices for the orders is not correct"):
        oco(abovePrice="9", belowStopPrice="10", belowPrice="1")


def test_an_oto_is_a_working_order_and_a_pending_one() -> None:
    form = forms.read_oto(sent(OTO, listClientOrderId="mine"), IDS)
    first, second = PROBE.check_list(form)
    assert (first["side"], first["price_ticks"], first["quantity_lots"]) == (Side.BUY, 2_000_000, 10_000)
    assert (second["side"], second["ord_type"], second["quantity_lots"]) == (Side.SELL, OrderType.STOP, 5_000)
    assert (form.list_client_order_id, form.client_order_ids) == (b"mine", [b"first", b"second"])
    assert form.kind == ListKind.OTO
    with pytest.raises(ApiError, match="Invalid orderType"):
        forms.read_oto(sent(OTO, workingType="MARKET"), IDS)
    with pytest.raises(ApiError, match="Unsupported order combination"):
        PROBE.check_list(forms.read_oto(sent(OTO, workingTimeInForce="IOC"), IDS))


def test_a_cancel_names_its_order_by_number_id_or_both() -> None:
    form = forms.read_cancel(sent({"symbol": "BTCUSDT", "orderId": "7"}), b"g")
    assert (form.target.order_id, form.target.client_order_id, form.client_order_id) == (7, None, b"g")
    both = {"symbol": "BTCUSDT", "orderId": "7", "origClientOrderId": "a", "newClientOrderId": "b"}
    form = forms.read_cancel(sent(both, cancelRestrictions="ONLY_NEW"), b"g")
    assert (form.target.client_order_id, form.client_order_id, form.restriction) == (b"a", b"b", 1)
    for wrong, code in (
        ({"symbol": "BTCUSDT"}, -1102),
        ({"orderId": "7"}, -1102),
        ({"symbol": "BTCUSDT", "orderId": "x"}, -1100),
        ({"symbol": "BTCUSDT", "orderId": str(2**63)}, -1130),
        ({"symbol": "BTCUSDT", "origClientOrderId": "a" * 37}, -1100),
        ({"symbol": "BTCUSDT", "orderId": "7", "cancelRestrictions": "ALL"}, -1145),
    ):
        with pytest.raises(ApiError) as caught:
            forms.read_cancel(sent(wrong), b"g")
        assert caught.value.code == code


def test_a_cancel_replace_is_a_cancel_and_an_order() -> None:
    fields = {**LIMIT, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": "7", "newClientOrderId": "new"}
    form = forms.read_cancel_replace(sent(fields), b"c", b"g")
    assert (form.cancel.target.order_id, form.cancel.client_order_id, form.stop_on_failure) == (7, b"c", True)
    assert PROBE.check(form.order)["cl_ord_id"] == b"new"
    form = forms.read_cancel_replace(
        sent(fields, cancelReplaceMode="ALLOW_FAILURE", orderRateLimitExceededMode="CANCEL_ONLY"), b"c", b"g"
    )
    assert not form.stop_on_failure
    assert form.cancel_when_too_many
    for name, value, code in (
        ("cancelReplaceMode", "MAYBE", -1130),
        ("cancelReplaceMode", None, -1102),
        ("cancelOrderId", None, -1102),
        ("orderRateLimitExceededMode", "x", -1130),
        ("price", "NaN", -1100),
    ):
        with pytest.raises(ApiError) as caught:
            forms.read_cancel_replace(sent(fields, **{name: value}), b"c", b"g")
        assert caught.value.code == code


def test_an_amendment_has_a_new_quantity() -> None:
    form = forms.read_amend(sent({"symbol": "BTCUSDT", "orderId": "7", "newQty": "0.5"}), b"g")
    assert (form.target.order_id, *PROBE.amendment(form)) == (7, Fraction("0.5"), b"g")
    for quantity, code in ((None, -1102), ("-1", -1100)):
        with pytest.raises(ApiError) as caught:
            forms.read_amend(sent({"symbol": "BTCUSDT", "orderId": "7"}, newQty=quantity), b"g")
        assert caught.value.code == code
