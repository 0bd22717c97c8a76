"""The comparison finds every kind of deviation, and nothing if there is none."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from lockstep.procs.batcher.compare import compare
from lockstep.procs.batcher.spool import Spool
from tests.batcher.events import Stream
from tests.batcher.test_spool import spool_all
from tests.batcher.test_writer import batch_after, session

EDITS = {
    "orders": "UPDATE orders SET filled = filled + 0.0001 WHERE order_id = (SELECT min(order_id) FROM orders)",
    "trades": "DELETE FROM trades WHERE trade_id = (SELECT min(trade_id) FROM trades)",
    "balances": "INSERT INTO balances VALUES (99, 'BTC', 1, 0, 1, 1)",
    "users": "UPDATE users SET created = created + interval '1 microsecond' WHERE id = 1",
    "instruments": "UPDATE instruments SET maker_fee_ppm = 0",
    "phases": "UPDATE phases SET phase = 'HALTED' WHERE number = (SELECT min(number) FROM phases)",
    "actions": "DELETE FROM actions WHERE number = (SELECT min(number) FROM actions)",
    "corrections": "UPDATE corrections SET buyer_fee = 7 WHERE trade_id = (SELECT min(trade_id) FROM corrections)",
    "prevented_matches": "UPDATE prevented_matches SET quantity = 7 WHERE "
    "prevented_match_id = (SELECT min(prevented_match_id) FROM prevented_matches)",
    "replacements": "UPDATE replacements SET cl_ord_id = 'x' WHERE number = (SELECT min(number) FROM replacements)",
    "assets": "UPDATE assets SET scale = 7 WHERE id = 2",
    "candles": "UPDATE candles SET high = high + 1 WHERE \"interval\" = '1h'",
    "position_states": "UPDATE position_states SET cost = cost + 1 WHERE user_id = 1",
}


@pytest.fixture
def loaded(database: str, tmp_path: Path) -> Stream:
    stream = Stream(seed=3).define().steps(150)
    spool = Spool(tmp_path)
    spool_all(stream, spool)
    with session(database) as opened:
        opened.write(batch_after(opened, spool))
        while opened.make_missing():
            pass  # the positions that corrections have changed
    return stream


def test_a_true_database_is_clean(database: str, loaded: Stream) -> None:
    report = compare(database, loaded.rings.__getitem__, loaded.commands)
    assert report.clean
    assert report.complete_seq == loaded.seq
    assert all(table.rows == table.expected_rows > 0 for name, table in report.tables.items() if name != "requests")


def test_events_beyond_the_watermark_are_left_out(database: str, loaded: Stream) -> None:
    loaded.steps(50)
    assert compare(database, loaded.rings.__getitem__, loaded.commands).clean


@pytest.mark.parametrize("table", EDITS)
def test_an_edited_row_is_found(database: str, loaded: Stream, table: str) -> None:
    """I5: the database has what the journal says."""
    with psycopg.connect(database) as connection:
        connection.execute(EDITS[table].encode())
    report = compare(database, loaded.rings.__getitem__, loaded.commands)
    assert {name: found.differing for name, found in report.tables.items() if found.differing} == {table: 1}
    difference = report.tables[table].first[0]
    assert difference.expected != difference.actual


def test_what_a_switch_blocks_is_told_by_the_command_not_by_its_event(database: str, loaded: Stream) -> None:
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT side, scope, is_on FROM actions WHERE action = 'KILL_SWITCH'").fetchall()
        assert {(side, scope in ("ACCOUNT", "SESSION"), on is None) for side, scope, on in rows} == {
            (None, True, False)
        }
        connection.execute("UPDATE actions SET side = 'BUY', scope = NULL WHERE action = 'KILL_SWITCH'")
    report = compare(database, loaded.rings.__getitem__, loaded.commands)
    assert report.tables["actions"].differing == len(rows)


def test_a_database_ahead_of_the_journal_is_not_clean(database: str, loaded: Stream) -> None:
    shorter = {0: loaded.rings[0], 1: loaded.rings[1][:-3]}
    report = compare(database, shorter.__getitem__, loaded.commands)
    assert report.short == {1: 3}
    assert not report.clean
