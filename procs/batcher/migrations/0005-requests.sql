-- A kill switch's scope has its own column; and who asked for money, corrections and limits, from the log's records.
-- depends: 0004-refused

ALTER TABLE actions ADD COLUMN scope text;

-- Until now a scope stood in `side`, where 1 is BUY and an account, 2 SELL and a session.
UPDATE actions SET scope = CASE side WHEN 'BUY' THEN 'ACCOUNT' WHEN 'SELL' THEN 'SESSION' END, side = NULL
WHERE action = 'KILL_SWITCH';

UPDATE refused_rows
SET fields = fields || jsonb_build_object(
    'scope', CASE fields ->> 'side' WHEN 'BUY' THEN 'ACCOUNT' WHEN 'SELL' THEN 'SESSION' END, 'side', NULL)
WHERE relation = 'actions' AND fields ->> 'action' = 'KILL_SWITCH';

CREATE TABLE requests (
    seq bigint PRIMARY KEY,
    request text NOT NULL,
    asked_by integer,
    approves bigint,
    target_id integer,
    symbol text,
    asset text,
    amount numeric,
    cl_ord_id text,
    terms jsonb NOT NULL,
    "time" timestamptz NOT NULL
);

CREATE INDEX requests_approves ON requests (approves) WHERE approves IS NOT NULL;

-- `requests` has what the log has up to here: the journal is read for it, which gives a database of before the older ones, too.
ALTER TABLE writer ADD COLUMN requests_seq bigint NOT NULL DEFAULT 0;

CREATE VIEW proposals AS
SELECT
    p.seq AS proposal, p.request, p.asked_by AS proposed_by, a.asked_by AS approved_by, p.target_id, p.symbol, p.asset,
    p.amount, p.terms, p."time" AS proposed, a."time" AS approved, a.seq AS approval
FROM requests AS p
LEFT JOIN requests AS a ON a.approves = p.seq
WHERE p.approves IS NULL AND p.request IN ('ADJUSTMENT', 'CORRECTION_PROPOSAL');
