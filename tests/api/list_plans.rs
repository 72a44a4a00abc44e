//! Query plans of the statements that lists really send, as recorded on the connection.

use std::sync::{Arc, Mutex};

use diesel::connection::{Connection, InstrumentationEvent};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use tessera::domain::cursor::Cursor;
use tessera::domain::fields::ApiKeyField;
use tessera::domain::filter::{Filter, Test, Value};
use tessera::domain::listing::{Query, Sort, Start, Totals};
use tessera::storage::database::AnyConnection;
use tessera::storage::listing::Listed;

use crate::plans::{Step, plan, uses};
use crate::support::database::on_postgres;
use crate::support::{Options, World};

/// The statements about API keys that a page takes, as text with parameters put in.
fn statements(connection: &mut AnyConnection, query: &Query<ApiKeyField>) -> Vec<String> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            sink.lock().unwrap().push(query.to_string());
        }
    });
    ApiKeyField::page(connection, query, 5).unwrap();
    ApiKeyField::counts(connection, query, &Filter::EVERYTHING, 5).unwrap();
    connection.set_instrumentation(|_: InstrumentationEvent<'_>| {});
    let seen = seen.lock().unwrap();
    let reads_keys = |each: &&String| {
        ["FROM `api_keys`", "FROM \"api_keys\"", "FROM (`api_keys`", "FROM (\"api_keys\""]
            .iter()
            .any(|from| each.contains(from))
    };
    seen.iter().filter(reads_keys).map(|each| filled(each)).collect()
}

/// SQLite plans with parameters, as it does for a statement it keeps; PostgreSQL cannot before version 16.
fn filled(statement: &str) -> String {
    let (text, binds) = statement.split_once(" -- binds: ").unwrap();
    if !on_postgres() {
        return text.to_owned();
    }
    let binds: Vec<serde_json::Value> = serde_json::from_str(binds).unwrap();
    binds.iter().enumerate().rev().fold(text.to_owned(), |text, (index, bind)| {
        let literal = match bind {
            serde_json::Value::String(bind) => format!("'{bind}'"),
            serde_json::Value::Array(_) => format!("ARRAY{bind}").replace('"', "'"),
            bind => bind.to_string(),
        };
        text.replace(&format!("${}", index + 1), &literal)
    })
}

fn query(filter: &str, sort: &str, start: Start) -> Query<ApiKeyField> {
    let (filter, sort) = (Filter::parse(filter).unwrap(), Sort::parse(sort).unwrap());
    Query { filter, sort, limit: 100, start, totals: Totals::Exact }
}

#[track_caller]
fn is_searched(connection: &mut AnyConnection, statement: &str, index: &str) {
    let plan = plan(connection, statement);
    let searched = if on_postgres() { "Index Cond" } else { "SEARCH" };
    assert!(plan.contains(index) && plan.contains(searched), "{statement}\n{plan}");
    assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN api_keys"), "{statement}\n{plan}");
}

#[actix_web::test]
async fn every_documented_filter_searches_an_index_for_its_page_and_its_count() {
    let world = World::new(&Options::default());
    let id = if on_postgres() { "api_keys_id" } else { "sqlite_autoindex_api_keys" };
    let check = |connection: &mut AnyConnection| {
        for (filter, index) in [
            (r#"{"id":"0197a1b2-0000-7000-8000-000000000000"}"#, id),
            (r#"{"clientId":"apikey-0197a1b2-0000-7000-8000-000000000000"}"#, id),
            (r#"{"displayName":"etl"}"#, "api_keys_by_display_name"),
            (r#"{"displayName":{"$like":"etl%"}}"#, "api_keys_by_display_name"),
            (r#"{"displayName":{"$ilike":"ETL%"}}"#, "api_keys_by_display_name_folded"),
            (r#"{"createdBy":"ada"}"#, "api_keys_by_creator_and_age"),
            (r#"{"createdAt":{"$gte":5}}"#, "api_keys_by_created_at"),
            (r#"{"personaQualifiedName":"default/x"}"#, "persona_links_by_persona"),
            (r#"{"displayName":"etl","personaQualifiedName":"default/x"}"#, "api_keys_by_display_name"),
            (r#"{"createdBy":"ada","personaQualifiedName":"default/x"}"#, "api_keys_by_creat"),
        ] {
            for statement in statements(connection, &query(filter, "", Start::Offset(0))) {
                is_searched(connection, &statement, index);
            }
        }
        // PostgreSQL joins two searches by a bitmap, which `plan` does not let it do.
        if !on_postgres() {
            for statement in
                statements(connection, &query(r#"{"createdBy":{"$in":["ada","bob"]}}"#, "", Start::Offset(0)))
            {
                is_searched(connection, &statement, "api_keys_by_creat");
            }
        }
        Ok(())
    };
    world.service.database.read(check).unwrap();
}

/// A range filter with another sort field: the page is read in sort order until it is full, or from the range.
#[actix_web::test]
async fn every_documented_range_is_searched_in_its_own_order_and_counted_from_its_index() {
    let world = World::new(&Options::default());
    let check = |connection: &mut AnyConnection| {
        for (filter, sort, index) in [
            (r#"{"updatedAt":{"$gte":5}}"#, "updatedAt", "api_keys_by_updated_at"),
            (r#"{"expiresAt":{"$gte":5,"$lt":9}}"#, "expiresAt", "api_keys_by_expires_at"),
            (r#"{"lastUsedAt":{"$gte":5,"$lt":9}}"#, "-lastUsedAt", "api_keys_by_last_used_at"),
            (r#"{"status":"expired"}"#, "expiresAt", "api_keys_by_expires_at"),
        ] {
            for statement in statements(connection, &query(filter, sort, Start::Offset(0))) {
                is_searched(connection, &statement, index);
            }
            let by_age = statements(connection, &query(filter, "", Start::Offset(0)));
            let read = plan(connection, &by_age[0]);
            assert!(read.contains("api_keys_by_created_at") || read.contains(index), "{}\n{read}", by_age[0]);
            is_searched(connection, &by_age[1], index);
        }
        Ok(())
    };
    world.service.database.read(check).unwrap();
}

/// At a million keys that were never used, reading past them takes most of a second.
#[actix_web::test]
async fn keys_without_a_last_use_are_left_out_and_found_by_an_index() {
    let world = World::new(&Options::default());
    let idle = Filter::parse(r#"{"lastUsedAt":{"$lt":9}}"#).unwrap();
    let never_used = Filter::Not(Box::new(Filter::Test(ApiKeyField::LastUsedAt, Test::Exists)));
    let check = |connection: &mut AnyConnection| {
        for (filter, condition) in [(idle, "last_used_at>"), (never_used, "last_used_at=")] {
            let query = Query { filter, ..query("{}", "lastUsedAt", Start::Offset(0)) };
            for statement in statements(connection, &query) {
                is_searched(connection, &statement, "api_keys_by_last_used_at");
                let plan = plan(connection, &statement).replace(' ', "");
                assert!(plan.contains(condition), "{statement}\n{plan}");
            }
        }
        Ok(())
    };
    world.service.database.read(check).unwrap();
}

#[actix_web::test]
async fn every_documented_sort_reads_its_index_and_a_cursor_jumps_into_it() {
    let world = World::new(&Options::default());
    let check = |connection: &mut AnyConnection| {
        for (field, index, value) in [
            ("createdAt", "api_keys_by_created_at", Value::Instant(7)),
            ("updatedAt", "api_keys_by_updated_at", Value::Instant(7)),
            ("expiresAt", "api_keys_by_expires_at", Value::Instant(7)),
            ("lastUsedAt", "api_keys_by_last_used_at", Value::Instant(7)),
            ("displayName", "api_keys_by_display_name_folded", Value::Text("k".into())),
            ("createdBy", "api_keys_by_creat", Value::Text("k".into())),
        ] {
            for sort in [field.to_owned(), format!("-{field}")] {
                let cursor = Cursor { values: vec![value.clone()], id: "x".into() };
                for start in [Start::Offset(0), Start::After(cursor)] {
                    let jumps = matches!(start, Start::After(_));
                    let page = statements(connection, &query("", &sort, start)).remove(0);
                    let plan = uses(connection, &page, index);
                    let jump = if on_postgres() { "Index Cond" } else { "SEARCH" };
                    assert_eq!(plan.contains(jump), jumps, "{page}\n{plan}");
                }
            }
        }
        Ok(())
    };
    world.service.database.read(check).unwrap();
}

/// What the other tests here take for granted, and what lets a statement be planned once and kept: see `.cargo/config.toml`.
#[actix_web::test]
async fn sqlite_plans_a_page_alike_whatever_its_size() {
    if on_postgres() {
        return;
    }
    let world = World::new(&Options::default());
    let check = |connection: &mut AnyConnection| {
        let explain = "EXPLAIN QUERY PLAN SELECT * FROM api_keys ORDER BY created_by, display_name_folded, id LIMIT ?";
        let steps: Vec<Step> = sql_query(explain).bind::<BigInt, _>(10).load(connection).unwrap();
        assert!(steps.iter().any(|step| step.sqlite.contains("USING INDEX")), "{steps:?}");
        Ok(())
    };
    world.service.database.read(check).unwrap();
}

/// Only records that are equal in the first field are sorted by the others.
#[actix_web::test]
async fn a_sort_by_several_fields_reads_the_index_of_the_first() {
    let world = World::new(&Options::default());
    let check = |connection: &mut AnyConnection| {
        for (sort, index) in [
            ("createdAt,displayName", "api_keys_by_created_at"),
            ("-updatedAt,createdBy", "api_keys_by_updated_at"),
            ("expiresAt,displayName,-createdAt", "api_keys_by_expires_at"),
            ("-lastUsedAt,displayName", "api_keys_by_last_used_at"),
            ("displayName,-createdAt", "api_keys_by_display_name_folded"),
            ("createdBy,displayName", "api_keys_by_creat"),
        ] {
            let page = statements(connection, &query("", sort, Start::Offset(0))).remove(0);
            let plan = plan(connection, &page);
            let partly = if on_postgres() { "Incremental Sort" } else { " OF ORDER BY" };
            assert!(plan.contains(index) && plan.contains(partly), "{page}\n{plan}");
        }
        Ok(())
    };
    world.service.database.read(check).unwrap();
}

#[actix_web::test]
async fn what_one_creator_made_is_read_in_its_order_without_sorting() {
    let world = World::new(&Options::default());
    let check = |connection: &mut AnyConnection| {
        let page = statements(connection, &query(r#"{"createdBy":"ada"}"#, "", Start::Offset(0))).remove(0);
        uses(connection, &page, "api_keys_by_creator_and_age");
        Ok(())
    };
    world.service.database.read(check).unwrap();
}

#[actix_web::test]
async fn what_is_linked_to_one_persona_is_read_in_its_order_and_a_cursor_jumps_into_it() {
    let world = World::new(&Options::default());
    let check = |connection: &mut AnyConnection| {
        for sort in ["", "createdAt", "id", "-id"] {
            let cursor = Cursor { values: vec![Value::Instant(7)], id: "x".into() };
            for start in [Start::Offset(0), Start::After(cursor)] {
                let after = matches!(start, Start::After(_));
                let filter = r#"{"personaQualifiedName":"default/x","status":"active"}"#;
                let page = statements(connection, &query(filter, sort, start)).remove(0);
                let plan = uses(connection, &page, "persona_links_by_persona");
                let links = plan.lines().find(|line| line.contains("persona_links")).unwrap();
                assert!(links.contains("persona_links_by_persona"), "{page}\n{plan}");
                let jump = plan.lines().any(|line| {
                    ["principal_id >", "principal_id <", "principal_id>", "principal_id<"]
                        .iter()
                        .any(|jump| line.contains(jump))
                });
                assert_eq!(jump, after, "{page}\n{plan}");
            }
        }
        Ok(())
    };
    world.service.database.read(check).unwrap();
}

#[actix_web::test]
async fn the_total_is_not_counted() {
    let world = World::new(&Options::default());
    let check = |connection: &mut AnyConnection| {
        let every = statements(connection, &query("", "", Start::Offset(0)));
        assert_eq!(every.len(), 1, "{every:?}");
        let filtered = statements(connection, &query(r#"{"createdBy":"ada"}"#, "", Start::Offset(0)));
        assert_eq!(filtered.len(), 2, "{filtered:?}");
        Ok(())
    };
    world.service.database.read(check).unwrap();
}
