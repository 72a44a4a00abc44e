DROP TABLE refresh_tokens;
ALTER TABLE device_authorizations DROP COLUMN offline;
