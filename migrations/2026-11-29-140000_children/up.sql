-- The keys that sign child tokens, sealed with a key derived from the pepper of that id. Instants are epoch milliseconds.
CREATE TABLE signing_keys (
    id         TEXT   NOT NULL CONSTRAINT signing_keys_once PRIMARY KEY,
    algorithm  TEXT   NOT NULL,
    sealed     TEXT   NOT NULL,
    pepper     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    signs_from BIGINT NOT NULL,
    retires_at BIGINT NOT NULL
);

-- The ids of child tokens that were revoked before they expired.
CREATE TABLE revoked_children (
    id         TEXT   NOT NULL CONSTRAINT revoked_children_once PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX revoked_children_expires_at ON revoked_children (expires_at);

-- Who acted for the actor of a change, by token exchange: user names, the latest first, separated by commas; empty if nobody did.
ALTER TABLE changes ADD COLUMN acted_by TEXT NOT NULL DEFAULT '';
