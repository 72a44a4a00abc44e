-- How, from where and when sessions began. Sessions that began before have no row.
CREATE TABLE session_origins (
    key_id   TEXT   NOT NULL CONSTRAINT session_origins_once PRIMARY KEY
             CONSTRAINT session_origins_have_credentials REFERENCES credentials (key_id) ON DELETE CASCADE,
    kind     TEXT   NOT NULL CONSTRAINT session_origins_kind_known
             CHECK (kind IN ('password', 'provider', 'token', 'program', 'impersonation')),
    address  TEXT   NOT NULL,
    began_at BIGINT NOT NULL
);
