-- The settings of API keys as OAuth clients: audiences, public keys and trust rules, as one JSON document.
CREATE TABLE oauth_clients (
    principal_id TEXT   NOT NULL CONSTRAINT oauth_clients_once PRIMARY KEY
        CONSTRAINT oauth_clients_are_api_keys REFERENCES api_keys (id) ON DELETE CASCADE,
    settings     TEXT   NOT NULL,
    updated_at   BIGINT NOT NULL
);
