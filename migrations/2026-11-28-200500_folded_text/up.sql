-- Text with case folded away, so that a comparison that ignores case reads a column instead of folding on every row.
-- SQL folds ASCII letters only; rows with other letters are folded by the program when this migration has run.
ALTER TABLE api_keys ADD COLUMN description_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE personas ADD COLUMN name_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE personas ADD COLUMN display_name_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN email_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE service_accounts ADD COLUMN display_name_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE access_tokens ADD COLUMN name_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE access_tokens ADD COLUMN description_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE changes ADD COLUMN subject_name_folded TEXT NOT NULL DEFAULT '';
UPDATE api_keys SET description_folded = lower(description);
UPDATE personas SET name_folded = lower(name), display_name_folded = lower(display_name);
UPDATE users SET email_folded = lower(email);
UPDATE service_accounts SET display_name_folded = lower(display_name);
UPDATE access_tokens SET name_folded = lower(name), description_folded = lower(description);
UPDATE changes SET subject_name_folded = lower(subject_name);
