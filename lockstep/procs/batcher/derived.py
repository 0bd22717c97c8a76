"""What follows from trades and corrections: candles, and positions; both are kept in the transaction of their trades.

A batch adds to what is there. What that can't do (a correction, a row that was set aside) is worked out again from the
tables `trades` and `corrections`, which always decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import psycopg

from lockstep.core.diagnostics.log_lines import log
from lockstep.procs.batcher.positions import Positions
from lockstep.procs.batcher.rows import Batch

Position = tuple[int, int, int, int]  # quantity, cost, result, fills

SESSION = """
    CREATE TEMPORARY TABLE changed_candles (
        symbol text, "interval" text, "time" timestamptz, open numeric, high numeric, low numeric, close numeric,
        volume numeric, quote_volume numeric, trades bigint, taker_buy_volume numeric, taker_buy_quote_volume numeric
    ) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE changed_positions (
        user_id integer, symbol text, quantity numeric, cost numeric, realised numeric, fills bigint
    ) ON COMMIT DELETE ROWS;
"""
ADD_CANDLES = """
    INSERT INTO candles AS c SELECT * FROM changed_candles
    ON CONFLICT (symbol, "interval", "time") DO UPDATE SET
        high = greatest(c.high, excluded.high), low = least(c.low, excluded.low), close = excluded.close,
        volume = c.volume + excluded.volume, quote_volume = c.quote_volume + excluded.quote_volume,
        trades = c.trades + excluded.trades, taker_buy_volume = c.taker_buy_volume + excluded.taker_buy_volume,
        taker_buy_quote_volume = c.taker_buy_quote_volume + excluded.taker_buy_quote_volume
"""
SET_POSITIONS = """
    INSERT INTO position_states AS p
    SELECT * FROM changed_positions AS c
    WHERE NOT EXISTS (SELECT FROM position_gaps AS g WHERE g.user_id = c.user_id AND g.symbol = c.symbol)
    ON CONFLICT (user_id, symbol) DO UPDATE
    SET quantity = excluded.quantity, cost = excluded.cost, realised = excluded.realised, fills = excluded.fills
"""
# Corrections of trades behind the watermark: they came before their trade, which this batch may have.
EARLY = "SELECT matcher, trade_id FROM watermark AS w JOIN corrections AS c ON c.matcher = w.ring AND trade_id > number"
SIDES = """
    SELECT c.buyer_id, c.seller_id, c.symbol FROM unnest(%s::smallint[], %s::bigint[]) AS a (matcher, trade_id)
    JOIN corrections AS c ON c.matcher = a.matcher AND c.trade_id = a.trade_id
"""
REMAKE = """
    SELECT remake_candles(symbol, "time", "time" + INTERVAL '1 microsecond') FROM (
        SELECT DISTINCT t.symbol, date_trunc('second', t."time") AS "time"
        FROM unnest(%s::smallint[], %s::bigint[]) AS a (matcher, trade_id)
        JOIN trades AS t ON t.matcher = a.matcher AND t.trade_id = a.trade_id
    ) AS touched
"""
TOUCHED = """
    INSERT INTO {} (symbol, "time", seq)
    SELECT t.symbol, date_trunc('second', t."time"), t.seq
    FROM unnest(%s::smallint[], %s::bigint[]) AS a (matcher, trade_id)
    JOIN trades AS t ON t.matcher = a.matcher AND t.trade_id = a.trade_id
"""
MARK = """
    INSERT INTO position_gaps AS g (user_id, symbol)
    SELECT DISTINCT * FROM unnest(%s::integer[], %s::text[]) AS a (user_id, symbol) ORDER BY 1, 2
    ON CONFLICT (user_id, symbol) DO UPDATE SET version = DEFAULT, is_given_up = false
"""
UNMAKE = """
    DELETE FROM position_states AS p USING unnest(%s::integer[], %s::text[]) AS a (user_id, symbol)
    WHERE p.user_id = a.user_id AND p.symbol = a.symbol
"""
GIVE_UP = "UPDATE position_gaps SET is_given_up = true WHERE user_id = %s AND symbol = %s"
TO_MARK = "SELECT user_id, symbol FROM changed_positions"
POSITIONS = """
    SELECT
        p.user_id, i.id, (p.quantity * power(10::numeric, b.scale))::numeric(60, 0),
        (p.cost * power(10::numeric, q.scale))::numeric(60, 0),
        (p.realised * power(10::numeric, q.scale))::numeric(60, 0), p.fills
    FROM position_states AS p
    JOIN instruments AS i ON i.symbol = p.symbol
    JOIN assets AS b ON b.id = i.base_asset
    JOIN assets AS q ON q.id = i.quote_asset
"""
GAP = "SELECT user_id, symbol, version FROM position_gaps WHERE NOT is_given_up ORDER BY version LIMIT 1"
MISSING = "SELECT FROM position_gaps WHERE NOT is_given_up LIMIT 1"
# The time up to which so many fills can be taken at once; null: all that there are.
UNTIL = """
    SELECT min("time") FROM (
        (SELECT "time" FROM trades WHERE maker_user_id = %(user_id)s AND symbol = %(symbol)s AND "time" > %(behind)s
        ORDER BY "time" OFFSET %(count)s LIMIT 1)
        UNION ALL
        (SELECT "time" FROM trades WHERE taker_user_id = %(user_id)s AND symbol = %(symbol)s AND "time" > %(behind)s
        ORDER BY "time" OFFSET %(count)s LIMIT 1)
    ) AS ends
"""
FILLS = """
    SELECT
        (CASE WHEN f.is_buyer THEN f.quantity - f.fee ELSE -f.quantity END * %(base)s)::numeric(60, 0),
        ((f.price * f.quantity - CASE WHEN f.is_buyer THEN 0 ELSE f.fee END) * %(quote)s)::numeric(60, 0)
    FROM fills AS f
    WHERE f.user_id = %(user_id)s AND f.symbol = %(symbol)s AND f."time" > %(behind)s AND f."time" <= %(until)s
    ORDER BY f.seq, f.matcher, f.trade_id, f.is_buyer DESC
"""
LISTED = """
    SELECT i.id, power(10::numeric, b.scale), power(10::numeric, q.scale) FROM instruments AS i
    JOIN assets AS b ON b.id = i.base_asset
    JOIN assets AS q ON q.id = i.quote_asset
    WHERE i.symbol = %s
"""
INSERT_POSITION = """
    INSERT INTO position_states
    VALUES (%s, %s, trim_scale(%s / %s), trim_scale(%s / %s), trim_scale(%s / %s), %s)
"""
CLOSE_GAP = "DELETE FROM position_gaps WHERE user_id = %s AND symbol = %s"
TAKEN = 20_000  # fills that a turn takes: a fraction of a second
EVER = "0001-01-01 00:00Z"
ENDLESS = "9999-12-31 00:00Z"


def teach(connection: psycopg.Connection, batch: Batch) -> None:
    """Give a batch the positions that the database has."""
    batch.positions.forget()
    for user, instrument, *position in connection.execute(POSITIONS):
        quantity, cost, realised, fills = map(int, position)
        batch.positions.know(user, instrument, (quantity, cost, realised, fills))


def write(connection: psycopg.Connection, batch: Batch) -> None:
    """Bring both up to date with a batch whose trades and corrections are in their tables, as `changed_…` have them."""
    if batch.history.trades:
        connection.execute(ADD_CANDLES)
        connection.execute(SET_POSITIONS)
        if too_large := batch.positions.too_large():
            mark(connection, too_large)
            for user, symbol in too_large:
                connection.execute(GIVE_UP, [user, symbol])
    if corrected := corrected_by(connection, batch):
        matchers, trades = ([each[i] for each in corrected] for i in range(2))
        connection.execute(REMAKE, [matchers, trades])
        mark_sides(connection, corrected)


def corrected_by(connection: psycopg.Connection, batch: Batch) -> list[tuple[int, int]]:
    """Matcher and id of the trades that corrections change now: the batch's, and those that waited for their trade."""
    early = connection.execute(EARLY).fetchall() if batch.history.trades else []
    return sorted({*batch.history.corrected, *early})


def mark_sides(connection: psycopg.Connection, corrected: Sequence[tuple[int, int]]) -> None:
    """Have the positions of both sides of these corrections worked out again."""
    if not corrected:
        return
    found = connection.execute(SIDES, [[each[i] for each in corrected] for i in range(2)]).fetchall()
    if found:
        mark(connection, [(user, symbol) for *users, symbol in found for user in users])


def mark(connection: psycopg.Connection, positions: Iterable[tuple[int, str]]) -> None:
    """Have positions worked out again: until then they are not there."""
    users, symbols = zip(*positions, strict=True)
    connection.execute(MARK, [list(users), list(symbols)])
    connection.execute(UNMAKE, [list(users), list(symbols)])


def mark_changed(connection: psycopg.Connection) -> None:
    """Have all positions worked out again that `changed_positions` has."""
    if found := connection.execute(TO_MARK).fetchall():
        mark(connection, found)


class PositionMaker:
    """Works out positions that are not there, one after the other, some fills at a time, and tells `batch` of them."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._gap: tuple[Any, ...] | None = None
        self._made: tuple[int, int, Position] | None = None

    def turn(self, connection: psycopg.Connection) -> None:
        """Take some fills of the position that is missing for longest."""
        gap = connection.execute(GAP).fetchone()
        if gap is None:
            self._gap = None
            return
        if gap != self._gap:
            self._gap, self._behind = gap, EVER
            self._scratch = Positions(self._batch.listings)
        user, symbol, _ = gap
        listed = connection.execute(LISTED, [symbol]).fetchone()
        if listed is None:  # its definition is set aside
            connection.execute(GIVE_UP, [user, symbol])
            return
        instrument, base, quote = listed
        key = {"user_id": user, "symbol": symbol, "behind": self._behind, "count": TAKEN, "base": base, "quote": quote}
        row = connection.execute(UNTIL, key).fetchone()
        until = row[0] if row and row[0] else ENDLESS
        for quantity, value in connection.execute(FILLS, key | {"until": until}):
            self._scratch.fill(user, instrument, int(quantity), int(value))
        self._behind = until
        if until == ENDLESS:
            self._finish(connection, listed)

    def committed(self) -> None:
        """The turn's transaction is: what it has made is known from now on."""
        if self._made is not None:
            self._batch.positions.know(*self._made)
        self._made = None

    def _finish(self, connection: psycopg.Connection, listed: tuple[int, Decimal, Decimal]) -> None:
        """All fills are taken: the position is there again."""
        assert self._gap is not None
        user, symbol, _ = self._gap
        instrument, base, quote = listed
        position = self._scratch.position(user, instrument)
        if position is None:
            connection.execute(GIVE_UP, [user, symbol])
            return
        quantity, cost, realised, fills = position
        try:
            with connection.transaction():
                connection.execute(CLOSE_GAP, [user, symbol])
                if fills:
                    values = [user, symbol, quantity, base, cost, quote, realised, quote, fills]
                    connection.execute(INSERT_POSITION, values)
        except psycopg.errors.IntegrityError as error:
            log.error("the database refuses a position", account=user, symbol=symbol, reason=str(error).strip())
            connection.execute(GIVE_UP, [user, symbol])
            return
        self._made = (user, instrument, position)
