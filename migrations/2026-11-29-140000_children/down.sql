DROP TABLE revoked_children;
DROP TABLE signing_keys;
