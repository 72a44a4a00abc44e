-- Who made a key is known by id, not by a name that another principal may bear later; an empty id is nobody who is left.
ALTER TABLE api_keys ADD COLUMN maker_id TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN maker_kind TEXT NOT NULL DEFAULT 'user';

UPDATE api_keys SET maker_kind = 'service_account'
WHERE created_by LIKE 'service-account-%' OR created_by LIKE 'service\_%' ESCAPE '\';

UPDATE api_keys SET maker_id = COALESCE(
    (SELECT principals.id FROM principals
     WHERE principals.username = api_keys.created_by AND principals.created_at <= api_keys.created_at),
    '');

CREATE INDEX api_keys_maker_id ON api_keys (maker_id);

-- Whoever takes a user the role `$admin`, or an administrator the means to sign in, locks this row first: of two who do
-- so at once the second sees what the first did.
INSERT INTO revisions (name, revision) VALUES ('administrators', 1);
