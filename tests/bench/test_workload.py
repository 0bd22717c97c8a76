"""W1 is what exchange-core published, and its plain book keeps the rules that final books are compared by."""

from __future__ import annotations

import hashlib

import pytest

from bench.simple_book import digest_of
from bench.workload import BOOK_SHA256, ITERATIONS, STREAM_SHA256, W1

# The shares of 2,999,054 commands, from the published generator.
MIX = {"N": 259_896, "M": 84_895, "X": 171_907, "V": 2_482_356}


@pytest.fixture(scope="module")
def whole() -> W1:
    return W1()


def test_the_stream_is_the_published_one_to_the_byte(whole: W1) -> None:
    assert whole.stream_sha256() == STREAM_SHA256
    assert (whole.count, whole.mix()) == (2_999_054, MIX)


def test_the_book_that_steps_over_own_orders_ends_as_exchange_cores(whole: W1) -> None:
    assert whole.book_sha256() == BOOK_SHA256
    assert whole.book.trades == 166_471
    assert round(whole.book.still / whole.count, 4) == 0.7635


def test_a_shorter_run_is_a_prefix_of_a_longer_one() -> None:
    assert W1(2000).count <= W1(20_000).count < 20_001 < ITERATIONS
    assert W1(2000).stream_sha256() == W1(2000).stream_sha256() != W1(20_000).stream_sha256()


def test_where_own_orders_trade_some_are_gone_before_they_are_cancelled(whole: W1) -> None:
    ours = whole.replayed()
    assert (ours.trades, ours.gone) == (166_493, 13)
    assert whole.book.gone == 0
    # What differs is soon traded away again: the final books happen to be equal.
    assert digest_of(ours.levels()) == BOOK_SHA256


def test_without_moves_that_change_nothing_the_book_is_the_same() -> None:
    workload = W1(100_000)
    ours = workload.replayed()
    moving = workload.moving()
    assert moving.count == workload.count - ours.still
    assert moving.replayed().levels() == ours.levels()


def test_final_books_are_compared_by_lines_of_side_price_and_quantity() -> None:
    lines = b"B,99,5\nS,101,7\n"
    assert digest_of([("B", 99, 5), ("S", 101, 7)]) == hashlib.sha256(lines).hexdigest()
