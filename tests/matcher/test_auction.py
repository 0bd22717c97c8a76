"""The price of an auction against every price there is, tried one by one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Command, Phase, PhaseChange, Side
from lockstep.procs.matcher.book import Book
from lockstep.shm.ring import Ring
from tests.matcher.pair import instrument, order, stamped

MOST = 2**63 - 1
Orders = list[tuple[int, int, int]]  # side, price, lots


def collected(orders: Orders, reference: int) -> Book:
    """A book in an opening auction, with these orders and no trade so far."""
    book = Book(Ring.private(256, []).producer())
    auction = PhaseChange(cl_ord_id=b"", instrument=1, phase=Phase.OPENING_AUCTION)
    commands: list[Command] = [instrument(reference_price_ticks=reference, unit_value=0), auction]
    commands += [order(side, price, lots) for side, price, lots in orders]
    for seq, command in enumerate(commands, 1):
        assert book.apply(pack(stamped(command, seq)))
    return book


def tried(orders: Orders, reference: int) -> tuple[int, int]:
    """The rules' choice, and its volume, by trying every limit price."""
    bids = [(price, lots) for side, price, lots in orders if side == Side.BUY]
    asks = [(price, lots) for side, price, lots in orders if side == Side.SELL]
    if not bids or not asks or min(asks)[0] > max(bids)[0]:
        return 0, 0

    def both(at: int) -> tuple[int, int]:
        return sum(lots for price, lots in bids if price >= at), sum(lots for price, lots in asks if price <= at)

    limits = sorted({price for _, price, _ in orders if min(asks)[0] <= price <= max(bids)[0]})
    most = max(min(both(price)) for price in limits)
    limits = [price for price in limits if min(both(price)) == most]
    least = min(abs(both(price)[0] - both(price)[1]) for price in limits)
    limits = [price for price in limits if abs(both(price)[0] - both(price)[1]) == least]
    if all(both(price)[0] > both(price)[1] for price in limits):
        return limits[-1], most
    if all(both(price)[0] < both(price)[1] for price in limits) or reference == 0:
        return limits[0], most
    return min(max(reference, limits[0]), limits[-1]), most


@given(
    st.lists(st.tuples(st.sampled_from(list(Side)), st.integers(90, 110), st.integers(1, 6)), max_size=24),
    st.sampled_from((0, 1, 95, 100, 105, 1000)),
)
@settings(max_examples=400, deadline=None)
def test_the_price_is_the_one_that_the_rules_choose_of_all(orders: Orders, reference: int) -> None:
    assert collected(orders, reference).crossing(1) == tried(orders, reference)


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Side)), st.sampled_from((1, 2, 5, MOST - 1, MOST)), st.sampled_from((1, MOST))),
        max_size=12,
    )
)
@settings(max_examples=100, deadline=None)
def test_sums_go_beyond_64_bits(orders: Orders) -> None:
    assert collected(orders, 3).crossing(1) == tried(orders, 3)


def test_what_does_not_cross_has_no_price() -> None:
    assert collected([(Side.BUY, 99, 5), (Side.SELL, 100, 5)], 100).crossing(1) == (0, 0)
    assert collected([(Side.BUY, 99, 5)], 100).crossing(1) == (0, 0)
