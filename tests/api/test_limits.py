"""Limits over given times: what is counted, refused, banned and forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.procs.api.binance.errors import ApiError, declined
from lockstep.procs.api.binance.rate_limits import order_headers, order_rows, weight_headers, weight_row
from lockstep.procs.api.errors import DeclinedError
from lockstep.procs.api.limits import FIRST_BAN_S, LONGEST_BAN_S, PATIENCE, OrderLimit, WeightLimit

START = 1_700_000_040.0  # the beginning of a minute
DAY_S = 86_400


def refused(limit: WeightLimit, address: str, now_s: float, weight: int = 1) -> ApiError:
    with pytest.raises(DeclinedError) as caught:
        limit.take(address, weight, now_s)
    error = declined(caught.value)
    assert error.code == -1003
    return error


def banned(limit: WeightLimit, address: str, now_s: float) -> ApiError:
    """Use up the limit and go on until it is a ban."""
    limit.take(address, limit.limit, now_s)
    for _ in range(PATIENCE):
        assert refused(limit, address, now_s).status == 429
    return refused(limit, address, now_s)


def test_weight_is_counted_by_address_and_minute() -> None:
    limit = WeightLimit(10)
    assert [limit.take("a", 4, START), limit.take("a", 6, START + 59.9), limit.take("b", 1, START)] == [4, 10, 1]
    assert refused(limit, "a", START + 59.9).retry_after == 1
    assert limit.take("a", 1, START + 60) == 1
    assert weight_headers(7) == [(b"x-mbx-used-weight-1m", b"7")]


def test_what_is_refused_is_not_counted_and_says_when_to_come_back() -> None:
    limit = WeightLimit(10)
    limit.take("a", 9, START)
    error = refused(limit, "a", START + 20, 2)
    assert (error.status, error.retry_after) == (429, 41)
    assert "current limit is 10 request weight per 1 MINUTE" in error.text
    assert limit.take("a", 1, START + 20) == 10


def test_who_goes_on_is_banned_and_longer_each_time() -> None:
    limit = WeightLimit(5)
    now_s = START
    expected_s = FIRST_BAN_S
    for _ in range(15):
        error = banned(limit, "a", now_s)
        assert (error.status, error.retry_after) == (418, expected_s + 1)
        assert f"IP banned until {int(1000 * (now_s + expected_s))}" in error.text
        assert refused(limit, "a", now_s + expected_s - 1).status == 418
        limit.take("b", 1, now_s)
        now_s += expected_s + 60 - (now_s + expected_s) % 60
        expected_s = min(2 * expected_s, LONGEST_BAN_S)
    assert expected_s == LONGEST_BAN_S


def test_a_ban_is_forgotten_a_day_after_it_ended() -> None:
    limit = WeightLimit(5)
    banned(limit, "a", START)
    later_s = START + FIRST_BAN_S + DAY_S + 60
    assert banned(limit, "a", later_s).retry_after == FIRST_BAN_S + 1


def test_memory_is_bounded_and_a_crowd_lifts_no_ban() -> None:
    limit = WeightLimit(5, most_kept=10)
    banned(limit, "bad", START)
    for i in range(1000):
        limit.take(f"address {i}", 5, START + i / 10)
        refused(limit, f"address {i}", START + i / 10)
        assert len(limit) <= 10
    assert refused(limit, "bad", START + FIRST_BAN_S - 1).status == 418


def test_bans_are_bounded_too() -> None:
    limit = WeightLimit(1, most_kept=3)
    for i in range(10):
        banned(limit, f"address {i}", START)
        assert len(limit) <= 3
    assert limit.take("address 0", 1, START) == 1
    assert refused(limit, "address 9", START).status == 418


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 5), st.sampled_from("ab")), max_size=60))
def test_no_address_ever_gets_more_than_its_limit_in_a_minute(requests: list[tuple[int, int, str]]) -> None:
    limit = WeightLimit(10)
    used: dict[tuple[str, int], int] = {}
    for second, weight, address in sorted(requests):
        key = address, (int(START) + second) // 60
        before = used.get(key, 0)
        try:
            used[key] = limit.take(address, weight, START + second)
            assert used[key] == before + weight
        except DeclinedError:
            assert before + weight > 10


def test_new_orders_are_counted_in_ten_seconds_and_in_a_day() -> None:
    limit = OrderLimit(3, 5)
    day = DAY_S * 20_000.0
    assert [limit.take(1, 1, day), limit.take(1, 2, day + 9.9), limit.take(2, 1, day)] == [(1, 1), (3, 3), (1, 1)]
    for account, orders, now_s, interval, wait_s in (
        (1, 1, day + 4, "10 SECOND", 7),
        (1, 3, day + 10, "1 DAY", DAY_S - 9),
    ):
        with pytest.raises(DeclinedError, match=f"orders per {interval}") as caught:
            limit.take(account, orders, now_s)
        error = declined(caught.value)
        assert (error.status, error.code, error.retry_after) == (429, -1015, wait_s)
        assert f"orders per {interval}" in error.text
    assert limit.take(1, 2, day + 10) == (2, 5)
    assert limit.take(1, 1, day + DAY_S) == (1, 1)
    assert limit.counts(1, day + DAY_S + 11) == (0, 1)
    assert order_headers((1, 2)) == [(b"x-mbx-order-count-10s", b"1"), (b"x-mbx-order-count-1d", b"2")]


def test_accounts_of_other_days_make_room() -> None:
    limit = OrderLimit(3, 5, most_kept=10)
    for i in range(100):
        limit.take(i, 1, DAY_S * (20_000.0 + i / 5))
        assert len(limit) <= 10


def test_limits_have_their_rows() -> None:
    assert weight_row(WeightLimit(6000)) == {
        "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000
    }  # fmt: skip
    assert [row["count"] for row in order_rows(OrderLimit(3, 5), (1, 2))] == [1, 2]
    assert [row["limit"] for row in order_rows(OrderLimit(3, 5))] == [3, 5]
