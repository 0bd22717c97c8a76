-- Every replace of an order, and the client id that an order had before the first one.
-- depends: 0014-prevented-matches

ALTER TABLE orders ADD COLUMN first_cl_ord_id text;

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
