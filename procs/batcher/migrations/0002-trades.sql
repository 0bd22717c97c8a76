-- Trades, by time: a hypertable where the server has preloaded TimescaleDB, else partitions of a day that the batcher makes ahead.
-- depends: 0001-tables

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

CREATE INDEX trades_maker ON trades (maker_user_id, "time");

CREATE INDEX trades_taker ON trades (taker_user_id, "time");

CREATE INDEX trades_symbol ON trades (symbol, "time");
