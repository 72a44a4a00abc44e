ALTER TABLE api_keys DROP COLUMN use_count;
ALTER TABLE api_keys DROP COLUMN rate_limit_seconds;
ALTER TABLE api_keys DROP COLUMN rate_limit_requests;
ALTER TABLE api_keys DROP COLUMN allowed_addresses;
