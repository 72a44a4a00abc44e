-- The revision of the invitation links that a principal gives: it is part of each link, and raising it voids them.
ALTER TABLE principals ADD COLUMN invites_revision BIGINT NOT NULL DEFAULT 0;
