ALTER TABLE changes DROP COLUMN subject_name_folded;
ALTER TABLE access_tokens DROP COLUMN description_folded;
ALTER TABLE access_tokens DROP COLUMN name_folded;
ALTER TABLE service_accounts DROP COLUMN display_name_folded;
ALTER TABLE users DROP COLUMN email_folded;
ALTER TABLE personas DROP COLUMN display_name_folded;
ALTER TABLE personas DROP COLUMN name_folded;
ALTER TABLE api_keys DROP COLUMN description_folded;
