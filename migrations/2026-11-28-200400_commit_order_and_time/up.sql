-- The order of commits: PostgreSQL's id of the writing transaction, or SQLite's own count of changes.
ALTER TABLE changes ADD COLUMN position BIGINT NOT NULL DEFAULT 0;
CREATE INDEX changes_by_position ON changes (position);

-- What is known of this installation as a whole: one row. `latest_time` is the latest time that any of its processes has seen.
CREATE TABLE installation (
    place       BIGINT NOT NULL CONSTRAINT installation_place PRIMARY KEY
                CONSTRAINT installation_is_one CHECK (place = 0),
    id          TEXT   NOT NULL,
    latest_time BIGINT NOT NULL
);
