-- Resets of passwords: who proposed them, and who approved.
-- depends: 0012-withdrawals

CREATE OR REPLACE VIEW proposals AS
SELECT
    p.seq AS proposal, p.request, p.asked_by AS proposed_by, a.asked_by AS approved_by, p.target_id, p.symbol, p.asset,
    p.amount, p.terms, p."time" AS proposed, a."time" AS approved, a.seq AS approval
FROM requests AS p
LEFT JOIN requests AS a ON a.approves = p.seq
WHERE p.approves IS NULL AND p.request IN ('ADJUSTMENT', 'CORRECTION_PROPOSAL', 'DEPOSIT_PROPOSAL', 'PASSWORD_RESET', 'WITHDRAWAL_PROPOSAL', 'DEPOSIT_LIMIT_PROPOSAL');
