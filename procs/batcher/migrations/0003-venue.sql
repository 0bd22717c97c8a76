-- What a whole venue's book does: orders' terms, phases, operators' actions, corrections; and positions, derived.
-- depends: 0002-trades

ALTER TABLE orders
    ADD COLUMN stop_price numeric,
    ADD COLUMN trail numeric,
    ADD COLUMN display numeric,
    ADD COLUMN minimum numeric,
    ADD COLUMN expires timestamptz,
    ADD COLUMN budget numeric,
    ADD COLUMN post_only boolean NOT NULL DEFAULT false,
    ADD COLUMN slide boolean NOT NULL DEFAULT false,
    ADD COLUMN self_trade text NOT NULL DEFAULT 'NONE',
    ADD COLUMN list_kind text,
    ADD COLUMN mate_order_id bigint,
    ADD COLUMN end_reason text,
    ADD COLUMN prevented numeric NOT NULL DEFAULT 0;

ALTER TABLE trades ADD COLUMN auction boolean NOT NULL DEFAULT false;

CREATE TABLE phases (
    matcher smallint NOT NULL,
    number bigint NOT NULL,
    symbol text NOT NULL,
    phase text NOT NULL,
    old_phase text NOT NULL,
    reason text NOT NULL,
    ends timestamptz,
    auction_price numeric,
    auction_quantity numeric,
    reference_price numeric,
    "time" timestamptz NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (matcher, number)
);

CREATE INDEX phases_symbol ON phases (symbol, seq);

CREATE TABLE actions (
    number bigint PRIMARY KEY,
    action text NOT NULL,
    user_id integer NOT NULL,
    session_id integer NOT NULL,
    target_id integer,
    symbol text,
    side text,
    is_on boolean,
    cl_ord_id text NOT NULL,
    asset text,
    amount numeric,
    proposal bigint,
    "time" timestamptz NOT NULL,
    seq bigint NOT NULL
);

CREATE INDEX actions_user ON actions (user_id, seq);

-- Not columns of `trades`: the router's ring may be loaded ahead of the matcher's that has the trade.
CREATE TABLE corrections (
    matcher smallint NOT NULL,
    trade_id bigint NOT NULL,
    symbol text NOT NULL,
    price numeric NOT NULL,
    quantity numeric NOT NULL,
    new_price numeric,
    buyer_id integer NOT NULL,
    seller_id integer NOT NULL,
    buyer_fee numeric NOT NULL,
    seller_fee numeric NOT NULL,
    "time" timestamptz NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (matcher, trade_id)
);

CREATE VIEW current_phases AS
SELECT i.id AS instrument, i.symbol, coalesce(p.phase, 'CONTINUOUS') AS phase, p."time" AS since, p.ends
FROM instruments AS i
LEFT JOIN LATERAL (SELECT * FROM phases WHERE symbol = i.symbol ORDER BY seq DESC, number DESC LIMIT 1) AS p ON true;

CREATE VIEW settled_trades AS
SELECT
    t.matcher, t.trade_id, t.symbol, coalesce(c.new_price, t.price) AS price, t.price AS original_price, t.quantity,
    CASE t.taker_side WHEN 'BUY' THEN t.taker_user_id ELSE t.maker_user_id END AS buyer_id,
    CASE t.taker_side WHEN 'BUY' THEN t.maker_user_id ELSE t.taker_user_id END AS seller_id,
    coalesce(c.buyer_fee, CASE t.taker_side WHEN 'BUY' THEN t.taker_fee ELSE t.maker_fee END) AS buyer_fee,
    coalesce(c.seller_fee, CASE t.taker_side WHEN 'BUY' THEN t.maker_fee ELSE t.taker_fee END) AS seller_fee,
    c.trade_id IS NOT NULL AND c.new_price IS NULL AS is_busted, t.auction, t."time", t.seq
FROM trades AS t
LEFT JOIN corrections AS c ON c.matcher = t.matcher AND c.trade_id = t.trade_id;

-- Average cost: docs/protocols/database.md has the formula.
CREATE TYPE position_state AS (quantity numeric, cost numeric, realised numeric);

-- a * b / c in whole units, cut toward zero. By div, whose quotient is an exact integer: numeric division rounds.
CREATE FUNCTION share(a numeric, b numeric, c numeric, unit numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN div(a * b, c * unit) * unit;

CREATE FUNCTION position_after(was position_state, change numeric, value numeric, unit numeric)
RETURNS position_state LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    side CONSTANT numeric := sign(change);
    after position_state := was;
    part numeric;
BEGIN
    after.quantity := was.quantity + change;
    IF was.quantity * side >= 0 THEN
        after.cost := was.cost + side * value;
    ELSIF abs(change) <= abs(was.quantity) THEN
        part := share(was.cost, abs(change), abs(was.quantity), unit);
        after.cost := was.cost - part;
        after.realised := was.realised - side * value - part;
    ELSE
        part := share(value, abs(was.quantity), abs(change), unit);
        after.cost := side * (value - part);
        after.realised := was.realised - side * part - was.cost;
    END IF;
    RETURN after;
END
$$;

CREATE AGGREGATE position_of(numeric, numeric, numeric) (
    SFUNC = position_after, STYPE = position_state, INITCOND = '(0,0,0)'
);

-- Two selects, so that a question about one user finds its trades by index.
CREATE VIEW fills AS
SELECT
    l.user_id, l.symbol, l.is_buyer, l.quantity, coalesce(c.new_price, l.price) AS price,
    coalesce(CASE WHEN l.is_buyer THEN c.buyer_fee ELSE c.seller_fee END, l.fee) AS fee, l.matcher, l.trade_id,
    l."time", l.seq
FROM (
    SELECT maker_user_id AS user_id, taker_side = 'SELL' AS is_buyer, maker_fee AS fee, trades.* FROM trades
    UNION ALL
    SELECT taker_user_id, taker_side = 'BUY', taker_fee, trades.* FROM trades
) AS l
LEFT JOIN corrections AS c ON c.matcher = l.matcher AND c.trade_id = l.trade_id
WHERE c.trade_id IS NULL OR c.new_price IS NOT NULL;

CREATE VIEW positions AS
WITH units AS MATERIALIZED (
    SELECT i.symbol, ('1e-' || a.scale)::numeric AS unit FROM instruments AS i JOIN assets AS a ON a.id = i.quote_asset
)
SELECT
    user_id, symbol, (position).quantity, (position).cost,
    CASE WHEN (position).quantity <> 0 THEN (position).cost / (position).quantity END AS average_cost,
    (position).realised, fills
FROM (
    SELECT
        f.user_id, f.symbol, count(*) AS fills,
        position_of(
            CASE WHEN f.is_buyer THEN f.quantity - f.fee ELSE -f.quantity END,
            CASE WHEN f.is_buyer THEN f.price * f.quantity ELSE f.price * f.quantity - f.fee END, u.unit
            ORDER BY f.seq, f.matcher, f.trade_id, f.is_buyer DESC
        ) AS position
    FROM fills AS f
    JOIN units AS u ON u.symbol = f.symbol
    GROUP BY f.user_id, f.symbol
) AS p;
