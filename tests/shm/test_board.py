"""The board: words, and entries that stay readable whatever happens to their writer."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator

import pytest

from bench import traffic
from lockstep.shm import board, segment
from lockstep.shm.board import Board, Word
from tests.compiled import write_balance

WRITER = """
import sys
from bench import traffic
from lockstep.shm import segment
from lockstep.shm.board import Board
board = Board(segment.attach(sys.argv[1]))
print("ready", flush=True)
while True:
    traffic.write_balances(board, 7, 100_000)
"""


@pytest.fixture
def shared() -> Iterator[str]:
    name = f"/lockstep-test-{uuid.uuid4().hex[:12]}"
    Board.format(segment.create(name, board.SIZE))
    yield name
    segment.remove_leftovers(name)


def test_words_start_at_zero_and_keep_what_is_stored() -> None:
    view = Board.private()
    for number, word in enumerate(Word):
        assert view.get(word) == 0
        view.set(word, number + 1)
    assert [view.get(word) for word in Word] == list(range(1, len(Word) + 1))


def test_nothing_is_released_beyond_what_is_durable_nor_beyond_what_the_router_has_told() -> None:
    """LOG-13: nothing leaves before its cause is committed."""
    view = Board.private()
    view.set(Word.DURABLE_SEQ, 10)
    assert view.release_position() == 0
    view.set(Word.ROUTER_DONE, 7)
    assert view.release_position() == 7
    view.set(Word.ROUTER_DONE, 12)
    assert view.release_position() == 10


def test_should_refuse_memory_that_holds_no_board() -> None:
    with pytest.raises(ValueError, match="no board"):
        Board(bytearray(board.SIZE))


def test_balances_are_found_by_account_and_asset() -> None:
    view = Board.private()
    for account in range(1, 200):
        for asset in range(1, 5):
            assert write_balance(view, account, asset, account * 10 + asset, -asset)
    assert view.balance(150, 3) == (1503, -3)
    assert view.balance(200, 1) is None
    assert write_balance(view, 150, 3, 1, 2)
    assert view.balance(150, 3) == (1, 2)


def test_a_full_table_of_balances_says_so() -> None:
    view = Board.private()
    shown = [write_balance(view, account, 1, 0, 0) for account in range(16_385)]
    assert shown == [True] * 16_384 + [False]


def test_health_is_what_was_written_last() -> None:
    view = Board.private()
    fields = ("heartbeat_ns", "pid", "work", "rounds", "state", "started_ns", "blocked")
    assert view.health(5) is None
    for base in (1, 100):
        values = {name: base + i for i, name in enumerate(fields)}
        view.show_health(5, values)
        assert view.health(5) == values


def test_a_reader_never_sees_half_of_an_entry(shared: str) -> None:
    view = Board(segment.attach(shared))
    writer = subprocess.Popen([sys.executable, "-c", WRITER, shared], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"ready\n"
    while not traffic.read_balances(view, 7, 1)[0]:
        continue
    assert traffic.read_balances(view, 7, 2_000_000)[1] == 0
    writer.kill()
    writer.wait()


def test_an_entry_stays_readable_when_its_writer_is_killed_mid_write(shared: str) -> None:
    view = Board(segment.attach(shared))
    for _ in range(12):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, shared], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        while not traffic.read_balances(view, 7, 10_000)[0]:
            continue
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        kept = view.balance(7, 1)
        assert kept is not None
        assert kept[0] == -kept[1]
        assert traffic.read_balances(view, 7, 1000) == (1000, 0)
    write_balance(view, 7, 1, 42, -42)  # a new writer continues from whatever version it finds
    assert view.balance(7, 1) == (42, -42)


def test_a_gateway_that_has_shown_nothing_counts_nothing() -> None:
    nothing = {"is_open": 0, "connections": 0, "sessions": 0, "open_orders": 0, "refused": [0, 0, 0]}
    assert [Board.private().counts(gateway) for gateway in range(8)] == [nothing] * 8


def test_a_commit_waits_for_the_word_that_the_mode_names() -> None:
    """LOG-13: in the modes of two nodes, the other one's acknowledgement too."""
    board = Board.private()
    for word, seq in ((Word.DURABLE_SEQ, 10), (Word.ROUTER_DONE, 12), (Word.ACKED_SEQ, 7), (Word.PRIMARY_COMMIT, 11)):
        board.set(word, seq)
    assert board.release_position() == 10
    board.set(Word.COMMIT_BY, Word.ACKED_SEQ)
    assert board.release_position() == 7
    board.set(Word.COMMIT_BY, Word.PRIMARY_COMMIT)
    assert board.release_position() == 10
    board.set(Word.FENCED, 3)
    assert board.release_position() == 0


def test_nothing_is_released_from_the_end_of_the_lease_on() -> None:
    """LOG-13: another node may lead from then on."""
    board = Board.private()
    for word in (Word.DURABLE_SEQ, Word.ROUTER_DONE):
        board.set(word, 10)
    now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    board.set(Word.LEASE_UNTIL, now_ns + 50_000_000)
    assert board.release_position() == 10
    while time.clock_gettime_ns(time.CLOCK_BOOTTIME) < now_ns + 50_000_000:
        continue
    assert (board.release_position(), board.commit_position()) == (0, 10)
    assert board.is_closed()
    board.set(Word.LEASE_UNTIL, 0)
    assert board.release_position() == 10
