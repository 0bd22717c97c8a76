-- What may be lost with no harm to security: sessions of people, their profiles, who looked at what. Each statement may
-- be repeated, and a later version adds its own at the end.
CREATE SCHEMA IF NOT EXISTS identity;

CREATE TABLE IF NOT EXISTS identity.sessions (
    id text PRIMARY KEY,
    account integer NOT NULL,
    credential bytea NOT NULL,          -- a fingerprint of the password and rights that began it: with others it has ended
    refresh bytea NOT NULL,             -- SHA-256 of the refresh token that is good now
    begun timestamptz NOT NULL,
    used timestamptz NOT NULL,          -- when its refresh token was last used
    stepped_up timestamptz,             -- when the person last proved again who it is
    address text NOT NULL,
    agent text NOT NULL,
    ended timestamptz,
    why text,                           -- it has ended
    id_before text,                     -- before the last proof
    -- Other refresh tokens, as SHA-256 (`lockstep.procs.api.login.rotation`): `beside` are as good as `refresh`, `spent` are
    -- accepted for a short while after `rotated`.
    beside bytea[] NOT NULL DEFAULT '{}',
    spent bytea[] NOT NULL DEFAULT '{}',
    rotated timestamptz,
    proof bytea                         -- a fingerprint of the second factor of the last proof: another one proves nothing
);
CREATE INDEX IF NOT EXISTS sessions_of_account ON identity.sessions (account, begun) WHERE ended IS NULL;
CREATE INDEX IF NOT EXISTS sessions_by_id_before ON identity.sessions (id_before) WHERE ended IS NULL;
CREATE INDEX IF NOT EXISTS sessions_by_use ON identity.sessions (used);

CREATE TABLE IF NOT EXISTS identity.profiles (
    account integer PRIMARY KEY,
    display_name text NOT NULL,
    email text NOT NULL,
    language text NOT NULL,
    time_zone text NOT NULL,
    theme text NOT NULL,
    changed timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS identity.audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    time timestamptz NOT NULL,
    account integer NOT NULL,           -- who
    action text NOT NULL,
    subject text NOT NULL,              -- whose, or of what
    address text NOT NULL
);
CREATE INDEX IF NOT EXISTS audit_by_time ON identity.audit (time);
CREATE INDEX IF NOT EXISTS audit_of_account ON identity.audit (account, id);
