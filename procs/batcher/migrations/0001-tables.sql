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
    seq bigint NOT NULL
) WITH (fillfactor = 85);

CREATE INDEX orders_user ON orders (user_id, order_id);

CREATE TABLE balances (
    user_id integer NOT NULL,
    asset text NOT NULL,
    free numeric NOT NULL,
    held numeric NOT NULL,
    total numeric NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (user_id, asset)
) WITH (fillfactor = 50);

-- What the database has: of each ring (0 the router's, m that of matcher m) all events up to `number`.
CREATE TABLE watermark (
    ring smallint PRIMARY KEY,
    number bigint NOT NULL,
    seq bigint NOT NULL
);

INSERT INTO watermark SELECT ring, 0, 0 FROM generate_series(0, 8) AS ring;

-- One row: who may write. `claim` grows with every batcher that takes over; `journal_born_ns` names the journal.
CREATE TABLE writer (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL,
    claim bigint NOT NULL,
    journal_born_ns bigint NOT NULL,
    complete_seq bigint NOT NULL
);

INSERT INTO writer (epoch, claim, journal_born_ns, complete_seq) VALUES (0, 0, 0, 0);
