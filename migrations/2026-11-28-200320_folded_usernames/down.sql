DROP INDEX principals_username_folded_unique;
ALTER TABLE principals DROP COLUMN username_folded;
