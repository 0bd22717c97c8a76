-- Withdrawals that their owners ask for, with the times of their steps, and deposits that take two operators: both are rows of
-- `requests`, which are written in the transaction of everything else that their commands caused.
-- depends: 0011-history

CREATE INDEX requests_withdrawals ON requests (target_id, seq) WHERE request = 'WITHDRAWAL_REQUEST';
CREATE INDEX requests_money ON requests (target_id, "time") WHERE request IN (
    'DEPOSIT', 'WITHDRAWAL', 'ADJUSTMENT', 'WITHDRAWAL_DECISION');

CREATE VIEW withdrawals AS
SELECT
    r.seq AS withdrawal, r.target_id AS user_id, r.asset, r.amount, r.terms ->> 'destination' AS destination, r.cl_ord_id,
    CASE
        WHEN d.paid IS NOT NULL THEN 'PAID'
        WHEN d.rejected IS NOT NULL THEN 'REJECTED'
        WHEN d.cancelled IS NOT NULL THEN 'CANCELLED'
        WHEN d.approvals = 2 THEN 'APPROVED'
        WHEN d.approvals = 1 THEN 'APPROVED_ONCE'
        ELSE 'REQUESTED'
    END AS state,
    r."time" AS requested,
    d.approvers[1] AS first_approved_by, d.approved[1] AS first_approved,
    d.approvers[2] AS second_approved_by, d.approved[2] AS second_approved,
    d.ended_by, coalesce(d.paid, d.rejected, d.cancelled) AS ended
FROM requests AS r
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE s.terms ->> 'step' = 'APPROVE') AS approvals,
        array_agg(s.asked_by ORDER BY s.seq) FILTER (WHERE s.terms ->> 'step' = 'APPROVE') AS approvers,
        array_agg(s."time" ORDER BY s.seq) FILTER (WHERE s.terms ->> 'step' = 'APPROVE') AS approved,
        max(s.asked_by) FILTER (WHERE s.terms ->> 'step' <> 'APPROVE') AS ended_by,
        max(s."time") FILTER (WHERE s.terms ->> 'step' = 'PAID') AS paid,
        max(s."time") FILTER (WHERE s.terms ->> 'step' = 'REJECT') AS rejected,
        max(s."time") FILTER (WHERE s.terms ->> 'step' = 'CANCEL') AS cancelled
    FROM requests AS s
    WHERE s.approves = r.seq AND s.request = 'WITHDRAWAL_DECISION'
) AS d
WHERE r.request = 'WITHDRAWAL_REQUEST';

CREATE OR REPLACE VIEW proposals AS
SELECT
    p.seq AS proposal, p.request, p.asked_by AS proposed_by, a.asked_by AS approved_by, p.target_id, p.symbol, p.asset,
    p.amount, p.terms, p."time" AS proposed, a."time" AS approved, a.seq AS approval
FROM requests AS p
LEFT JOIN requests AS a ON a.approves = p.seq
WHERE p.approves IS NULL AND p.request IN ('ADJUSTMENT', 'CORRECTION_PROPOSAL', 'DEPOSIT_PROPOSAL');
