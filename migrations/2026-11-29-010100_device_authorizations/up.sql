-- Device authorizations (RFC 8628), until they are fetched or expire. The codes are stored as HMACs under the pepper.
-- `approved_by` is the key id of the session in which the user approved; the approval is void once that session has ended.
CREATE TABLE device_authorizations (
    device_digest TEXT   NOT NULL CONSTRAINT device_authorizations_key PRIMARY KEY,
    user_digest   TEXT   NOT NULL CONSTRAINT device_authorizations_user_code UNIQUE,
    client        TEXT   NOT NULL,
    address       TEXT   NOT NULL,
    network       TEXT   NOT NULL,
    network_group TEXT   NOT NULL,
    decision      TEXT   NOT NULL CONSTRAINT device_authorizations_decision
                  CHECK (decision IN ('pending', 'approved', 'denied')),
    approved_by   TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    CONSTRAINT device_authorizations_approver CHECK ((decision = 'approved') = (approved_by <> ''))
);
CREATE INDEX device_authorizations_expires_at ON device_authorizations (expires_at);
CREATE INDEX device_authorizations_network ON device_authorizations (network, expires_at);
CREATE INDEX device_authorizations_network_group ON device_authorizations (network_group, expires_at);
