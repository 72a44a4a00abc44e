-- How the actor of a change authenticated and from where, and the state of the subject before and after, as JSON; empty
-- where there is none.
ALTER TABLE changes ADD COLUMN authenticated_by TEXT NOT NULL DEFAULT '';
ALTER TABLE changes ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE changes ADD COLUMN state_before TEXT NOT NULL DEFAULT '';
ALTER TABLE changes ADD COLUMN state_after TEXT NOT NULL DEFAULT '';
CREATE INDEX changes_with_state ON changes (subject_id, changed_at) WHERE state_after <> '';
