DROP TABLE key_networks;
DROP TABLE daily_uses;
DROP TABLE hourly_uses;
