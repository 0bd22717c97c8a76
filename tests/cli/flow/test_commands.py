"""Reading order flow: command files, book files and raw LOBSTER message files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from lockstep.cli.flow import commands, lobster
from lockstep.cli.flow.commands import Flow, FlowError
from lockstep.cli.flow.driver import CANCEL, IMMEDIATE, NEW, REDUCE


def rows(flow: Flow) -> list[tuple[int, bool, int, int, int]]:
    return [
        (flow.kinds[i], bool(flow.buys[i]), flow.orders[i], flow.prices[i], flow.quantities[i])
        for i in range(len(flow))
    ]


def test_commands_are_read_plain_and_compressed(tmp_path: Path) -> None:
    text = "0,N,x,1,100000,50\n0,C\n1,A,y,-1,99900,20\n1,R,x,5\n2,R,x,5\n2,X,x\n2,C\n"
    (tmp_path / "flow.csv").write_text(text)
    with gzip.open(tmp_path / "flow.csv.gz", "wt") as file:
        file.write(text)
    expected = [
        (NEW, True, 0, 1000, 50),
        (IMMEDIATE, False, 1, 999, 20),
        (REDUCE, True, 0, 1000, 45),
        (REDUCE, True, 0, 1000, 40),
        (CANCEL, True, 0, 1000, 0),
    ]
    for name in ("flow.csv", "flow.csv.gz"):
        flow = commands.read(tmp_path / name)
        assert rows(flow) == expected
        assert flow.checkpoints == [(1, 0), (5, 2)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0,X,nobody", "was never submitted"),
        ("0,N,x,2,100000,5", "a side is 1"),
        ("0,N,x,1,100001,5", "not a positive multiple of 100"),
        ("0,N,x,1,-100,5", "not a positive multiple of 100"),
        ("0,Q,x", "kinds of commands are N, A, R, X, C"),
        ("0,N,x,1,100000", "is no command"),
        ("0,N,x,1,100000,many", "invalid literal"),
    ],
)
def test_a_line_that_is_no_command_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "flow.csv"
    path.write_text(f"0,N,first,1,100000,5\n{line}\n")
    with pytest.raises(FlowError, match="line 2") as caught:
        commands.read(path)
    assert reason in str(caught.value)


def test_empty_levels_of_a_book_file_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    path.write_text("100100,5,100000,7,9999999999,0,99900,2\n")
    assert commands.read_books(path, 2) == [([(1000, 7), (999, 2)], [(1001, 5)])]
    with pytest.raises(FlowError, match="line 1"):
        commands.read_books(path, 3)


def test_a_raw_message_file_becomes_the_commands_that_it_determines(tmp_path: Path) -> None:
    path = tmp_path / "messages.csv"
    path.write_text(
        "34200.1,1,11,10,1000000,1\n"  # a buy order rests
        "34200.2,1,12,20,1000200,-1\n"  # a sell order rests
        "34200.3,2,12,5,1000200,-1\n"  # part of it is cancelled
        "34200.4,4,12,6,1000200,-1\n"  # a buyer takes 6 of it …
        "34200.4,4,77,3,1000300,-1\n"  # … and, in the same moment, 3 of an order from before the file
        "34200.5,5,0,9,1000100,1\n"  # hidden: changes no visible book
        "34200.6,3,11,10,1000000,1\n"  # the buy order goes
    )
    assert lobster.is_message_file(path)
    books = [
        ([(10000, 10), (9990, 4)], [(10003, 3)]),
        ([(10000, 10), (9990, 4)], [(10002, 20), (10003, 3)]),
        ([(10000, 10), (9990, 4)], [(10002, 15), (10003, 3)]),
        ([(10000, 10), (9990, 4)], [(10002, 9), (10003, 3)]),
        ([(10000, 10), (9990, 4)], [(10002, 9)]),
        ([(10000, 10), (9990, 4)], [(10002, 9)]),
        ([(9990, 4)], [(10002, 9)]),
    ]
    flow = lobster.read(path, books)
    assert rows(flow) == [
        (NEW, False, 0, 10003, 3),  # order 77, which the file never submits
        (NEW, True, 1, 9990, 4),  # supplied: what the first row shows besides
        (NEW, True, 2, 10000, 10),
        (NEW, False, 3, 10002, 20),
        (REDUCE, False, 3, 10002, 15),
        (IMMEDIATE, True, 5, 10003, 9),
        (CANCEL, True, 2, 10000, 0),
    ]
    assert flow.checkpoints == [(3, 0), (4, 1), (5, 2), (6, 4), (6, 5), (7, 6)]


def test_a_book_file_of_another_day_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "messages.csv"
    path.write_text("34200.1,1,11,10,1000000,1\n")
    with pytest.raises(FlowError, match="belongs to another file"):
        lobster.read(path, [])


def test_a_line_that_is_no_message_is_named(tmp_path: Path) -> None:
    path = tmp_path / "messages.csv"
    path.write_text("34200.1,1,11,10,1000000,1\n34200.2,1,eleven\n")
    with pytest.raises(FlowError, match="line 2"):
        lobster.read(path, [([], [])] * 2)
