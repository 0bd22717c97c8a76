"""A row that the database refuses, whatever it has against it, is set aside, and all others are loaded."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest

from lockstep.core.schema.alphabet import unshown
from lockstep.core.schema.records import Accepted, Replaced
from lockstep.procs.batcher import refused, writer
from lockstep.procs.batcher.compare import Report, compare
from lockstep.procs.batcher.spool import Spool
from lockstep.procs.batcher.writer import RefusedError
from tests.batcher.events import Stream
from tests.batcher.test_spool import spool_all
from tests.batcher.test_writer import batch_after, session

STEPS = 24  # of a batch
# What a user may do to a table: the statements, those that undo them, and which table's rows they keep out.
TRIGGER = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF {condition} THEN {action}; END IF; RETURN new; END $$;
    CREATE {kind} TRIGGER refuse {moment} ON {table} {deferred} FOR EACH ROW EXECUTE FUNCTION refuse()
"""
NO_TRIGGER = "DROP FUNCTION refuse CASCADE"
FAULTS: dict[str, tuple[str, str, str]] = {
    "a constraint": (
        "ALTER TABLE orders ADD CONSTRAINT odd CHECK (order_id % 7 <> 3) NOT VALID",
        "ALTER TABLE orders DROP CONSTRAINT odd",
        "orders",
    ),
    "a type that overflows": (
        "ALTER TABLE balances ALTER total TYPE numeric(12, 8)",
        "ALTER TABLE balances ALTER total TYPE numeric",
        "balances",
    ),
    "a type that is too short": (
        "ALTER TABLE orders ALTER cl_ord_id TYPE varchar(4)",
        "ALTER TABLE orders ALTER cl_ord_id TYPE text",
        "orders",
    ),
    "another type": (
        "ALTER TABLE actions ALTER cl_ord_id TYPE integer USING 0",
        "ALTER TABLE actions ALTER cl_ord_id TYPE text",
        "actions",
    ),
    "a trigger": (
        TRIGGER.format(
            kind="", moment="BEFORE INSERT OR UPDATE", table="orders", deferred="", condition="new.order_id % 5 = 1",
            action="RAISE EXCEPTION 'not this one'",
        ),
        NO_TRIGGER,
        "orders",
    ),
    "a trigger at the commit": (
        TRIGGER.format(
            kind="CONSTRAINT", moment="AFTER INSERT", table="phases", deferred="DEFERRABLE INITIALLY DEFERRED",
            condition="new.number % 2 = 1", action="RAISE EXCEPTION 'not at the end'",
        ),
        NO_TRIGGER,
        "phases",
    ),
    "a trigger that swallows changes": (
        TRIGGER.format(
            kind="", moment="BEFORE UPDATE", table="orders", deferred="", condition="new.order_id % 3 = 1",
            action="RETURN NULL",
        ),
        NO_TRIGGER,
        "orders",
    ),
    "a row in the way": (
        ("INSERT INTO actions (number, action, user_id, session_id, cl_ord_id, time, seq)"
        " SELECT n, 'X', 1, 1, '', now(), 1 FROM generate_series(1, 500, 3) AS n"),
        "DELETE FROM actions WHERE action = 'X'",
        "actions",
    ),
    "a foreign key": (
        ("ALTER TABLE orders ADD CONSTRAINT odd CHECK (order_id % 4 <> 1) NOT VALID;"
        "ALTER TABLE trades ADD FOREIGN KEY (maker_order_id) REFERENCES orders"),
        "ALTER TABLE orders DROP CONSTRAINT odd",
        "trades",
    ),
    "an asset": (
        "ALTER TABLE assets ADD CONSTRAINT odd CHECK (asset <> 'USDT') NOT VALID",
        "ALTER TABLE assets DROP CONSTRAINT odd",
        "instruments",
    ),
    "a partition of another name": (
        ("CREATE TABLE history PARTITION OF trades FOR VALUES FROM ('2026-01-01') TO ('2030-01-01');"
        "ALTER TABLE history ADD CHECK (trade_id % 3 > 0)"),
        "ALTER TABLE history DROP CONSTRAINT history_trade_id_check",
        "trades",
    ),
}  # fmt: skip

# Each with another table's, if with any: none of its rows is kept out by the other one.
TOGETHER = (
    ("a constraint", "a partition of another name"), ("a type that is too short", "a type that overflows"),
    ("an asset", "a row in the way"), ("a foreign key",), ("another type",), ("a trigger",),
    ("a trigger at the commit",), ("a trigger that swallows changes",),
)  # fmt: skip
UNSEEN = ("a row in the way", "a trigger that swallows changes", "another type")  # a count of rows doesn't show these
assert {fault for faults in TOGETHER for fault in faults} == FAULTS.keys()


def run(database: str, statement: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(statement.encode())


def load(database: str) -> refused.Result:
    with psycopg.connect(database, autocommit=True) as connection:
        return refused.load(connection)


def counts(database: str) -> dict[str, int]:
    with psycopg.connect(database) as connection:
        return dict(connection.execute("SELECT relation, count(*) FROM refused_rows GROUP BY 1").fetchall())


def reasons_of(database: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return refused.reasons(connection, 10)[1]


def batches(database: str, tmp_path: Path, seed: int = 7, change: Callable[[int], Any] = lambda _: None) -> Stream:
    """Load a stream in six batches, by a session each for the last two; `change` is called before each."""
    stream = Stream(seed=seed).define()
    spool = Spool(tmp_path)
    with session(database) as opened:
        for number in range(4):
            change(number)
            stream.steps(STEPS)
            spool_all(stream, spool)
            opened.write(batch_after(opened, spool))
    for number in (4, 5):
        change(number)
        stream.steps(STEPS)
        spool_all(stream, spool)
        with session(database) as opened:
            opened.write(batch_after(opened, spool))
    return stream


def compared(database: str, stream: Stream) -> Report:
    return compare(database, stream.rings.__getitem__, stream.commands)


@pytest.mark.parametrize("faults", TOGETHER, ids=" and ".join)
def test_what_is_refused_stops_nothing_and_comes_back(database: str, tmp_path: Path, faults: tuple[str, ...]) -> None:
    for fault in faults:
        run(database, FAULTS[fault][0])
    stream = batches(database, tmp_path)
    aside = counts(database)
    assert all(aside[FAULTS[fault][2]] > 0 for fault in faults)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT complete_seq FROM writer").fetchone() == (stream.seq,)
        reasons = {reason for (reason,) in connection.execute("SELECT reason FROM refused_rows")}
        assert not any(word in reason for reason in reasons for word in ("ambiguous", "syntax"))
        assert "" not in reasons
    missed = [FAULTS[fault][2] for fault in faults if fault not in UNSEEN]
    if missed:
        found = compared(database, stream)
        assert all(found.tables[table].expected_rows > found.tables[table].rows for table in missed)
    again = load(database)
    assert again.loaded < sum(aside.values())
    for fault in faults:
        run(database, FAULTS[fault][1])
    assert load(database).left == {}, reasons_of(database)
    assert counts(database) == {}
    assert compared(database, stream).clean


def refuse_some(database: str, tmp_path: Path) -> None:
    """Load batches of which some orders are refused: the database has all others, and no less."""
    run(database, FAULTS["a constraint"][0])
    stream = batches(database, tmp_path)
    orders = {event.order_id for event in stream.events[1] if isinstance(event, Accepted)}
    with psycopg.connect(database) as connection:
        have = {order for (order,) in connection.execute("SELECT order_id FROM orders")}
    assert have == {order for order in orders if order % 7 != 3}, "good orders are missing"


def test_rows_behind_those_refused_are_loaded(database: str, tmp_path: Path) -> None:
    refuse_some(database, tmp_path)


def test_planted_a_row_that_stops_those_behind_it_is_found(database: str, tmp_path: Path) -> None:
    with patch.object(writer, "is_of_rows", lambda _: False), pytest.raises(psycopg.errors.CheckViolation):
        refuse_some(database, tmp_path)


def test_planted_good_rows_that_are_set_aside_with_a_bad_one_are_found(database: str, tmp_path: Path) -> None:
    with patch.object(refused, "MOST_HALVED", 0), pytest.raises(AssertionError, match="good orders are missing"):
        refuse_some(database, tmp_path)


def test_a_fault_that_comes_and_goes_while_batches_do(database: str, tmp_path: Path) -> None:
    """Changes of an order wait behind its earlier ones, whatever the table would take by now."""
    breaks, mends, _ = FAULTS["a trigger"]

    def change(number: int) -> None:
        if number in (1, 3):
            run(database, breaks)
        if number in (2, 4):
            run(database, mends)
        if number == 4:
            load(database)

    stream = batches(database, tmp_path, change=change)
    load(database)
    assert counts(database) == {}
    assert compared(database, stream).clean


def test_a_table_that_takes_nothing_is_given_up_in_bounded_time(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "MOST_HALVED", 10)
    run(database, "ALTER TABLE orders ADD CONSTRAINT none CHECK (false) NOT VALID")
    stream = batches(database, tmp_path)
    run(database, "ALTER TABLE orders DROP CONSTRAINT none")
    assert load(database).left == {}
    assert compared(database, stream).clean


def test_trades_of_a_clock_that_went_wrong_make_no_partitions_without_end(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "MOST_DAYS", 3)
    stream = Stream(day_ns=40 * 86_400 * 10**9).define().steps(60)
    spool = Spool(tmp_path)
    spool_all(stream, spool)
    with session(database) as opened:
        opened.write(batch_after(opened, spool))
    assert set(counts(database)) == {"trades"}
    assert load(database).left == {}
    assert compared(database, stream).clean


@pytest.mark.parametrize(
    ("statement", "undo"),
    [
        ("ALTER TABLE orders RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO orders"),
        (
            TRIGGER.format(kind="", moment="BEFORE INSERT", table="orders", deferred="", condition="true",
                           action="RAISE EXCEPTION 'the disk is full' USING ERRCODE = '53100'"),
            NO_TRIGGER,
        ),
    ],
)  # fmt: skip
def test_a_server_that_is_not_ready_is_no_fault_of_rows(
    database: str, tmp_path: Path, statement: str, undo: str
) -> None:
    stream = Stream().define().steps(50)
    spool = Spool(tmp_path)
    spool_all(stream, spool)
    run(database, statement)
    with session(database) as opened, pytest.raises(psycopg.Error):
        opened.write(batch_after(opened, spool))
    assert counts(database) == {}
    run(database, undo)
    with session(database) as opened:
        opened.write(batch_after(opened, spool))
    assert compared(database, stream).clean


def test_nothing_is_left_out_where_that_can_not_be_noted(database: str, tmp_path: Path) -> None:
    stream = Stream().define().steps(50)
    spool = Spool(tmp_path)
    spool_all(stream, spool)
    run(database, FAULTS["a constraint"][0])
    run(database, "ALTER TABLE refused_rows ADD CHECK (false)")
    with session(database) as opened, pytest.raises(RefusedError, match="can't be set aside"):
        opened.write(batch_after(opened, spool))
    with session(database) as opened:
        assert opened.complete_seq == 0


def test_what_is_staged_has_the_types_of_the_tables(database: str) -> None:
    query = "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass"
    with psycopg.connect(database) as connection:
        for table, (_, columns) in refused.TABLES.items():
            name = "orders" if table == refused.CHANGES else table
            types = {str(column): str(spelled) for column, spelled in connection.execute(query, [name])}
            named = [each for each in columns if (table, each) != ("candles", "seq")]
            actual = {each: types[each].replace("timestamp with time zone", "timestamptz") for each in named}
            assert actual == {each: refused.TYPES.get(each, "text") for each in named}, table


def test_whatever_bytes_an_old_id_has_the_database_takes_it_and_agrees(database: str, tmp_path: Path) -> None:
    draw = random.Random(1)
    ids = [b"A%cB" % byte for byte in range(256)] + [draw.randbytes(draw.randint(1, 36)) for _ in range(200)]
    stream = Stream().define()
    for number, cl_ord_id in enumerate(ids):
        order = stream.order(cl_ord_id=cl_ord_id)
        if number % 2:
            stream.command()
            stream.replace(order, cl_ord_id[::-1])
    spool = Spool(tmp_path)
    spool_all(stream, spool)
    with session(database) as opened:
        opened.write(batch_after(opened, spool))
    assert counts(database) == {}
    assert compared(database, stream).clean
    named = {event.order_id: event.cl_ord_id for event in stream.events[1] if isinstance(event, Accepted | Replaced)}
    with psycopg.connect(database) as connection:
        rows = {order: unshown(text) for order, text in connection.execute("SELECT order_id, cl_ord_id FROM orders")}
    assert rows == {order: cl_ord_id.rstrip(b"\0") for order, cl_ord_id in named.items()}
