-- From where users have signed in, so that a start does not make everybody a stranger: marks that only the pepper makes.
CREATE TABLE familiar_networks (
    principal_id TEXT   NOT NULL
        CONSTRAINT familiar_networks_have_principals REFERENCES principals (id) ON DELETE CASCADE,
    mark         TEXT   NOT NULL,
    seen_at      BIGINT NOT NULL,
    CONSTRAINT familiar_networks_once PRIMARY KEY (principal_id, mark)
);
CREATE INDEX familiar_networks_seen_at ON familiar_networks (seen_at);
