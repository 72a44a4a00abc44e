-- Limits bound to an API key, and how often it was used. An empty list allows every address, zero requests mean no limit.
ALTER TABLE api_keys ADD COLUMN allowed_addresses TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN rate_limit_requests BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN rate_limit_seconds BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN use_count BIGINT NOT NULL DEFAULT 0;
