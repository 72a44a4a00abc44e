ALTER TABLE principals DROP COLUMN invites_revision;
