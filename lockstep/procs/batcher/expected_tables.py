"""The tables that a comparison looks at, and the temporary tables of the rows that should be in them."""

from __future__ import annotations

import psycopg
from psycopg import sql

from lockstep.core.rules.intervals import SECONDS, STORED

TYPED = """
    SELECT string_agg(format('%%I %%s', attname, format_type(atttypid, NULL)), ', ') FROM pg_attribute
    WHERE attrelid = %s::regclass AND attname = ANY(%s)
"""
TABLES: dict[str, tuple[int, tuple[str, ...]]] = {  # name -> (how many of the columns are the key, columns)
    "users": (1, ("id", "username", "password_hash", "sender_comp_id", "created", "seq")),
    "assets": (1, ("id", "asset", "scale", "seq")),
    "instruments": (
        1,
        (
            "id", "symbol", "matcher", "base_asset", "quote_asset", "tick_mantissa", "price_scale", "lot_mantissa",
            "quantity_scale", "maker_fee_ppm", "taker_fee_ppm", "seq",
        ),
    ),
    "orders": (
        1,
        (
            "order_id", "user_id", "symbol", "cl_ord_id", "side", "type", "time_in_force", "price", "quantity",
            "filled", "remaining", "prevented", "state", "stop_price", "trail", "display", "minimum", "expires",
            "budget", "post_only", "slide", "self_trade", "list_kind", "mate_order_id", "list_name", "end_reason",
            "is_open", "first_cl_ord_id", "created", "updated", "seq",
        ),
    ),
    "trades": (
        2,
        (
            "matcher", "trade_id", "symbol", "price", "quantity", "maker_order_id", "maker_user_id", "taker_order_id",
            "taker_user_id", "taker_side", "maker_fee", "taker_fee", "auction", "time", "seq",
        ),
    ),
    "balances": (2, ("user_id", "asset", "free", "held", "total", "seq")),
    "phases": (
        2,
        (
            "matcher", "number", "symbol", "phase", "old_phase", "reason", "ends", "auction_price", "auction_quantity",
            "reference_price", "time", "seq",
        ),
    ),
    "actions": (
        1,
        (
            "number", "action", "user_id", "session_id", "target_id", "symbol", "side", "scope", "is_on", "cl_ord_id",
            "asset", "amount", "proposal", "time", "seq",
        ),
    ),
    "requests": (
        1,
        (
            "seq", "request", "asked_by", "approves", "target_id", "symbol", "asset", "amount", "cl_ord_id", "terms",
            "time",
        ),
    ),
    "corrections": (
        2,
        (
            "matcher", "trade_id", "symbol", "price", "quantity", "new_price", "buyer_id", "seller_id", "buyer_fee",
            "seller_fee", "time", "seq",
        ),
    ),
    "prevented_matches": (
        2,
        (
            "matcher", "prevented_match_id", "symbol", "price", "quantity", "maker_order_id", "maker_user_id",
            "maker_prevented", "taker_order_id", "taker_user_id", "taker_prevented", "taker_side", "self_trade",
            "trade_group", "time", "seq",
        ),
    ),
    "replacements": (
        2,
        (
            "matcher", "number", "order_id", "symbol", "cl_ord_id", "old_price", "price", "old_remaining", "remaining",
            "kept_priority", "time", "seq",
        ),
    ),
    "candles": (
        3,
        (
            "symbol", "interval", "time", "open", "high", "low", "close", "volume", "quote_volume", "trades",
            "taker_buy_volume", "taker_buy_quote_volume",
        ),
    ),
    "position_states": (2, ("user_id", "symbol", "quantity", "cost", "realised", "fills")),
}  # fmt: skip
# Both follow from trades and corrections: here from those of the replay, each interval from the trades themselves.
CANDLES = f"""
    INSERT INTO expected_candles
    SELECT
        symbol, name, bin, (array_agg(price ORDER BY seq, trade_id))[1], max(price), min(price),
        (array_agg(price ORDER BY seq DESC, trade_id DESC))[1], sum(quantity), sum(price * quantity), count(*),
        sum(CASE taker_side WHEN 'BUY' THEN quantity ELSE 0 END),
        sum(CASE taker_side WHEN 'BUY' THEN price * quantity ELSE 0 END)
    FROM (
        SELECT
            t.symbol, i.name, date_bin(i.length, t."time", '2001-01-01 00:00Z') AS bin,
            coalesce(c.new_price, t.price) AS price, t.quantity, t.taker_side, t.seq, t.trade_id
        FROM expected_trades AS t
        LEFT JOIN expected_corrections AS c USING (matcher, trade_id)
        CROSS JOIN (VALUES {", ".join(f"('{name}', INTERVAL '{SECONDS[name]} seconds')" for name in STORED)})
        AS i (name, length)
        WHERE c.trade_id IS NULL OR c.new_price IS NOT NULL
    ) AS standing
    GROUP BY symbol, name, bin
"""
# In the order of the log, a purchase from oneself first.
POSITIONS = """
    INSERT INTO expected_position_states
    SELECT user_id, symbol, (position).quantity, (position).cost, (position).realised, fills FROM (
        SELECT
            user_id, f.symbol, count(*) AS fills,
            position_of(
                CASE WHEN buys THEN quantity - fee ELSE -quantity END,
                CASE WHEN buys THEN price * quantity ELSE price * quantity - fee END, ('1e-' || a.scale)::numeric
                ORDER BY f.seq, f.matcher, f.trade_id, f.buys DESC
            ) AS position
        FROM (
            SELECT
                side.user_id, side.buys, t.symbol, t.quantity, coalesce(c.new_price, t.price) AS price,
                coalesce(CASE WHEN side.buys THEN c.buyer_fee ELSE c.seller_fee END, side.fee) AS fee, t.seq,
                t.matcher, t.trade_id
            FROM expected_trades AS t
            LEFT JOIN expected_corrections AS c USING (matcher, trade_id)
            CROSS JOIN LATERAL (VALUES
                (t.taker_user_id, t.taker_side = 'BUY', t.taker_fee),
                (t.maker_user_id, t.taker_side = 'SELL', t.maker_fee)
            ) AS side (user_id, buys, fee)
            WHERE c.trade_id IS NULL OR c.new_price IS NOT NULL
        ) AS f
        JOIN expected_instruments AS i ON i.symbol = f.symbol
        JOIN expected_assets AS a ON a.id = i.quote_asset
        GROUP BY user_id, f.symbol
    ) AS made
"""
# What the batcher has yet to make again is not compared.
MISSING = {"position_states": "(user_id, symbol) NOT IN (SELECT user_id, symbol FROM position_gaps)"}


def create(connection: psycopg.Connection) -> None:
    """Create the temporary tables, of the same types, but without bounds that someone may have added."""
    for name, (_, columns) in TABLES.items():
        row = connection.execute(TYPED, [name, list(columns)]).fetchone()
        typed = sql.SQL(row[0] if row else "")
        connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} ({})").format(sql.Identifier(f"expected_{name}"), typed))


def columns_of(name: str) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, TABLES[name][1]))
