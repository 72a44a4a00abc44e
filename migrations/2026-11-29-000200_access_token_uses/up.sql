-- When an access token was last used; 0 if never.
ALTER TABLE access_tokens ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0;
