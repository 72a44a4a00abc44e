DROP TABLE permission_uses;
DROP TABLE aspects;
DROP TABLE access_tokens;
DELETE FROM principals WHERE id IN (SELECT id FROM service_accounts);
DROP TABLE service_accounts;
ALTER TABLE personas DROP COLUMN attributes;
DROP TABLE search_terms;
DROP TABLE asset_people;
DROP TABLE assets;
DROP TABLE revisions;
DROP TABLE policies;
CREATE TABLE changes_before AS SELECT * FROM changes WHERE subject_kind IN ('principal', 'persona');
DROP TABLE changes;
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
INSERT INTO changes SELECT * FROM changes_before;
DROP TABLE changes_before;
CREATE INDEX changes_by_changed_at ON changes (changed_at, id);
CREATE INDEX changes_by_actor ON changes (actor_id, changed_at);
CREATE INDEX changes_by_subject ON changes (subject_id, changed_at);
