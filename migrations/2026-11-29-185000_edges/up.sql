-- Edges are nodes without a database: `owner` is the id of the principal that registered one; empty for a server.
ALTER TABLE nodes ADD COLUMN owner TEXT NOT NULL DEFAULT '';
