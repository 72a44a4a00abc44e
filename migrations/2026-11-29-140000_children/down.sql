ALTER TABLE changes DROP COLUMN acted_by;
DROP TABLE revoked_children;
DROP TABLE signing_keys;
