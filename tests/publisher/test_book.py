"""The book of levels against an obvious venue: equal at every command, and loud about events that cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Cancelled, OrderType, Side, TimeInForce
from lockstep.procs.publisher.book import Book
from tests.publisher.exchange import BUY, SELL, Exchange

NEW = st.tuples(
    st.just("new"),
    st.sampled_from([BUY, SELL]),
    st.integers(1, 30),
    st.integers(1, 9),
    st.sampled_from(
        [
            (OrderType.LIMIT, TimeInForce.GTC),
            (OrderType.LIMIT, TimeInForce.GTC),
            (OrderType.LIMIT, TimeInForce.IOC),
            (OrderType.MARKET, TimeInForce.IOC),
        ]
    ),
)
CANCEL = st.tuples(st.just("cancel"), st.integers(1, 60))
REPLACE = st.tuples(st.just("replace"), st.integers(1, 60), st.integers(1, 30), st.integers(1, 9))


def apply(book: Book, exchange: Exchange) -> None:
    """Apply the last command's events, all of them."""
    for record in exchange.records:
        book.apply(record)
    book.complete()


def same(book: Book, exchange: Exchange) -> bool:
    return book.bids == exchange.side(BUY) and book.asks == exchange.side(SELL)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(NEW, NEW, CANCEL, REPLACE), max_size=60))
def test_equals_the_model_after_every_command(commands: list[tuple]) -> None:  # type: ignore[type-arg]
    exchange = Exchange()
    book = Book()
    for command in commands:
        match command:
            case ("new", side, price, lots, (ord_type, tif)):
                exchange.new(side, price, lots, ord_type=ord_type, tif=tif)
            case ("cancel", order_id):
                exchange.cancel(order_id)
            case (_, order_id, price, leaves):
                exchange.replace(order_id, price, leaves)
        apply(book, exchange)
        book.check()
        assert same(book, exchange)


def test_a_replaced_order_that_trades_at_once_rests_with_what_is_left() -> None:
    exchange, book = Exchange(), Book()
    exchange.new(SELL, 101, 3)
    apply(book, exchange)
    bid = exchange.new(BUY, 99, 5)
    apply(book, exchange)
    exchange.replace(bid, 101, 8)
    apply(book, exchange)
    assert (book.bids, book.asks) == ([(101, 5)], [])


def test_holds_ten_thousand_levels_and_a_sweep_through_all() -> None:
    exchange, book = Exchange(), Book()
    order_ids = []
    for i in range(10_000):
        price = 1 + (i * 7919) % 10_000
        order_ids.append((exchange.new(SELL, price, 1), price))
        apply(book, exchange)
    book.check()
    assert book.asks == [(price, 1) for price in range(1, 10_001)]
    for order_id, price in order_ids[::-1]:
        record = Cancelled(
            number=1, cause=exchange.cause + 10_001 - order_id, instrument=1, order_id=order_id, price_ticks=price,
            leaves_lots=1, account=1, session=1, cl_ord_id=b"", side=Side.SELL, reason=1, rested=1,
        )  # fmt: skip
        book.apply(pack(record))
    assert book.asks == []


def test_refuses_a_cancel_of_what_is_not_there() -> None:
    exchange, book = Exchange(), Book()
    order = exchange.new(BUY, 10, 5)
    exchange.cancel(order)
    with pytest.raises(RuntimeError, match="does not hold"):
        book.apply(exchange.records[0])


def test_an_event_of_another_cause_completes_the_command_before() -> None:
    exchange, book = Exchange(), Book()
    exchange.new(SELL, 10, 5)
    book.apply(exchange.records[0])
    assert book.asks == []
    exchange.new(BUY, 10, 5)
    book.apply(exchange.records[0])
    assert book.asks == [(10, 5)]


def test_refuses_a_cause_that_goes_back() -> None:
    exchange, book = Exchange(), Book()
    exchange.new(SELL, 10, 5)
    first = exchange.records[0]
    apply(book, exchange)
    exchange.new(SELL, 11, 5)
    apply(book, exchange)
    with pytest.raises(RuntimeError, match="went on"):
        book.apply(first)


def test_refuses_a_complete_command_that_goes_on() -> None:
    exchange, book = Exchange(), Book()
    exchange.new(SELL, 10, 5)
    apply(book, exchange)
    with pytest.raises(RuntimeError, match="went on"):
        book.apply(exchange.records[0])
