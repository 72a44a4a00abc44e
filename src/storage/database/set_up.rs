//! What PostgreSQL needs besides the migrations, after each of them.

/// Gives every text column of the tables in `schema.rs` the collation `C`, because SQLite compares text byte by byte too.
/// `in_time` is always true here: PostgreSQL has a `statement_timeout`; SQLite calls a function of ours instead. The planner
/// inlines `is_like_any`, and evaluates `texts_of` once for each statement.
pub(super) fn set_up_postgres() -> String {
    let declared =
        concat!(include_str!("../schema.rs"), include_str!("../schema/log.rs"), include_str!("../schema/sign_in.rs"));
    let declared = declared.split("diesel::table! {").skip(1);
    let tables: Vec<&str> = declared.filter_map(|table| table.split_whitespace().next()).collect();
    format!(
        r#"
DO $$
DECLARE each record;
BEGIN
    FOR each IN
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'
          AND table_name IN ('{}')
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE text COLLATE "C"', each.table_name, each.column_name);
    END LOOP;
END $$;
CREATE OR REPLACE FUNCTION in_time(text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT true';
CREATE OR REPLACE FUNCTION texts_of(text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT ARRAY(SELECT jsonb_array_elements_text($1::jsonb))';
CREATE OR REPLACE FUNCTION is_like_any(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT $1 LIKE ANY (texts_of($2))';
CREATE OR REPLACE FUNCTION root_of(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT CASE WHEN $1 LIKE 'urn:%' THEN '' ELSE split_part($1, '/', 1) END $$;
"#,
        tables.join("', '")
    )
}

/// Transaction ids mean nothing in another cluster: changes restored from a dump count as long known.
/// The log looks through all of them for those that are not in it.
pub(super) const FORGET_FOREIGN_POSITIONS: &str = "UPDATE log_state SET position = -1, change_id = '' \
     WHERE position >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint \
        OR EXISTS (SELECT 1 FROM changes WHERE position >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint); \
     UPDATE changes SET position = 0 WHERE position <> 0 \
        AND EXISTS (SELECT 1 FROM changes WHERE position >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint)";
