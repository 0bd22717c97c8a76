-- Candles of five intervals, from which queries make the other eleven: an interval without a trade has no row.
-- depends: 0007-author

CREATE TABLE candles (
    symbol text NOT NULL,
    "interval" text NOT NULL,
    "time" timestamptz NOT NULL,
    open numeric NOT NULL,
    high numeric NOT NULL,
    low numeric NOT NULL,
    close numeric NOT NULL,
    volume numeric NOT NULL,
    quote_volume numeric NOT NULL,
    trades bigint NOT NULL,
    taker_buy_volume numeric NOT NULL,
    taker_buy_quote_volume numeric NOT NULL,
    PRIMARY KEY (symbol, "interval", "time")
) PARTITION BY LIST ("interval");

-- An interval's rows lie together, and have room to grow in their own page while the interval lasts.
CREATE TABLE candles_1s PARTITION OF candles FOR VALUES IN ('1s') WITH (fillfactor = 90);
CREATE TABLE candles_1m PARTITION OF candles FOR VALUES IN ('1m') WITH (fillfactor = 90);
CREATE TABLE candles_5m PARTITION OF candles FOR VALUES IN ('5m') WITH (fillfactor = 90);
CREATE TABLE candles_1h PARTITION OF candles FOR VALUES IN ('1h') WITH (fillfactor = 90);
CREATE TABLE candles_1d PARTITION OF candles FOR VALUES IN ('1d') WITH (fillfactor = 90);

-- Trades from `since` on, before `until`, have no candles yet: the batcher makes them, the latest first, and shortens the gap.
CREATE TABLE candle_gaps (
    symbol text PRIMARY KEY,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL
);

INSERT INTO candle_gaps
SELECT i.symbol, first."time", last."time" + INTERVAL '1 microsecond'
FROM instruments AS i
CROSS JOIN LATERAL (SELECT "time" FROM trades WHERE symbol = i.symbol ORDER BY "time" LIMIT 1) AS first
CROSS JOIN LATERAL (SELECT "time" FROM trades WHERE symbol = i.symbol ORDER BY "time" DESC LIMIT 1) AS last;

-- Make the candles that a span touches again, from trades and corrections as they are: each interval from the one below it.
CREATE FUNCTION remake_candles(which text, since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    origin CONSTANT timestamptz := '1970-01-01 00:00Z';
    step record;
    begins timestamptz := date_bin('1 second', since, origin);
    ends timestamptz := date_bin('1 second', until - INTERVAL '1 microsecond', origin) + INTERVAL '1 second';
BEGIN
    DELETE FROM candles WHERE symbol = which AND "interval" = '1s' AND "time" >= begins AND "time" < ends;
    INSERT INTO candles
    SELECT
        which, '1s', bin, (array_agg(price ORDER BY seq, trade_id))[1], max(price), min(price),
        (array_agg(price ORDER BY seq DESC, trade_id DESC))[1], sum(quantity), sum(price * quantity), count(*),
        coalesce(sum(quantity) FILTER (WHERE taker_side = 'BUY'), 0),
        coalesce(sum(price * quantity) FILTER (WHERE taker_side = 'BUY'), 0)
    FROM (
        SELECT
            date_bin('1 second', t."time", origin) AS bin, coalesce(c.new_price, t.price) AS price, t.quantity,
            t.taker_side, t.seq, t.trade_id
        FROM trades AS t
        LEFT JOIN corrections AS c ON c.matcher = t.matcher AND c.trade_id = t.trade_id
        WHERE t.symbol = which AND t."time" >= begins AND t."time" < ends
        AND (c.trade_id IS NULL OR c.new_price IS NOT NULL)
    ) AS standing
    GROUP BY bin;
    FOR step IN
        SELECT * FROM (VALUES
            (1, '1m', '1s', INTERVAL '1 minute'), (2, '5m', '1m', INTERVAL '5 minutes'),
            (3, '1h', '5m', INTERVAL '1 hour'), (4, '1d', '1h', INTERVAL '1 day')
        ) AS steps (place, name, below, length) ORDER BY place
    LOOP
        begins := date_bin(step.length, begins, origin);
        ends := date_bin(step.length, ends - INTERVAL '1 microsecond', origin) + step.length;
        DELETE FROM candles WHERE symbol = which AND "interval" = step.name AND "time" >= begins AND "time" < ends;
        INSERT INTO candles
        SELECT
            which, step.name, date_bin(step.length, "time", origin), (array_agg(open ORDER BY "time"))[1], max(high),
            min(low), (array_agg(close ORDER BY "time" DESC))[1], sum(volume), sum(quote_volume), sum(trades),
            sum(taker_buy_volume), sum(taker_buy_quote_volume)
        FROM candles
        WHERE symbol = which AND "interval" = step.below AND "time" >= begins AND "time" < ends
        GROUP BY 3;
    END LOOP;
END
$$;
