-- User names are unique also when case is ignored. Where two names differ only in case already, the older one keeps the
-- folded name, and the others are told apart by their ids: both go on, and no third can be added.
ALTER TABLE principals ADD COLUMN username_folded TEXT NOT NULL DEFAULT '';
UPDATE principals SET username_folded = lower(username);
CREATE INDEX principals_by_username_folded ON principals (username_folded, created_at, id);
UPDATE principals SET username_folded = username_folded || '#' || id
WHERE EXISTS (
    SELECT 1 FROM principals AS older
    WHERE older.username_folded = principals.username_folded
      AND (older.created_at < principals.created_at
           OR (older.created_at = principals.created_at AND older.id < principals.id))
);
DROP INDEX principals_by_username_folded;
CREATE UNIQUE INDEX principals_username_folded_unique ON principals (username_folded);
