-- The log: an append-only Merkle tree (RFC 6962) over the changes. docs/log.md describes it.

-- Its only row. Whoever appends writes it first. `position` and `change_id` say which change was appended last; a position of -1
-- means that the changes have to be looked through from the beginning. `base` is the configured origin; after a restore `origin`
-- has something random at its end. The private key is sealed under the pepper.
CREATE TABLE log_state (
    place        BIGINT NOT NULL CONSTRAINT log_state_once PRIMARY KEY,
    base         TEXT   NOT NULL,
    origin       TEXT   NOT NULL,
    size         BIGINT NOT NULL,
    position     BIGINT NOT NULL,
    change_id    TEXT   NOT NULL,
    checkpoint   TEXT   NOT NULL,
    witnessed    TEXT   NOT NULL,
    appended_at  BIGINT NOT NULL,
    witnessed_at BIGINT NOT NULL,
    public_key   TEXT   NOT NULL,
    sealed       TEXT   NOT NULL,
    pepper       TEXT   NOT NULL
);

-- What was hashed for each change. `place` counts from 0 without a gap. There is no reference to `changes`: a row that was removed there
-- must remain provable.
CREATE TABLE log_leaves (
    place     BIGINT NOT NULL CONSTRAINT log_leaves_have_places PRIMARY KEY,
    change_id TEXT   NOT NULL CONSTRAINT log_leaves_once UNIQUE,
    entry     TEXT   NOT NULL
);

-- The hashes of the tree: 256 at most in each row, 64 hexadecimal digits each.
CREATE TABLE log_tiles (
    level  BIGINT NOT NULL,
    place  BIGINT NOT NULL,
    hashes TEXT   NOT NULL,
    CONSTRAINT log_tiles_once PRIMARY KEY (level, place)
);

-- The logs that ended with the restore of a backup: how far they agree with the one that goes on.
CREATE TABLE log_forks (
    origin   TEXT   NOT NULL CONSTRAINT log_forks_once PRIMARY KEY,
    size     BIGINT NOT NULL,
    root     TEXT   NOT NULL,
    ended_at BIGINT NOT NULL
);

-- Changes are appended in the order of their commits; thousands that were made before there were positions share one.
CREATE INDEX changes_in_order ON changes (position, id);
DROP INDEX changes_by_position;
