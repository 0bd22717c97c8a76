-- Trades that self-trade prevention kept from happening, with what each of their orders lost.
-- depends: 0013-password-resets

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
