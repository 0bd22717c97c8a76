"""REST: orders in both of the venue's APIs, every kind of key, and what an error says."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lockstep import V1, Binance, Ed25519Key, HmacKey, RsaKey, VenueError, run
from lockstep.core.rules import demo_keys
from tests.pipeline.conftest import RunningVenue

PATIENCE_S = 30


def url(venue: RunningVenue) -> str:
    return f"http://127.0.0.1:{venue.api_port}"


def person(venue: RunningVenue, name: str) -> V1:
    """One who is logged in: sessions need the database, which may begin later than the venue."""
    made, deadline_s = V1(url(venue), name, "demo"), time.monotonic() + PATIENCE_S
    while True:
        try:
            run(made.token())
            return made
        except VenueError as error:
            if error.code != "SESSIONS_AWAY" or time.monotonic() > deadline_s:
                raise
        time.sleep(0.1)  # only asking again tells whether it is there


def hmac_of(name: str) -> HmacKey:
    return HmacKey(f"{name}-demo-key", f"{name}-demo-secret")


def test_order_of_the_dialect_rests_trades_and_is_cancelled(venue: RunningVenue) -> None:
    maker, taker = (Binance(url(venue), hmac_of(name)) for name in ("TRADER1", "TRADER2"))
    rests = run(maker.place("BTCUSDT", "BUY", "0.5", "59000.00", client_order_id="client-1"))
    assert (rests.status, rests.orig_qty, rests.fills) == ("NEW", Decimal("0.5"), ())
    assert run(maker.depth("BTCUSDT")).bids == ((Decimal(59000), Decimal("0.5")),)
    takes = run(taker.place_market("BTCUSDT", "SELL", Decimal("0.2")))
    assert [(fill.price, fill.qty) for fill in takes.fills] == [(Decimal(59000), Decimal("0.2"))]
    assert [(each.order_id, each.is_maker) for each in run(maker.own_trades("BTCUSDT"))] == [(rests.order_id, True)]
    assert [each.qty for each in run(maker.trades("BTCUSDT"))] == [Decimal("0.2")]
    assert run(maker.candles("BTCUSDT", "1d"))[-1].volume == Decimal("0.2")
    assert run(maker.order("BTCUSDT", client_order_id="client-1")).status == "PARTIALLY_FILLED"
    assert [each.order_id for each in run(maker.open_orders("BTCUSDT"))] == [rests.order_id]
    assert {each.asset: each.locked for each in run(maker.account()).balances}["USDT"] == Decimal(17700)
    assert run(maker.cancel("BTCUSDT", rests.order_id)).status == "CANCELED"


def test_order_of_v1_is_changed_and_cancelled(venue: RunningVenue) -> None:
    trader = person(venue, "TRADER3")
    placed = run(trader.place("ETHUSDT", "buy", "2", "1000.00", client_order_id="client-2")).order
    assert (placed.status, placed.price) == ("new", Decimal(1000))
    assert run(trader.change(placed.order_id, quantity="1")).order.quantity == 1
    assert {each.asset: each.held for each in run(trader.balances())}["USDT"] == Decimal(1000)
    assert [each.order_id for each in run(trader.open_orders())] == [placed.order_id]
    assert [each.order_id for each in run(trader.cancel(placed.order_id)).orders] == [placed.order_id]
    assert run(trader.order(order_id=placed.order_id)).status == "cancelled"
    assert run(trader.cancel_after(60)).due == run(trader.cancels_at())
    assert "ETHUSDT" in [each.symbol for each in run(trader.instruments())]
    run(trader.log_out())


def test_person_logs_in_again_when_the_session_has_ended(venue: RunningVenue) -> None:
    trader, other = person(venue, "TRADER4"), person(venue, "TRADER4")
    token = run(trader.token())
    for session in run(other.ask("GET", "/auth/sessions", list[dict[str, object]])):
        if not session["is_this"]:
            run(other.ask("DELETE", f"/auth/sessions/{session['id']}", Any))
    assert run(trader.balances())
    assert run(trader.token()) != token


def test_every_kind_of_key_signs(venue: RunningVenue) -> None:
    signing = demo_keys.of_account("TRADER5")[1]
    assert run(Binance(url(venue), Ed25519Key(signing.name, signing.private_key)).account()).can_trade
    trader, private = person(venue, "TRADER5"), generate_private_key(65537, 2048)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    run(trader.prove())
    made = run(trader.ask("POST", "/keys", dict[str, Any], {"scopes": ["read"], "public_key": public}))
    client = Binance(url(venue), RsaKey(made["key"]["name"], private))
    assert run(client.account()).uid
    with pytest.raises(VenueError, match="-2015"):
        run(client.place("BTCUSDT", "BUY", "1", "1.00"))


@pytest.mark.parametrize(
    ("key", "code", "advice"),
    [
        (HmacKey("TRADER6-demo-key", "wrong"), -1022, "Check the secret"),
        (HmacKey("unknown", "wrong"), -2015, "of a key"),
        (None, "NO_KEY", "Change"),
    ],
)
def test_wrong_key_is_refused_with_advice(
    venue: RunningVenue, key: HmacKey | None, code: int | str, advice: str
) -> None:
    with pytest.raises(VenueError) as refused:
        run(Binance(url(venue), key).account())
    assert refused.value.code == code
    assert advice in refused.value.advice
    assert not refused.value.is_unknown


def test_wrong_password_and_wrong_terms_are_refused_with_words(venue: RunningVenue) -> None:
    with pytest.raises(VenueError, match="LOGIN_FAILED"):
        run(V1(url(venue), "TRADER6", "wrong").balances())
    with pytest.raises(VenueError) as refused:
        run(person(venue, "TRADER6").place("BTCUSDT", "buy", "1", "1.005"))
    assert (refused.value.code, refused.value.said["field"]) == ("PRICE_OFF_TICK", "price")


def test_venue_that_does_not_answer_leaves_the_outcome_unknown() -> None:
    with pytest.raises(VenueError) as away:
        run(Binance("http://127.0.0.1:1", hmac_of("TRADER1")).place("BTCUSDT", "BUY", "1", "1.00"))
    assert (away.value.code, away.value.status, away.value.is_unknown) == ("NO_ANSWER", 0, True)
