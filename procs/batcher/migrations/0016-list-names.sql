-- What its client calls the list of two orders that an order belongs to.
-- depends: 0015-replacements

ALTER TABLE orders ADD COLUMN list_name text;

CREATE INDEX orders_list_name ON orders (user_id, list_name, order_id) WHERE list_name IS NOT NULL;
