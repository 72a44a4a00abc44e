-- The running servers: how far each has read and applied the changes. A revocation is answered when every one of them
-- knows of it, or has lost its lease.
CREATE TABLE nodes (
    id              TEXT    NOT NULL CONSTRAINT nodes_once PRIMARY KEY,
    name            TEXT    NOT NULL,
    started_at      BIGINT  NOT NULL,
    lease           BIGINT  NOT NULL,
    acknowledged    TEXT    NOT NULL,
    acknowledged_at BIGINT  NOT NULL,
    silenced        BOOLEAN NOT NULL
);
