-- Which start of which node began the epoch in which the database was last written: an epoch is one node's.
-- depends: 0006-times

ALTER TABLE writer
    ADD COLUMN boot text NOT NULL DEFAULT '',
    ADD COLUMN node text NOT NULL DEFAULT '';
