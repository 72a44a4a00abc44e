-- What makes a token of a provider unique (the `jti` of a logout token, the `nonce` of an ID token), as long as the token
-- could be accepted once more.
CREATE TABLE used_tokens (
    issuer     TEXT   NOT NULL,
    once       TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT used_tokens_once PRIMARY KEY (issuer, once)
);
CREATE INDEX used_tokens_expires_at ON used_tokens (expires_at);
INSERT INTO used_tokens SELECT issuer, jti, expires_at FROM logout_tokens;
DROP TABLE logout_tokens;
