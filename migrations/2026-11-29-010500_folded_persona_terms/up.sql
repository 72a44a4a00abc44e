-- The names of personas that are older than the search terms had only their ASCII letters folded on SQLite, so they were
-- not found. SQL cannot fold the others alike on both databases: `src/storage/folded.rs` does, when this has run.
SELECT 1;
