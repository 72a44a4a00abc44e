-- One schema for SQLite and PostgreSQL. Ids are UUIDs as text, instants are epoch milliseconds.

CREATE TABLE principals (
    id         TEXT    NOT NULL CONSTRAINT principals_id PRIMARY KEY,
    kind       TEXT    NOT NULL CONSTRAINT principals_kind_known CHECK (kind IN ('user', 'service_account')),
    username   TEXT    NOT NULL CONSTRAINT principals_username_unique UNIQUE,
    role       TEXT    NOT NULL,
    enabled    BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL
);

CREATE TABLE users (
    id            TEXT NOT NULL CONSTRAINT users_id PRIMARY KEY
                  CONSTRAINT users_are_principals REFERENCES principals (id) ON DELETE CASCADE,
    display_name  TEXT NOT NULL,
    email         TEXT NOT NULL,
    password_hash TEXT NOT NULL
);

-- `expires_at` of a key that never expires is the largest BIGINT, `last_used_at` of one never used is 0:
-- so both sort, compare and page without NULLs, whose order differs between the two databases.
CREATE TABLE api_keys (
    id                  TEXT   NOT NULL CONSTRAINT api_keys_id PRIMARY KEY
                        CONSTRAINT api_keys_are_principals REFERENCES principals (id) ON DELETE CASCADE,
    display_name        TEXT   NOT NULL,
    display_name_folded TEXT   NOT NULL,
    description         TEXT   NOT NULL,
    validity_seconds    BIGINT NOT NULL CONSTRAINT api_keys_validity_positive CHECK (validity_seconds > 0),
    created_by          TEXT   NOT NULL,
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL,
    expires_at          BIGINT NOT NULL,
    last_used_at        BIGINT NOT NULL
);
CREATE INDEX api_keys_by_created_at ON api_keys (created_at, id);
CREATE INDEX api_keys_by_updated_at ON api_keys (updated_at, id);
CREATE INDEX api_keys_by_expires_at ON api_keys (expires_at, id);
CREATE INDEX api_keys_by_last_used_at ON api_keys (last_used_at, id);
CREATE INDEX api_keys_by_display_name ON api_keys (display_name);
CREATE INDEX api_keys_by_display_name_folded ON api_keys (display_name_folded, id);
CREATE INDEX api_keys_by_created_by ON api_keys (created_by, id);

CREATE TABLE credentials (
    key_id       TEXT   NOT NULL CONSTRAINT credentials_key_id PRIMARY KEY,
    kind         TEXT   NOT NULL CONSTRAINT credentials_kind_known CHECK (kind IN ('api_key', 'personal', 'session')),
    principal_id TEXT   NOT NULL
                 CONSTRAINT credentials_have_principals REFERENCES principals (id) ON DELETE CASCADE,
    digest       TEXT   NOT NULL,
    pepper       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX credentials_by_principal ON credentials (principal_id);
CREATE INDEX credentials_by_kind_and_expiry ON credentials (kind, expires_at);

CREATE TABLE principal_permissions (
    principal_id TEXT NOT NULL
                 CONSTRAINT principal_permissions_have_principals REFERENCES principals (id) ON DELETE CASCADE,
    permission   TEXT NOT NULL,
    CONSTRAINT principal_permissions_once PRIMARY KEY (principal_id, permission)
);

CREATE TABLE personas (
    id             TEXT    NOT NULL CONSTRAINT personas_id PRIMARY KEY,
    qualified_name TEXT    NOT NULL CONSTRAINT personas_qualified_name_unique UNIQUE,
    name           TEXT    NOT NULL CONSTRAINT personas_name_unique UNIQUE,
    display_name   TEXT    NOT NULL,
    description    TEXT    NOT NULL,
    enabled        BOOLEAN NOT NULL,
    created_by     TEXT    NOT NULL,
    created_at     BIGINT  NOT NULL,
    updated_at     BIGINT  NOT NULL
);
CREATE INDEX personas_by_created_at ON personas (created_at, id);

CREATE TABLE persona_links (
    principal_id TEXT NOT NULL
                 CONSTRAINT persona_links_have_principals REFERENCES principals (id) ON DELETE CASCADE,
    persona_id   TEXT NOT NULL
                 CONSTRAINT persona_links_have_personas REFERENCES personas (id) ON DELETE CASCADE,
    CONSTRAINT persona_links_once PRIMARY KEY (principal_id, persona_id)
);
CREATE INDEX persona_links_by_persona ON persona_links (persona_id, principal_id);

-- Which API key a create request made, so that its retry makes no second one.
CREATE TABLE create_requests (
    owner_id    TEXT   NOT NULL,
    request_key TEXT   NOT NULL,
    body_digest TEXT   NOT NULL,
    api_key_id  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    CONSTRAINT create_requests_once PRIMARY KEY (owner_id, request_key)
);
CREATE INDEX create_requests_by_created_at ON create_requests (created_at);

-- The audit trail and the invalidation feed in one.
CREATE TABLE changes (
    id           TEXT   NOT NULL CONSTRAINT changes_id PRIMARY KEY,
    changed_at   BIGINT NOT NULL,
    actor_id     TEXT   NOT NULL,
    actor_name   TEXT   NOT NULL,
    action       TEXT   NOT NULL,
    subject_kind TEXT   NOT NULL CONSTRAINT changes_subject_kind_known CHECK (subject_kind IN ('principal', 'persona')),
    subject_id   TEXT   NOT NULL,
    subject_name TEXT   NOT NULL,
    request_id   TEXT   NOT NULL
);
CREATE INDEX changes_by_changed_at ON changes (changed_at, id);
CREATE INDEX changes_by_actor ON changes (actor_id, changed_at);
CREATE INDEX changes_by_subject ON changes (subject_id, changed_at);

-- The peppers this database's digests were made with, by fingerprint: a start with none of them is refused.
CREATE TABLE peppers (
    id            TEXT   NOT NULL CONSTRAINT peppers_id PRIMARY KEY,
    place         BIGINT NOT NULL CONSTRAINT peppers_place_unique UNIQUE,
    first_used_at BIGINT NOT NULL
);
