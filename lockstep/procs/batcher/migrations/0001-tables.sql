-- The venue's tables. Every row comes from events; `seq` is the sequence of the command behind its last change.
-- docs/protocols/database.md gives the meaning of every column.

CREATE TABLE users (
    id integer PRIMARY KEY,
    username text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    sender_comp_id text NOT NULL UNIQUE,
    created timestamptz NOT NULL,
    seq bigint NOT NULL
);

CREATE TABLE assets (
    id integer PRIMARY KEY,
    asset text NOT NULL UNIQUE,
    scale smallint NOT NULL,
    seq bigint NOT NULL
);

CREATE TABLE instruments (
    id integer PRIMARY KEY,
    symbol text NOT NULL UNIQUE,
    matcher smallint NOT NULL,
    base_asset integer NOT NULL REFERENCES assets (id),
    quote_asset integer NOT NULL REFERENCES assets (id),
    tick_mantissa bigint NOT NULL,
    price_scale smallint NOT NULL,
    lot_mantissa bigint NOT NULL,
    quantity_scale smallint NOT NULL,
    tick numeric NOT NULL GENERATED ALWAYS AS (trim_scale(tick_mantissa / power(10::numeric, price_scale))) STORED,
    lot numeric NOT NULL GENERATED ALWAYS AS (trim_scale(lot_mantissa / power(10::numeric, quantity_scale))) STORED,
    maker_fee_ppm integer NOT NULL,
    taker_fee_ppm integer NOT NULL,
    seq bigint NOT NULL
);

-- No foreign keys below: one writer fills these from an ordered log, `lockstep verify` compares every row with its
-- replay, and a look-up for each row would halve the speed of loading. The fill factor leaves room for an update in
-- the row's own page, which then touches no index.
CREATE TABLE orders (
    order_id bigint PRIMARY KEY,
    user_id integer NOT NULL,
    symbol text NOT NULL,
    cl_ord_id text NOT NULL,
    side text NOT NULL,
    type text NOT NULL,
    time_in_force text NOT NULL,
    price numeric NOT NULL,
    quantity numeric NOT NULL,
    filled numeric NOT NULL,
    remaining numeric NOT NULL,
    state text NOT NULL,
    created timestamptz NOT NULL,
    updated timestamptz NOT NULL,
    seq bigint NOT NULL,
    stop_price numeric,
    trail numeric,
    display numeric,
    minimum numeric,
    expires timestamptz,
    budget numeric,
    post_only boolean NOT NULL DEFAULT false,
    slide boolean NOT NULL DEFAULT false,
    self_trade text NOT NULL DEFAULT 'NONE',
    list_kind text,
    mate_order_id bigint,
    end_reason text,
    prevented numeric NOT NULL DEFAULT 0,
    -- A column of its own, so that no other change of an order touches the index in which it is.
    is_open boolean NOT NULL DEFAULT false,
    first_cl_ord_id text,
    list_name text
) WITH (fillfactor = 85);

CREATE INDEX orders_account ON orders (user_id, is_open, order_id);
CREATE INDEX orders_client ON orders (user_id, cl_ord_id);
CREATE INDEX orders_list_name ON orders (user_id, list_name, order_id) WHERE list_name IS NOT NULL;

-- Every replace of an order.
CREATE TABLE replacements (
    matcher smallint NOT NULL,
    number bigint NOT NULL,
    order_id bigint NOT NULL,
    symbol text NOT NULL,
    cl_ord_id text NOT NULL,
    old_price numeric NOT NULL,
    price numeric NOT NULL,
    old_remaining numeric NOT NULL,
    remaining numeric NOT NULL,
    kept_priority boolean NOT NULL,
    "time" timestamptz NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (matcher, number)
);

CREATE INDEX replacements_order ON replacements (order_id, seq);

CREATE TABLE balances (
    user_id integer NOT NULL,
    asset text NOT NULL,
    free numeric NOT NULL,
    held numeric NOT NULL,
    total numeric NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (user_id, asset)
) WITH (fillfactor = 50);

-- Trades, by time: a hypertable where the server has preloaded TimescaleDB, else partitions of a day that the batcher makes ahead.
DO $$
DECLARE
    columns CONSTANT text := '
        matcher smallint NOT NULL,
        trade_id bigint NOT NULL,
        symbol text NOT NULL,
        price numeric NOT NULL,
        quantity numeric NOT NULL,
        maker_order_id bigint NOT NULL,
        maker_user_id integer NOT NULL,
        taker_order_id bigint NOT NULL,
        taker_user_id integer NOT NULL,
        taker_side text NOT NULL,
        maker_fee numeric NOT NULL,
        taker_fee numeric NOT NULL,
        "time" timestamptz NOT NULL,
        seq bigint NOT NULL,
        auction boolean NOT NULL DEFAULT false,
        PRIMARY KEY (matcher, trade_id, "time")';
BEGIN
    -- Its loader has this setting once it is preloaded; installed alone, the extension can't be created.
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
        AND current_setting('timescaledb.disable_load', true) IS NOT NULL
    THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
        EXECUTE format('CREATE TABLE trades (%s)', columns);
        EXECUTE format(
            'SELECT %s.create_hypertable(%L, %L, chunk_time_interval => INTERVAL %L)',
            (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'timescaledb'),
            'trades', 'time', '1 day'
        );
    ELSE
        EXECUTE format('CREATE TABLE trades (%s) PARTITION BY RANGE ("time")', columns);
    END IF;
END
$$;

CREATE INDEX trades_symbol ON trades (symbol, "time");
CREATE INDEX trades_maker_account ON trades (maker_user_id, symbol, "time");
CREATE INDEX trades_taker_account ON trades (taker_user_id, symbol, "time");
CREATE INDEX trades_maker_order ON trades (maker_order_id);
CREATE INDEX trades_taker_order ON trades (taker_order_id);

-- Trades that self-trade prevention kept from happening, with what each of their orders lost.
CREATE TABLE prevented_matches (
    matcher smallint NOT NULL,
    prevented_match_id bigint NOT NULL,
    symbol text NOT NULL,
    price numeric NOT NULL,
    quantity numeric NOT NULL,
    maker_order_id bigint NOT NULL,
    maker_user_id integer NOT NULL,
    maker_prevented numeric NOT NULL,
    taker_order_id bigint NOT NULL,
    taker_user_id integer NOT NULL,
    taker_prevented numeric NOT NULL,
    taker_side text NOT NULL,
    self_trade text NOT NULL,
    trade_group bigint,
    "time" timestamptz NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (prevented_match_id, matcher)
);

CREATE INDEX prevented_matches_maker ON prevented_matches (maker_order_id, prevented_match_id);

CREATE INDEX prevented_matches_taker ON prevented_matches (taker_order_id, prevented_match_id);

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
    seq bigint NOT NULL,
    scope text
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

-- Who asked for what: from the log's records, written in the transaction of everything else that their commands caused.
CREATE TABLE requests (
    seq bigint PRIMARY KEY,
    request text NOT NULL,
    asked_by integer,
    approves bigint,
    target_id integer,
    symbol text,
    asset text,
    amount numeric,
    cl_ord_id text,
    terms jsonb NOT NULL,
    "time" timestamptz NOT NULL
);

CREATE INDEX requests_approves ON requests (approves) WHERE approves IS NOT NULL;

CREATE INDEX requests_withdrawals ON requests (target_id, seq) WHERE request = 'WITHDRAWAL_REQUEST';
CREATE INDEX requests_money ON requests (target_id, "time") WHERE request IN (
    'DEPOSIT', 'WITHDRAWAL', 'ADJUSTMENT', 'WITHDRAWAL_DECISION');

-- What this server refuses to take as a row, with why: kept in order, apart from the rows that it did take.
CREATE TABLE refused_rows (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation text NOT NULL,
    is_change boolean NOT NULL,
    key text NOT NULL,
    seq bigint NOT NULL,
    sqlstate text NOT NULL,
    reason text NOT NULL,
    fields jsonb NOT NULL,
    refused timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX refused_rows_key ON refused_rows (relation, key);

-- What the database has: of each ring (0 the router's, m that of matcher m) all events up to `number`. The log time
-- of the record behind the last one tells a database from that of another history.
CREATE TABLE watermark (
    ring smallint PRIMARY KEY,
    number bigint NOT NULL,
    seq bigint NOT NULL,
    time_ns bigint NOT NULL DEFAULT 0
);

INSERT INTO watermark SELECT ring, 0, 0 FROM generate_series(0, 8) AS ring;

-- One row: who may write. `claim` grows with every batcher that takes over; `journal_born_ns` names the journal;
-- `boot` and `node` say which start of which node began the epoch. `requests` has what the log has up to `requests_seq`.
CREATE TABLE writer (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL,
    claim bigint NOT NULL,
    journal_born_ns bigint NOT NULL,
    complete_seq bigint NOT NULL,
    requests_seq bigint NOT NULL DEFAULT 0,
    boot text NOT NULL DEFAULT '',
    node text NOT NULL DEFAULT ''
);

INSERT INTO writer (epoch, claim, journal_born_ns, complete_seq) VALUES (0, 0, 0, 0);

-- Candles of five intervals, from which queries make the other eleven: an interval without a trade has no row.
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

-- Positions as the batcher keeps them, so that they need not be added up from all trades; the view needs no table.
CREATE TABLE position_states (
    user_id integer NOT NULL,
    symbol text NOT NULL,
    quantity numeric NOT NULL,
    cost numeric NOT NULL,
    realised numeric NOT NULL,
    fills bigint NOT NULL,
    PRIMARY KEY (user_id, symbol)
) WITH (fillfactor = 50);

-- Positions that position_states does not have, because a correction, or a row that was refused, has changed what they
-- are made of: the batcher works them out again. `version` tells one change from the next;
-- who is given up is not kept: its position is beyond all bounds, or refused by a table that was altered by hand.
CREATE TABLE position_gaps (
    user_id integer NOT NULL,
    symbol text NOT NULL,
    version bigint GENERATED ALWAYS AS IDENTITY,
    is_given_up boolean NOT NULL DEFAULT false,
    PRIMARY KEY (user_id, symbol)
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

CREATE VIEW withdrawals AS
SELECT
    r.seq AS withdrawal, r.target_id AS user_id, r.asset, r.amount, r.terms ->> 'destination' AS destination, r.cl_ord_id,
    CASE
        WHEN d.paid IS NOT NULL THEN 'PAID'
        WHEN d.rejected IS NOT NULL THEN 'REJECTED'
        WHEN d.cancelled IS NOT NULL THEN 'CANCELLED'
        WHEN d.approvals = 2 THEN 'APPROVED'
        WHEN d.approvals = 1 THEN 'APPROVED_ONCE'
        ELSE 'REQUESTED'
    END AS state,
    r."time" AS requested,
    d.approvers[1] AS first_approved_by, d.approved[1] AS first_approved,
    d.approvers[2] AS second_approved_by, d.approved[2] AS second_approved,
    d.ended_by, coalesce(d.paid, d.rejected, d.cancelled) AS ended
FROM requests AS r
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE s.terms ->> 'step' = 'APPROVE') AS approvals,
        array_agg(s.asked_by ORDER BY s.seq) FILTER (WHERE s.terms ->> 'step' = 'APPROVE') AS approvers,
        array_agg(s."time" ORDER BY s.seq) FILTER (WHERE s.terms ->> 'step' = 'APPROVE') AS approved,
        max(s.asked_by) FILTER (WHERE s.terms ->> 'step' <> 'APPROVE') AS ended_by,
        max(s."time") FILTER (WHERE s.terms ->> 'step' = 'PAID') AS paid,
        max(s."time") FILTER (WHERE s.terms ->> 'step' = 'REJECT') AS rejected,
        max(s."time") FILTER (WHERE s.terms ->> 'step' = 'CANCEL') AS cancelled
    FROM requests AS s
    WHERE s.approves = r.seq AND s.request = 'WITHDRAWAL_DECISION'
) AS d
WHERE r.request = 'WITHDRAWAL_REQUEST';

CREATE VIEW proposals AS
SELECT
    p.seq AS proposal, p.request, p.asked_by AS proposed_by, a.asked_by AS approved_by, p.target_id, p.symbol, p.asset,
    p.amount, p.terms, p."time" AS proposed, a."time" AS approved, a.seq AS approval
FROM requests AS p
LEFT JOIN requests AS a ON a.approves = p.seq
WHERE p.approves IS NULL AND p.request IN (
    'ADJUSTMENT', 'CORRECTION_PROPOSAL', 'DEPOSIT_PROPOSAL', 'PASSWORD_RESET', 'WITHDRAWAL_PROPOSAL',
    'DEPOSIT_LIMIT_PROPOSAL');

-- The first order id from a time on: ids and times of orders grow together, so halving finds it, without an index on times.
CREATE FUNCTION first_order_at(since timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 1;
    high bigint := coalesce((SELECT max(order_id) FROM orders), 0) + 1;
    middle bigint;
    found record;
BEGIN
    WHILE low < high LOOP
        middle := low + (high - low) / 2;
        SELECT order_id, created INTO found FROM orders WHERE order_id >= middle ORDER BY order_id LIMIT 1;
        IF found.order_id IS NULL OR found.created >= since THEN
            high := middle;
        ELSE
            low := found.order_id + 1;
        END IF;
    END LOOP;
    RETURN low;
END
$$;
