-- Who creates an asset that lies beneath nothing waits for whoever is doing so: this is the row they lock.
INSERT INTO revisions (name, revision) VALUES ('assets', 1);
