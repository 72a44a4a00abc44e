DELETE FROM revisions WHERE name = 'administrators';
DROP INDEX api_keys_maker_id;
ALTER TABLE api_keys DROP COLUMN maker_kind;
ALTER TABLE api_keys DROP COLUMN maker_id;
