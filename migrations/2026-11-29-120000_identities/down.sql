DROP TABLE logout_tokens;
DROP TABLE provider_sessions;
DROP TABLE identities;
