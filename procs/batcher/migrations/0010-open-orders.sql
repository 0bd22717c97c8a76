-- Whether an order is open: a column of its own, so that no other change of an order touches the index in which it is.
-- depends: 0009-positions

ALTER TABLE orders ADD COLUMN is_open boolean NOT NULL DEFAULT false;
