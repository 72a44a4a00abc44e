-- What is written to test whether the database takes writes.
INSERT INTO revisions (name, revision) VALUES ('writes', 1);
