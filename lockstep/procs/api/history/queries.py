"""The questions, as SQL. Whose rows are read is always a parameter of its own: no account sees another's."""

from __future__ import annotations

WATERMARK = """
    SELECT (SELECT complete_seq FROM writer), array_agg(number ORDER BY ring), max(time_ns) / 1000 FROM watermark
"""
# Of an order: the last match that it lost by. Its index gives it.
LAST_PREVENTED = """
    greatest((
        SELECT p.prevented_match_id FROM prevented_matches AS p
        WHERE p.taker_order_id = orders.order_id AND p.self_trade <> 'CANCEL_OLDEST'
        ORDER BY p.prevented_match_id DESC LIMIT 1
    ), (
        SELECT p.prevented_match_id FROM prevented_matches AS p
        WHERE p.maker_order_id = orders.order_id AND p.maker_prevented > 0
        ORDER BY p.prevented_match_id DESC LIMIT 1
    ))
"""
ORDER_COLUMNS = f"""
    order_id, user_id, symbol, cl_ord_id, side, type, time_in_force, price::text, quantity::text, filled::text,
    remaining::text, prevented::text, state, end_reason, stop_price::text, trail::text, display::text, minimum::text,
    budget::text, (extract(epoch FROM expires) * 1000000)::bigint AS expires_us, post_only, slide, self_trade,
    list_kind, mate_order_id, list_name, is_open, (extract(epoch FROM created) * 1000000)::bigint AS created_us,
    (extract(epoch FROM updated) * 1000000)::bigint AS updated_us, seq, CASE WHEN prevented > 0
    OR end_reason = 'SELF_TRADE' THEN {LAST_PREVENTED} END AS prevented_match
"""
ORDER = f"SELECT {ORDER_COLUMNS} FROM orders WHERE user_id = %(user_id)s AND order_id = %(order_id)s"
ORDER_BY_CLIENT_ID = f"""
    SELECT {ORDER_COLUMNS} FROM orders WHERE user_id = %(user_id)s AND cl_ord_id = %(cl_ord_id)s
    AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s) ORDER BY order_id DESC LIMIT 1
"""
# The first order of a list has the greater id.
ORDER_BY_LIST_NAME = f"""
    SELECT {ORDER_COLUMNS} FROM orders WHERE user_id = %(user_id)s AND list_name = %(list_name)s
    ORDER BY order_id DESC LIMIT 1
"""
VALUES = """
    SELECT o.order_id, (
        SELECT coalesce(sum(t.price * t.quantity), 0)::text FROM trades AS t
        WHERE (t.maker_order_id = o.order_id OR t.taker_order_id = o.order_id) AND t."time" >= %(since)s)
    FROM unnest(%(order_ids)s::bigint[]) AS o(order_id)
"""
OPEN_ORDERS = f"""
    SELECT {ORDER_COLUMNS} FROM orders
    WHERE user_id = %(user_id)s AND is_open AND order_id > %(behind)s
    AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s) ORDER BY order_id LIMIT %(limit)s
"""
# By the accounts' own ids, which come in order: then no account is looked at behind the last one that is needed.
ALL_OPEN_ORDERS = f"""
    SELECT o.* FROM (SELECT id FROM users WHERE id >= %(user_behind)s ORDER BY id) AS u
    CROSS JOIN LATERAL (
        SELECT {ORDER_COLUMNS} FROM orders
        WHERE user_id = u.id AND is_open AND symbol = %(symbol)s
        AND (user_id, order_id) > (%(user_behind)s, %(behind)s) ORDER BY order_id LIMIT %(limit)s
    ) AS o
    ORDER BY u.id, o.order_id LIMIT %(limit)s
"""
# Those that are open and those that are not are two spans of an index.
ORDERS_OF = f"""
    (SELECT {ORDER_COLUMNS} FROM orders
    WHERE user_id = %(user_id)s AND is_open = {{is_open}} AND symbol = %(symbol)s AND order_id >= %(first)s
    AND order_id < %(end)s ORDER BY order_id {{way}} LIMIT %(limit)s)
"""
ORDERS, LAST_ORDERS = (
    " UNION ALL ".join(ORDERS_OF.format(is_open=is_open, way=way) for is_open in ("true", "false"))
    + f" ORDER BY order_id {way} LIMIT %(limit)s"
    for way in ("", "DESC")
)
FIRST_ORDER_AT = "SELECT first_order_at(%s)"

STANDING = "(c.trade_id IS NULL OR c.new_price IS NOT NULL)"
CORRECTED = "LEFT JOIN corrections AS c ON c.matcher = t.matcher AND c.trade_id = t.trade_id"
TRADE_COLUMNS = """
    t.matcher, t.trade_id, t.symbol, coalesce(c.new_price, t.price)::text AS price, t.quantity::text,
    (coalesce(c.new_price, t.price) * t.quantity)::text AS value, t.taker_side = 'SELL' AS buyer_is_maker, t.auction,
    (extract(epoch FROM t."time") * 1000000)::bigint AS time_us, t.seq
"""
SPAN = """
    t."time" >= %(since)s AND t."time" < %(end)s
    AND (%(first)s = 0 OR t.matcher = %(matcher)s AND t.trade_id >= %(first)s)
    AND (t.seq, t.trade_id) <= (%(last_seq)s, %(last_id)s) AND (t.seq, t.trade_id) > (%(seq)s, %(id)s)
"""
TRADES = f"""
    SELECT {TRADE_COLUMNS} FROM trades AS t {CORRECTED}
    WHERE t.symbol = %(symbol)s AND {SPAN} AND {STANDING} ORDER BY t."time", t.seq, t.trade_id LIMIT %(limit)s
"""
LAST_TRADES = TRADES.replace('t."time", t.seq, t.trade_id LIMIT', 't."time" DESC, t.seq DESC, t.trade_id DESC LIMIT')
# The next trade of the instrument's matcher from an id on, whatever its instrument is.
TRADE_TIME = """
    SELECT i.matcher, (
        SELECT t."time" FROM trades AS t WHERE t.matcher = i.matcher AND t.trade_id >= %(first)s
        ORDER BY t.matcher, t.trade_id LIMIT 1)
    FROM instruments AS i WHERE i.symbol = %(symbol)s
"""
FILL_COLUMNS = """
    t.matcher, t.trade_id, t.symbol, coalesce(c.new_price, t.price)::text AS price, t.quantity::text,
    (coalesce(c.new_price, t.price) * t.quantity)::text AS value, t."time" AS at,
    (extract(epoch FROM t."time") * 1000000)::bigint AS time_us, t.seq
"""
MAKER = f"""
    t.maker_order_id AS order_id, true AS is_maker, t.taker_side = 'SELL' AS is_buyer,
    coalesce(CASE t.taker_side WHEN 'SELL' THEN c.buyer_fee ELSE c.seller_fee END, t.maker_fee)::text AS fee,
    {FILL_COLUMNS} FROM trades AS t {CORRECTED}
"""
TAKER = f"""
    t.taker_order_id AS order_id, false AS is_maker, t.taker_side = 'BUY' AS is_buyer,
    coalesce(CASE t.taker_side WHEN 'BUY' THEN c.buyer_fee ELSE c.seller_fee END, t.taker_fee)::text AS fee,
    {FILL_COLUMNS} FROM trades AS t {CORRECTED}
"""
FILLS = f"""
    SELECT
        f.matcher, f.trade_id, f.order_id, f.symbol, f.price, f.quantity, f.value, f.fee, a.asset, f.is_buyer,
        f.is_maker, f.time_us, f.seq
    FROM (
        (SELECT {MAKER} WHERE t.maker_user_id = %(user_id)s AND t.symbol = %(symbol)s AND {SPAN} AND {STANDING}
        ORDER BY t."time", t.seq, t.trade_id LIMIT %(limit)s)
        UNION ALL
        (SELECT {TAKER} WHERE t.taker_user_id = %(user_id)s AND t.symbol = %(symbol)s AND {SPAN} AND {STANDING}
        ORDER BY t."time", t.seq, t.trade_id LIMIT %(limit)s)
    ) AS f
    JOIN instruments AS i ON i.symbol = f.symbol
    JOIN assets AS a ON a.id = CASE WHEN f.is_buyer THEN i.base_asset ELSE i.quote_asset END
    ORDER BY f.at, f.seq, f.trade_id, f.is_buyer DESC LIMIT %(limit)s
"""
LAST_FILLS = FILLS.replace(
    't."time", t.seq, t.trade_id LIMIT', 't."time" DESC, t.seq DESC, t.trade_id DESC LIMIT'
).replace("f.at, f.seq, f.trade_id, f.is_buyer DESC", "f.at DESC, f.seq DESC, f.trade_id DESC, f.is_buyer")
ORDER_FILLS = f"""
    SELECT
        f.matcher, f.trade_id, f.order_id, f.symbol, f.price, f.quantity, f.value, f.fee, a.asset, f.is_buyer,
        f.is_maker, f.time_us, f.seq
    FROM (
        (SELECT {MAKER} WHERE t.maker_order_id = %(order_id)s AND t.maker_user_id = %(user_id)s
        AND t."time" >= %(since)s AND (t.seq, t.trade_id) >= (%(seq)s, %(first)s) AND {STANDING})
        UNION ALL
        (SELECT {TAKER} WHERE t.taker_order_id = %(order_id)s AND t.taker_user_id = %(user_id)s
        AND t."time" >= %(since)s AND (t.seq, t.trade_id) >= (%(seq)s, %(first)s) AND {STANDING})
    ) AS f
    JOIN instruments AS i ON i.symbol = f.symbol
    JOIN assets AS a ON a.id = CASE WHEN f.is_buyer THEN i.base_asset ELSE i.quote_asset END
    ORDER BY f.seq, f.trade_id LIMIT %(limit)s
"""
CREATED = "SELECT created FROM orders WHERE order_id = %(order_id)s AND user_id = %(user_id)s"

# Replaces say what remained: what had been filled before each is added. A replace comes before the trades of its
# sequence. One pass over both: an order may have many thousands of each.
AMENDMENTS = """
    WITH placed AS (
        SELECT order_id, created, first_cl_ord_id FROM orders
        WHERE user_id = %(user_id)s AND order_id = %(order_id)s AND symbol = %(symbol)s
    ), replaced AS (
        SELECT r.*, coalesce(lag(r.cl_ord_id) OVER (ORDER BY r.seq), o.first_cl_ord_id) AS orig_cl_ord_id,
            0::numeric AS traded
        FROM placed AS o JOIN replacements AS r ON r.order_id = o.order_id
    ), both_kinds AS (
        SELECT r.*, sum(r.traded) OVER (ORDER BY r.seq, r.number NULLS LAST) AS filled FROM (
            SELECT
                number, order_id, symbol, cl_ord_id, orig_cl_ord_id, old_price, price, old_remaining, remaining,
                kept_priority, "time", seq, traded
            FROM replaced
            UNION ALL
            SELECT
                NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, t.seq, t.quantity
            FROM placed AS o JOIN trades AS t
            ON (t.maker_order_id = o.order_id OR t.taker_order_id = o.order_id) AND t."time" >= o.created
        ) AS r
    )
    SELECT
        order_id, symbol, cl_ord_id, orig_cl_ord_id, (old_remaining + filled)::text, (remaining + filled)::text,
        (extract(epoch FROM "time") * 1000000)::bigint, seq
    FROM both_kinds
    WHERE kept_priority AND price = old_price AND remaining < old_remaining AND seq >= %(first)s
    ORDER BY seq LIMIT %(limit)s
"""
# What either of its orders' accounts may see of a prevented match.
PREVENTED = """
    SELECT
        symbol, prevented_match_id, price::text, maker_order_id, maker_prevented::text, taker_order_id,
        taker_prevented::text, self_trade, trade_group, (extract(epoch FROM "time") * 1000000)::bigint
    FROM prevented_matches WHERE symbol = %(symbol)s AND
"""
# Ties: two matches of one id, of an instrument that has moved to another matcher, are of one page, as the next page
# begins after that id.
PREVENTED_PAGE = "ORDER BY prevented_match_id FETCH FIRST %(limit)s ROWS WITH TIES"
PREVENTED_MATCH = f"""
    {PREVENTED} prevented_match_id = %(match_id)s AND %(user_id)s IN (maker_user_id, taker_user_id)
    ORDER BY seq LIMIT %(limit)s
"""
# Each side's index gives a page: a large order has a hundred thousand of them, and no page may sort them all.
PREVENTED_MATCHES = f"""
    SELECT * FROM (
        ({PREVENTED} maker_order_id = %(order_id)s AND maker_user_id = %(user_id)s
            AND prevented_match_id >= %(first)s {PREVENTED_PAGE})
        UNION ALL
        ({PREVENTED} taker_order_id = %(order_id)s AND taker_user_id = %(user_id)s
            AND prevented_match_id >= %(first)s {PREVENTED_PAGE})
    ) AS both_sides {PREVENTED_PAGE}
"""

OF_SPAN = f"""
    SELECT t.trade_id FROM trades AS t {CORRECTED}
    WHERE t.symbol = %(symbol)s AND t."time" >= %(begins)s AND t."time" < %(ends)s AND {STANDING}
"""
FIRST_OF_SPAN = f'{OF_SPAN} ORDER BY t."time", t.seq, t.trade_id LIMIT 1'
LAST_OF_SPAN = f'{OF_SPAN} ORDER BY t."time" DESC, t.seq DESC, t.trade_id DESC LIMIT 1'
CANDLE_SUMS = """
    (array_agg(open ORDER BY "time"))[1]::text AS open, max(high)::text AS high, min(low)::text AS low,
    (array_agg(close ORDER BY "time" DESC))[1]::text AS close, sum(volume)::text AS volume,
    sum(quote_volume)::text AS quote_volume, sum(trades)::bigint AS trades,
    sum(taker_buy_volume)::text AS taker_buy_volume, sum(taker_buy_quote_volume)::text AS taker_buy_quote_volume
"""
STORED_CANDLES = """
    SELECT
        (extract(epoch FROM "time") * 1000000)::bigint, open::text, high::text, low::text, close::text, volume::text,
        quote_volume::text, trades, taker_buy_volume::text, taker_buy_quote_volume::text
    FROM candles
    WHERE symbol = %(symbol)s AND "interval" = %(stored)s AND "time" >= %(begins)s AND "time" < %(ends)s ORDER BY "time"
"""
MADE_CANDLES = f"""
    SELECT (extract(epoch FROM begins) * 1000000)::bigint, {CANDLE_SUMS} FROM (
        SELECT date_bin(%(length)s, "time", %(origin)s) AS begins, * FROM candles
        WHERE symbol = %(symbol)s AND "interval" = %(stored)s AND "time" >= %(begins)s AND "time" < %(ends)s
    ) AS stored
    GROUP BY begins
"""
# Candles that begin and end within stored ones: each is the sum of shorter ones at its ends and longer ones between.
# OFFSET keeps the pieces what they are, a span of an index each: as a join, PostgreSQL would read all candles.
PIECED_CANDLES = f"""
    SELECT (extract(epoch FROM p.bin) * 1000000)::bigint, {CANDLE_SUMS}
    FROM unnest(%(bins)s::timestamptz[], %(names)s::text[], %(froms)s::timestamptz[], %(untils)s::timestamptz[])
        AS p (bin, name, since, until)
    CROSS JOIN LATERAL (
        SELECT * FROM candles
        WHERE symbol = %(symbol)s AND "interval" = p.name AND "time" >= p.since AND "time" < p.until
        OFFSET 0
    ) AS stored
    GROUP BY p.bin
"""
MONTHS = MADE_CANDLES.replace('date_bin(%(length)s, "time", %(origin)s)', "date_trunc('month', \"time\", 'UTC')")
FIRST_CANDLE = 'SELECT min("time") FROM candles WHERE symbol = %(symbol)s AND "interval" = %(stored)s'
WINDOW = f"""
    SELECT %(symbol)s::text, {CANDLE_SUMS}, ({FIRST_OF_SPAN}), ({LAST_OF_SPAN}) FROM candles
    WHERE symbol = %(symbol)s AND (
        "interval" = '1m' AND "time" >= %(begins)s AND "time" < %(hour)s
        OR "interval" = '1h' AND "time" >= %(hour)s AND "time" < %(ends)s)
    HAVING count(*) > 0
"""
CLOSE_BEFORE = """
    SELECT close::text FROM candles WHERE symbol = %(symbol)s AND "interval" = %(stored)s AND "time" < %(begins)s
    ORDER BY "time" DESC LIMIT 1
"""
POSITION_COLUMNS = """
    p.user_id, p.symbol, p.quantity::text, p.cost::text, p.realised::text,
    CASE WHEN p.quantity <> 0 THEN (p.cost / p.quantity)::text END AS average_cost, p.fills
"""
# Those that are being worked out again are added up from their fills.
POSITIONS = f"""
    SELECT {POSITION_COLUMNS} FROM position_states AS p
    WHERE p.user_id = %(user_id)s AND (%(symbol)s::text IS NULL OR p.symbol = %(symbol)s)
    UNION ALL
    SELECT {POSITION_COLUMNS} FROM position_gaps AS g
    CROSS JOIN LATERAL (SELECT * FROM positions WHERE user_id = g.user_id AND symbol = g.symbol) AS p
    WHERE g.user_id = %(user_id)s AND (%(symbol)s::text IS NULL OR g.symbol = %(symbol)s)
    ORDER BY symbol
"""
ALL_POSITIONS = f"""
    SELECT * FROM (
        (SELECT {POSITION_COLUMNS} FROM position_states AS p WHERE (p.user_id, p.symbol) > (%(user_id)s, %(symbol)s)
        ORDER BY p.user_id, p.symbol LIMIT %(limit)s)
        UNION ALL
        (SELECT {POSITION_COLUMNS} FROM (
            SELECT * FROM position_gaps AS g WHERE (g.user_id, g.symbol) > (%(user_id)s, %(symbol)s)
            ORDER BY g.user_id, g.symbol LIMIT %(limit)s) AS g
        CROSS JOIN LATERAL (SELECT * FROM positions WHERE user_id = g.user_id AND symbol = g.symbol) AS p)
    ) AS p ORDER BY user_id, symbol LIMIT %(limit)s
"""
TAKEN = TRADES.replace("t.seq\n", "t.seq, t.taker_order_id\n", 1)
LAST_TAKEN = LAST_TRADES.replace("t.seq\n", "t.seq, t.taker_order_id\n", 1)

WITHDRAWALS = """
    SELECT
        withdrawal, cl_ord_id, asset, amount::text, destination, state,
        (extract(epoch FROM requested) * 1000000)::bigint, (extract(epoch FROM first_approved) * 1000000)::bigint,
        (extract(epoch FROM second_approved) * 1000000)::bigint, (extract(epoch FROM ended) * 1000000)::bigint
    FROM withdrawals WHERE user_id = %(user_id)s AND withdrawal < %(before)s ORDER BY withdrawal DESC LIMIT %(limit)s
"""
