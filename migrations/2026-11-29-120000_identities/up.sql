-- What providers know users by, and the personas that they last said a user has: a list of ids, as JSON.
CREATE TABLE identities (
    issuer       TEXT   NOT NULL,
    subject      TEXT   NOT NULL,
    principal_id TEXT   NOT NULL CONSTRAINT identities_are_one_each UNIQUE
        CONSTRAINT identities_have_principals REFERENCES principals (id) ON DELETE CASCADE,
    personas     TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    seen_at      BIGINT NOT NULL,
    CONSTRAINT identities_once PRIMARY KEY (issuer, subject)
);

-- The sessions that began at a provider: `sid` is what it calls its own session, and is empty if it did not say;
-- `authenticated_at` is when the person last proved to it who they are, and 0 if it did not say.
CREATE TABLE provider_sessions (
    key_id           TEXT   NOT NULL CONSTRAINT provider_sessions_once PRIMARY KEY
        CONSTRAINT provider_sessions_have_credentials REFERENCES credentials (key_id) ON DELETE CASCADE,
    provider         TEXT   NOT NULL,
    issuer           TEXT   NOT NULL,
    subject          TEXT   NOT NULL,
    sid              TEXT   NOT NULL,
    authenticated_at BIGINT NOT NULL
);
CREATE INDEX provider_sessions_by_sid ON provider_sessions (issuer, sid);

-- The logout tokens that were taken, as long as they could be taken once more.
CREATE TABLE logout_tokens (
    issuer     TEXT   NOT NULL,
    jti        TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT logout_tokens_once PRIMARY KEY (issuer, jti)
);
CREATE INDEX logout_tokens_expires_at ON logout_tokens (expires_at);
