CREATE TABLE logout_tokens (
    issuer     TEXT   NOT NULL,
    jti        TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT logout_tokens_once PRIMARY KEY (issuer, jti)
);
CREATE INDEX logout_tokens_expires_at ON logout_tokens (expires_at);
INSERT INTO logout_tokens SELECT issuer, once, expires_at FROM used_tokens;
DROP TABLE used_tokens;
