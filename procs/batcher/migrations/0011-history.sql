-- What finds orders and trades by account, client id and order. On full tables the batcher makes these indexes while the
-- venue goes on (procs/batcher/indexes.py).
-- depends: 0010-open-orders

UPDATE orders SET is_open = true WHERE state IN ('WAITING', 'NEW', 'TRIGGERED', 'PARTIALLY_FILLED');

UPDATE refused_rows
SET fields = fields || jsonb_build_object(
    'is_open', fields ->> 'state' IN ('WAITING', 'NEW', 'TRIGGERED', 'PARTIALLY_FILLED'))
WHERE relation = 'orders' AND NOT is_change;

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

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM orders) AND NOT EXISTS (SELECT FROM trades) THEN
        DROP INDEX orders_user, trades_maker, trades_taker;
        CREATE INDEX orders_account ON orders (user_id, is_open, order_id);
        CREATE INDEX orders_client ON orders (user_id, cl_ord_id);
        CREATE INDEX trades_maker_account ON trades (maker_user_id, symbol, "time");
        CREATE INDEX trades_taker_account ON trades (taker_user_id, symbol, "time");
        CREATE INDEX trades_maker_order ON trades (maker_order_id);
        CREATE INDEX trades_taker_order ON trades (taker_order_id);
    END IF;
END
$$;
