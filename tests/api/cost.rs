//! The cost of lists: at most linear in the request, limited in time, and shared fairly.

use std::cell::Cell;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use cpu_time::ThreadTime;
use diesel::prelude::*;
use diesel::sql_query;
use futures_util::future::join_all;
use serde_json::{Value as Json, json};
use tessera::domain::access_token::AccessTokenField;
use tessera::domain::error::{Error, Result};
use tessera::domain::fields::{ApiKeyField, ChangeField, PersonaField, UserField};
use tessera::domain::filter::Filter;
use tessera::domain::listing::{Field, Kind, Query, Sort, Start, Totals};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;
use tessera::domain::service_account::ServiceAccountField;
use tessera::storage::database::{AnyConnection, Lane};
use tessera::storage::listing::Listed;
use tessera::storage::task::DatabaseTask;

use crate::datahub;
use crate::support::database::on_postgres;
use crate::support::{App, Options, World};

/// The factor by which an input twice as long may cost more, including measurement noise.
const AT_MOST: u32 = 3;
const NOISE: Duration = Duration::from_millis(3);

/// Non-ASCII capital letters, all different as far as possible.
fn letters(length: usize) -> String {
    let capitals = ('\u{c0}'..='\u{52f}').filter(|letter| letter.is_uppercase());
    capitals.cycle().take(length).collect()
}

/// Every operator of a field with an operand that grows with `length`.
fn operators(kind: Kind, length: usize) -> Vec<(&'static str, Json)> {
    let text = letters(length);
    let number = i64::try_from(length).unwrap();
    let (one, many) = match kind {
        Kind::Instant => (json!(number), (0..number.min(90)).map(Json::from).collect::<Vec<_>>()),
        Kind::Text | Kind::Exact => (json!(text), (0..number.min(90)).map(|each| json!(format!("É{each}"))).collect()),
    };
    let mut operators = vec![
        ("$eq", one.clone()),
        ("$ne", one.clone()),
        ("$in", json!(many)),
        ("$nin", json!(many)),
        ("$exists", json!(true)),
        ("$not", json!({"$eq": one.clone()})),
    ];
    if kind != Kind::Exact {
        operators.extend(["$gt", "$gte", "$lt", "$lte"].map(|operator| (operator, one.clone())));
    }
    if kind == Kind::Text {
        let pieces: String = text.chars().flat_map(|letter| [letter, '%']).collect();
        let repeated = format!("%{}b", "a".repeat(length));
        for operator in ["$like", "$ilike"] {
            operators.extend([(operator, json!(text)), (operator, json!(pieces)), (operator, json!(repeated))]);
        }
    }
    operators
}

/// The least CPU time that parsing the filter and reading one page took.
fn cost<F: Field + Debug>(
    world: &World,
    filter: &str,
    page: impl Fn(&mut AnyConnection, &Query<F>) -> Result<usize>,
) -> Duration {
    let once = || {
        let started = ThreadTime::now();
        let filter = Filter::parse(filter).unwrap();
        let sort = Sort::parse("").unwrap();
        let query = Query { filter, sort, limit: 100, start: Start::Offset(0), totals: Totals::Skipped };
        world.service.database.read(|connection| page(connection, &query)).unwrap();
        started.elapsed()
    };
    (0..3).map(|_| once()).min().unwrap()
}

fn every_operator_is_linear<F: Field + Debug>(
    world: &World,
    page: impl Fn(&mut AnyConnection, &Query<F>) -> Result<usize>,
) {
    // What is no value of a closed set is refused when the filter is parsed.
    let is_open = |field: &F| field.described().stored("À").is_ok();
    for field in F::ALL.iter().copied().filter(|field| F::find(field.name()).is_some() && is_open(field)) {
        let mut before: Vec<Duration> = Vec::new();
        // Up to the longest filter that is accepted.
        for length in [4, 8, 16, 32, 64, 128, 256, 512, 1_024] {
            let operators = operators(field.kind(), length);
            let measured = operators.iter().map(|(operator, operand)| {
                cost(world, &json!({field.name(): {*operator: operand}}).to_string(), &page)
            });
            let now: Vec<Duration> = measured.collect();
            for (index, (shorter, longer)) in before.iter().zip(&now).enumerate() {
                let operator = operators[index].0;
                assert!(
                    *longer <= *shorter * AT_MOST + NOISE,
                    "{operator} of {field:?} with {length} letters: {shorter:?} and then {longer:?}"
                );
            }
            before = now;
        }
    }
}

#[actix_web::test]
async fn the_cost_of_every_operator_of_every_field_is_linear_in_its_operand() {
    let app = App::start().await;
    let admin = app.admin().await;
    for index in 0..20 {
        let name = format!("{index} aaaa {}", letters(100));
        let described = json!({"displayName": name, "description": letters(3_000)});
        admin.try_create(&described).await.ok();
        admin.persona(&name).await;
    }
    for index in 0..5 {
        app.user(&format!("user{index}"), Role::Member).await;
        datahub::created(&admin, "admin", &letters(90 + index)).await;
    }
    let now = app.now();
    every_operator_is_linear::<ApiKeyField>(&app, |connection, query| {
        ApiKeyField::page(connection, query, now).map(|page| page.len())
    });
    every_operator_is_linear::<PersonaField>(&app, |connection, query| {
        PersonaField::page(connection, query, now).map(|page| page.len())
    });
    every_operator_is_linear::<UserField>(&app, |connection, query| {
        UserField::page(connection, query, now).map(|page| page.len())
    });
    every_operator_is_linear::<ServiceAccountField>(&app, |connection, query| {
        ServiceAccountField::page(connection, query, now).map(|page| page.len())
    });
    every_operator_is_linear::<AccessTokenField>(&app, |connection, query| {
        AccessTokenField::page(connection, query, now).map(|page| page.len())
    });
    every_operator_is_linear::<ChangeField>(&app, |connection, query| {
        ChangeField::page(connection, query, now).map(|page| page.len())
    });
}

#[actix_web::test]
async fn long_patterns_of_foreign_letters_are_answered_at_every_door() {
    let app = App::start().await;
    let admin = app.admin().await;
    let name = format!("x{}y", letters(100));
    admin.create(&name).await;
    admin.persona(&name).await;
    let (id, _) = datahub::created(&admin, "admin", &letters(100)).await;
    let small = letters(100).to_lowercase();
    for pattern in [format!("%{small}%"), format!("%{}%", letters(1_500))] {
        let found = i64::from(pattern.contains(&small) && pattern.len() < 1_000);
        let filter = json!({"displayName": {"$ilike": pattern}}).to_string();
        for path in ["/api/service/apikeys", "/api/service/personas"] {
            let page = admin.list(path, &[("filter", &filter)]).await;
            assert_eq!(page.totals()[1], found, "{path} {}", page.text);
        }
        let filter = json!({"subject": {"$ilike": pattern}}).to_string();
        admin.list("/api/service/audit", &[("filter", &filter)]).await.ok();
        let condition = json!([{"field": "name", "values": [pattern.trim_matches('%')], "condition": "CONTAIN"}]);
        let tokens = datahub::list(&admin, json!({"start": 0, "count": 10, "filters": condition})).await;
        assert_eq!(datahub::data(&tokens)["total"], found, "{tokens}");
        let beginning: String = pattern.trim_matches('%').chars().take(250).collect();
        admin.search(&json!({"prefix": {"name": {"value": beginning}}})).await.ok();
    }
    assert!(!id.is_empty());
}

#[actix_web::test]
async fn a_request_has_a_bounded_number_of_patterns_at_every_door() {
    let app = App::start().await;
    let admin = app.admin().await;
    let values: Vec<String> = (0..11).map(|each| each.to_string()).collect();
    let any: Vec<Json> = values.iter().map(|each| json!({"displayName": {"$ilike": each}})).collect();
    admin.keys(&[("filter", &json!({"$or": any}).to_string())]).await.violates("filter");
    let filters = json!([{"field": "name", "values": values, "condition": "CONTAIN"}]);
    let answer = datahub::list(&admin, json!({"start": 0, "count": 10, "filters": filters})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], 400, "{answer}");
}

/// The outcome of a query with that filter that was cancelled while it ran.
fn given_up(world: &World, page: impl FnOnce(&mut AnyConnection) -> Result<usize>) -> Result<usize> {
    let task = DatabaseTask::within(Duration::from_hours(1));
    let giving_up = Arc::clone(&task);
    world.service.database.read_for(Lane::Reads, &task, |connection| {
        giving_up.give_up();
        page(connection)
    })
}

#[actix_web::test]
async fn a_list_ends_when_its_request_does() {
    let world = World::new(&Options::default());
    world.key("k", &[]).await;
    let query = |filter: &str| Query::<ApiKeyField> {
        filter: Filter::parse(filter).unwrap(),
        sort: Sort::parse("").unwrap(),
        limit: 10,
        start: Start::Offset(0),
        totals: Totals::Exact,
    };
    if on_postgres() {
        let task = DatabaseTask::within(Duration::from_hours(1));
        let (database, working) = (world.service.database.clone(), Arc::clone(&task));
        let asleep = std::thread::spawn(move || {
            database.read_for(Lane::Reads, &working, |connection| {
                Ok(sql_query("SELECT pg_sleep(3600)").execute(connection)?)
            })
        });
        while !task.is_at_server() {
            std::thread::yield_now();
        }
        task.give_up();
        while !asleep.is_finished() {
            world.service.database.cancel(&task).unwrap();
        }
        assert!(matches!(asleep.join().unwrap(), Err(Error::TooSlow)));
    } else {
        let listed = given_up(&world, |connection| Ok(ApiKeyField::page(connection, &query(""), 1)?.len()));
        assert!(matches!(listed, Err(Error::TooSlow)), "{listed:?}");
        let filter = r#"{"displayName":{"$ilike":"%k%"}}"#;
        let counted = given_up(&world, |connection| {
            ApiKeyField::counts(connection, &query(filter), &Filter::EVERYTHING, 1).map(|_| 0)
        });
        assert!(matches!(counted, Err(Error::TooSlow)), "{counted:?}");
    }
    // The connection can be used again, or was replaced.
    for _ in 0..8 {
        let listed = world.service.database.read(|connection| ApiKeyField::page(connection, &query(""), 1)).unwrap();
        assert_eq!(listed.len(), 1);
    }
}

#[test]
fn every_statement_has_a_time_limit_in_postgres_itself() {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = diesel::sql_types::Text)]
        statement_timeout: String,
    }
    if !on_postgres() {
        return;
    }
    let world = World::new(&Options::default());
    for lane in [Lane::Reads, Lane::LookUps, Lane::Writes] {
        let read = |connection: &mut AnyConnection| {
            Ok(sql_query("SHOW statement_timeout").get_result::<Line>(connection)?.statement_timeout)
        };
        let told = world.service.database.read_for(lane, &DatabaseTask::unbounded(), read).unwrap();
        assert_eq!(told, format!("{}s", lane.limit().as_secs()));
    }
}

#[actix_web::test]
async fn the_lists_of_one_actor_leave_connections_to_others() {
    let app = App::start().await;
    let greedy = app.admin().await;
    let modest = app.key_with(&[Permission::ManageApiKeys]).await;
    modest.keys(&[]).await.ok();
    for index in 0..200 {
        greedy.create(&format!("key {index}")).await;
    }
    let answered = Cell::new(0);
    let filter = json!({"description": {"$ilike": "%a%b%c%"}}).to_string();
    let lists = join_all((0..64).map(|_| async {
        greedy.keys(&[("filter", &filter)]).await.ok();
        answered.set(answered.get() + 1);
    }));
    let other = async {
        modest.keys(&[]).await.ok();
        answered.get()
    };
    let (_, before) = futures_util::future::join(lists, other).await;
    assert!(before < 32, "it waited for {before} lists of another actor");
}
