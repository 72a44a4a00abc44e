-- Uses and refusals of each API key per hour of UTC, and per day once the hours are old. Instants are epoch milliseconds.
CREATE TABLE hourly_uses (
    starts_at    BIGINT NOT NULL,
    principal_id TEXT   NOT NULL CONSTRAINT hourly_uses_have_keys REFERENCES api_keys (id) ON DELETE CASCADE,
    uses         BIGINT NOT NULL,
    refusals     BIGINT NOT NULL,
    CONSTRAINT hourly_uses_once PRIMARY KEY (starts_at, principal_id)
);
CREATE INDEX hourly_uses_principal_id ON hourly_uses (principal_id, starts_at);
CREATE INDEX hourly_uses_refused ON hourly_uses (starts_at, principal_id) WHERE refusals > 0;

CREATE TABLE daily_uses (
    starts_at    BIGINT NOT NULL,
    principal_id TEXT   NOT NULL CONSTRAINT daily_uses_have_keys REFERENCES api_keys (id) ON DELETE CASCADE,
    uses         BIGINT NOT NULL,
    refusals     BIGINT NOT NULL,
    CONSTRAINT daily_uses_once PRIMARY KEY (principal_id, starts_at)
);
CREATE INDEX daily_uses_starts_at ON daily_uses (starts_at);

-- The networks from which each API key was used or refused: an IPv4 address, or the /64 of an IPv6 address.
CREATE TABLE key_networks (
    principal_id  TEXT   NOT NULL CONSTRAINT key_networks_have_keys REFERENCES api_keys (id) ON DELETE CASCADE,
    network       TEXT   NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    refusals      BIGINT NOT NULL,
    CONSTRAINT key_networks_once PRIMARY KEY (principal_id, network)
);
