//! Query plans: queries documented as fast use an index.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use tessera::storage::database::AnyConnection;

use crate::support::database::on_postgres;
use crate::support::{Options, World};

/// A step of SQLite's plan.
#[derive(Debug, QueryableByName)]
pub struct Step {
    /// What it does.
    #[diesel(sql_type = Text, column_name = "detail")]
    pub sqlite: String,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    postgres: String,
}

/// The plan of a query. PostgreSQL would rather read a small table whole: it is told not to.
pub fn plan(connection: &mut AnyConnection, query: &str) -> String {
    if on_postgres() {
        connection.batch_execute("SET enable_seqscan = off; SET enable_bitmapscan = off").unwrap();
        let lines: Vec<Line> = sql_query(format!("EXPLAIN {query}")).load(connection).unwrap();
        return lines.into_iter().map(|line| line.postgres + "\n").collect();
    }
    let steps: Vec<Step> = sql_query(format!("EXPLAIN QUERY PLAN {query}")).load(connection).unwrap();
    steps.into_iter().map(|step| step.sqlite + "\n").collect()
}

/// The plan of a query that reads an index in its order, and sorts nothing.
#[track_caller]
pub fn uses(connection: &mut AnyConnection, query: &str, index: &str) -> String {
    let plan = plan(connection, query);
    assert!(plan.contains(index), "{query}\n{plan}");
    assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort"), "{query}\n{plan}");
    plan
}

/// The columns that keys are sorted by, as `storage::api_keys` names them.
const SORTED: [&str; 6] =
    ["created_at", "updated_at", "expires_at", "last_used_at", "display_name_folded", "created_by"];

#[actix_web::test]
async fn every_order_of_keys_and_every_next_page_is_read_from_an_index() {
    let world = World::new(&Options::default());
    let check = |connection: &mut AnyConnection| {
        for column in SORTED {
            let index = format!("api_keys_by_{column}");
            let value = if column.ends_with("_at") { "5" } else { "'k'" };
            for (direction, order, from) in [("ASC", ">=", ">"), ("DESC", "<=", "<")] {
                let sorted = format!("ORDER BY {column} {direction}, id {direction} LIMIT 101");
                uses(connection, &format!("SELECT * FROM api_keys {sorted}"), &index);
                let after = format!("{column} {order} {value} AND ({column} {from} {value} OR id {from} 'x')");
                uses(connection, &format!("SELECT * FROM api_keys WHERE {after} {sorted}"), &index);
            }
        }
        Ok(())
    };
    world.service.database.read(check).unwrap();
}

#[actix_web::test]
async fn the_look_ups_of_the_sdks_are_read_from_an_index() {
    let world = World::new(&Options::default());
    let check = |connection: &mut AnyConnection| {
        let id = if on_postgres() { "api_keys_id" } else { "sqlite_autoindex_api_keys" };
        for (condition, index) in [
            ("id = 'x'", id),
            ("display_name = 'x'", "api_keys_by_display_name"),
            ("created_by = 'x'", "api_keys_by_creat"),
        ] {
            let plan = plan(connection, &format!("SELECT * FROM api_keys WHERE {condition}"));
            assert!(plan.contains(index), "{condition}\n{plan}");
        }
        Ok(())
    };
    world.service.database.read(check).unwrap();
}

#[actix_web::test]
async fn what_hangs_on_a_principal_or_a_persona_is_read_from_an_index() {
    let world = World::new(&Options::default());
    let check = |connection: &mut AnyConnection| {
        for (table, column, index) in [
            ("credentials", "principal_id", "credentials_by_principal"),
            ("persona_links", "persona_id", "persona_links_by_persona"),
            ("changes", "subject_id", "changes_by_subject"),
            ("changes", "actor_id", "changes_by_actor"),
        ] {
            let plan = plan(connection, &format!("SELECT * FROM {table} WHERE {column} = 'x'"));
            assert!(plan.contains(index), "{table}.{column}\n{plan}");
        }
        uses(connection, "SELECT * FROM changes ORDER BY changed_at DESC, id DESC LIMIT 101", "changes_by_changed_at");
        uses(
            connection,
            "SELECT * FROM personas ORDER BY created_at DESC, id DESC LIMIT 101",
            "personas_by_created_at",
        );
        Ok(())
    };
    world.service.database.read(check).unwrap();
}
