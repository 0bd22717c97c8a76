-- What this server refuses to take as a row, with why: kept in order, beside the rows that it did take.
-- depends: 0003-venue

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
