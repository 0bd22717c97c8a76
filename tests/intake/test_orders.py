"""The order table: the state that events leave behind, bounded memory, and one place an order."""

from __future__ import annotations

import random

import pytest
from msgspec import Struct

from lockstep.core.intake.orders import ORDER_SIZE, ClientOrders
from lockstep.core.schema import records as r
from lockstep.core.schema.layout import pack
from tests.intake.order_table import apply, get, get_client

CLOSED_KEPT = 16384


def accepted(order_id: int, cl_ord_id: str, lots: int = 10, account: int = 1, side: r.Side = r.Side.BUY) -> bytes:
    return pack(
        r.Accepted(
            order_id=order_id,
            price_ticks=100,
            quantity_lots=lots,
            account=account,
            session=account,
            cl_ord_id=cl_ord_id.encode(),
            side=side,
            ord_type=r.OrderType.LIMIT,
            time_in_force=r.TimeInForce.GTC,
            instrument=1,
        )
    )


def traded(maker: int, taker: int, lots: int, price: int, maker_leaves: int, taker_leaves: int) -> bytes:
    return pack(
        r.Traded(
            maker_order_id=maker,
            taker_order_id=taker,
            price_ticks=price,
            quantity_lots=lots,
            maker_leaves_lots=maker_leaves,
            taker_leaves_lots=taker_leaves,
            maker_fee=0,
            taker_fee=0,
            maker_account=1,
            taker_account=2,
            taker_side=r.Side.SELL,
        )
    )


def cancelled(order_id: int) -> bytes:
    return pack(
        r.Cancelled(
            order_id=order_id, price_ticks=0, leaves_lots=0, account=1, session=1, cl_ord_id=b"c", side=1, reason=1
        )
    )


def replaced(order_id: int, cl_ord_id: str, price: int, leaves: int) -> bytes:
    return pack(
        r.Replaced(
            order_id=order_id,
            price_ticks=price,
            leaves_lots=leaves,
            old_price_ticks=0,
            old_leaves_lots=0,
            cl_ord_id=cl_ord_id.encode(),
            side=1,
            kept_priority=0,
        )
    )


def state(orders: ClientOrders, order_id: int) -> dict[str, int | bytes | str]:
    order = get(orders, order_id)
    assert order is not None
    return order


def test_fills_add_up_to_cum_and_notional() -> None:
    orders = ClientOrders()
    apply(orders, accepted(5, "maker", lots=10))
    apply(orders, accepted(6, "taker", lots=30, account=2, side=r.Side.SELL))
    apply(orders, traded(5, 6, 4, 100, 6, 26))
    assert (state(orders, 5)["cum_lots"], state(orders, 5)["leaves_lots"], state(orders, 5)["status"]) == (4, 6, "1")
    apply(orders, traded(5, 6, 6, 101, 0, 20))
    assert state(orders, 5)["notional"] == 4 * 100 + 6 * 101
    assert state(orders, 5)["status"] == "2"
    assert state(orders, 6)["leaves_lots"] == 20


def test_a_replaced_order_is_known_by_its_new_id() -> None:
    orders = ClientOrders()
    apply(orders, accepted(5, "one", lots=10))
    apply(orders, replaced(5, "two", 99, 7))
    assert get_client(orders, 1, b"one") is None
    order = get_client(orders, 1, b"two")
    assert order is not None
    assert (order["order_id"], order["price_ticks"], order["quantity_lots"]) == (5, 99, 7)
    orders.check()


def test_a_cancelled_order_keeps_its_own_id() -> None:
    orders = ClientOrders()
    apply(orders, accepted(5, "one"))
    apply(orders, cancelled(5))
    assert (state(orders, 5)["status"], state(orders, 5)["leaves_lots"]) == ("4", 0)
    assert get_client(orders, 1, b"one") is not None


def test_client_ids_of_two_accounts_do_not_meet() -> None:
    orders = ClientOrders()
    apply(orders, accepted(5, "same", account=1))
    apply(orders, accepted(6, "same", account=2))
    first, second = get_client(orders, 1, b"same"), get_client(orders, 2, b"same")
    assert first is not None
    assert second is not None
    assert (first["order_id"], second["order_id"]) == (5, 6)


def test_closed_orders_leave_after_a_bounded_number_of_others() -> None:
    orders = ClientOrders()
    for order_id in range(1, CLOSED_KEPT + 101):
        apply(orders, accepted(order_id, str(order_id)))
        apply(orders, cancelled(order_id))
    assert len(orders) == CLOSED_KEPT
    assert get(orders, 100) is None
    assert get_client(orders, 1, b"100") is None
    assert get(orders, 101) is not None
    orders.check()


def test_the_terms_of_an_order_live_as_long_as_it_and_leave_their_place_to_others() -> None:
    orders = ClientOrders()
    for order_id in range(1, 2 * CLOSED_KEPT + 101):
        apply(orders, accepted(order_id, str(order_id)), pack(r.ExtTermsEvent(stop_price_ticks=order_id)))
        apply(orders, cancelled(order_id))
    orders.check()
    kept = orders.further(CLOSED_KEPT + 101)
    assert kept is not None
    assert kept["stop_price_ticks"] == CLOSED_KEPT + 101
    apply(orders, accepted(10**6, "plain"))
    assert orders.further(10**6) is None
    apply(orders, replaced(10**6, "more", 99, 7), pack(r.ExtTermsEvent(display_lots=3)))
    assert orders.further(10**6) == dict.fromkeys(kept, 0) | {"display_lots": 3}
    apply(orders, replaced(10**6, "less", 99, 7))
    assert orders.further(10**6) == dict.fromkeys(kept, 0)
    orders.check()


def test_an_event_of_an_unknown_order_is_our_bug() -> None:
    with pytest.raises(LookupError, match="order 77"):
        apply(ClientOrders(), cancelled(77))


def test_an_order_takes_at_most_136_bytes() -> None:
    assert ORDER_SIZE + 2 * 8 <= 136


@pytest.mark.parametrize("seed", range(3))
def test_it_agrees_with_a_plain_dictionary(seed: int) -> None:
    rng = random.Random(seed)
    orders = ClientOrders()
    model: dict[int, str] = {}
    for order_id in range(1, 60_000):
        apply(orders, accepted(order_id, f"c{order_id}"))
        model[order_id] = f"c{order_id}"
        event: bytes | Struct
        for _ in range(rng.choice((0, 0, 0, 1))):
            other = rng.choice(list(model)) if len(model) < 50 else rng.randint(max(1, order_id - 40), order_id)
            if other in model and rng.random() < 0.5:
                event = replaced(other, f"r{order_id}", 5, 10)
                model[other] = f"r{order_id}"
                apply(orders, event)
    orders.check()
    for order_id, cl_ord_id in model.items():
        order = get_client(orders, 1, cl_ord_id.encode())
        assert order is not None
        assert order["order_id"] == order_id
