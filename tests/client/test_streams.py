"""Streams resume behind a cut with nothing lost and nothing twice."""

from __future__ import annotations

import itertools
from decimal import Decimal

from lockstep import Binance, Events, Market, each, run
from lockstep.client.market import CUT, OPENED
from tests.client.relay import Relay
from tests.client.test_rest import hmac_of, person, url
from tests.pipeline.conftest import RunningVenue


def trade(buyer: Binance, seller: Binance, price: str, symbol: str) -> int:
    """Have two accounts trade; returns the trade's id."""
    run(buyer.place(symbol, "BUY", "0.1", price))
    return run(seller.place(symbol, "SELL", "0.1", price)).fills[0].trade_id


def test_trades_are_told_once_each_through_cuts(venue: RunningVenue) -> None:
    buyer, seller = (Binance(url(venue), hmac_of(name)) for name in ("TRADER1", "TRADER2"))
    wire = Relay(venue.market_port)
    expected = [trade(buyer, seller, "100.00", "SOLUSDT")]
    told = each(Market(f"ws://127.0.0.1:{wire.port}", buyer).trades("SOLUSDT", expected[0]))
    heard = [next(told).id]
    for cuts in range(3):
        expected += [trade(buyer, seller, f"{101 + cuts}.00", "SOLUSDT")]
        heard += [next(told).id]
        wire.cut(for_good=True)
        expected += [trade(buyer, seller, "90.00", "SOLUSDT") for _ in range(2)]
        wire.mend()
        heard += [next(told).id, next(told).id]
    assert heard == expected


def test_book_is_whole_again_after_a_cut(venue: RunningVenue) -> None:
    maker = Binance(url(venue), hmac_of("TRADER3"))
    wire = Relay(venue.market_port)
    books = each(Market(f"ws://127.0.0.1:{wire.port}", maker).books("ETHUSDT"))
    order = run(maker.place("ETHUSDT", "BUY", "1", "1000.00"))
    assert next(book for book in books if book.bids).best_bid == 1000
    wire.cut(for_good=True)
    run(maker.place("ETHUSDT", "BUY", "2", "1001.00"))
    run(maker.cancel("ETHUSDT", order.order_id))
    run(maker.place("ETHUSDT", "SELL", "3", "1002.00"))
    wire.mend()
    book = next(book for book in books if book.asks)
    assert book.bids == {Decimal(1001): Decimal(2)}
    assert book.asks == {Decimal(1002): Decimal(3)}
    assert book.best_ask == 1002


def test_messages_say_when_a_connection_is_lost(venue: RunningVenue) -> None:
    wire = Relay(venue.market_port)
    told = each(Market(f"ws://127.0.0.1:{wire.port}").messages(["btcusdt@bookTicker"]))
    assert next(told) is OPENED
    assert next(told).data["s"] == "BTCUSDT"
    wire.cut()
    assert list(itertools.islice(told, 2)) == [CUT, OPENED]


def test_events_of_an_account_come_once_each_through_cuts(venue: RunningVenue) -> None:
    trader, other = person(venue, "TRADER4"), person(venue, "TRADER4")
    assert venue.api_port is not None
    wire = Relay(venue.api_port)
    trader.http.url = f"http://127.0.0.1:{wire.port}"  # only the stream goes by the wire
    events = Events(trader, ["orders"])
    told = each(events.follow())
    assert next(told).image == []
    ids = []
    for number in range(4):
        ids.append(run(other.place("BTCUSDT", "buy", "1", f"{1 + number}.00")).order.order_id)
        event = next(told)
        assert event.order is not None
        assert (event.event, event.order.order_id) == ("accepted", ids[-1])
        wire.cut()
    position = events.position
    run(other.cancel_all())
    cancelled = [event.order.order_id for event in itertools.islice(told, 4) if event.order]
    assert sorted(cancelled) == ids
    # Another program resumes behind the position that this one kept.
    again = each(Events(other, ["orders"], position).follow())
    assert [event.order.order_id for event in itertools.islice(again, 4) if event.order] == cancelled
