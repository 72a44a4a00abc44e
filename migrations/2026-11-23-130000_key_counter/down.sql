DROP INDEX api_keys_by_creator_and_age;
DROP TABLE key_counts;
