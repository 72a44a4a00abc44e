ALTER TABLE access_tokens DROP COLUMN last_used_at;
