-- The log time of the record that a ring's last event came of: with it a database is known from that of another history.
-- depends: 0005-requests

ALTER TABLE watermark ADD COLUMN time_ns bigint NOT NULL DEFAULT 0;
