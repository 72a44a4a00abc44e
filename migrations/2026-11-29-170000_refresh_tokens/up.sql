-- Whether the program asked for a refresh token (`offline_access`).
ALTER TABLE device_authorizations ADD COLUMN offline BOOLEAN NOT NULL DEFAULT FALSE;

-- Families of refresh tokens: one row for each session of a program that has one. `digest` is that of the latest token, the only one
-- that has not been used; `proof_key` is the thumbprint of the key that the family is bound to, or empty.
CREATE TABLE refresh_tokens (
    id         TEXT   NOT NULL CONSTRAINT refresh_tokens_key PRIMARY KEY,
    session_id TEXT   NOT NULL CONSTRAINT refresh_tokens_are_one_each UNIQUE
        CONSTRAINT refresh_tokens_have_sessions REFERENCES credentials (key_id) ON DELETE CASCADE,
    client     TEXT   NOT NULL,
    proof_key  TEXT   NOT NULL,
    digest     TEXT   NOT NULL,
    pepper     TEXT   NOT NULL,
    ends_at    BIGINT NOT NULL
);
