//! The database: migrations, constraints, order, and what the schema promises.

mod constraints;

use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_query;
use diesel::sql_types::Text;
use tessera::domain::error::Error;
use tessera::domain::permission::Permission;
use tessera::service::Service;
use tessera::storage::database::{AnyConnection, Database};
use tessera::storage::schema::changes;

use self::constraints::CONSTRAINTS;
use crate::support::database::{Storage, on_postgres};
use crate::support::{Options, World, repository};

/// What the changes feed says was done, oldest first.
pub fn actions(service: &Service) -> Vec<String> {
    let read = |connection: &mut AnyConnection| {
        Ok(changes::table.select(changes::action).order(changes::id).load(connection)?)
    };
    service.database.read(read).unwrap()
}

fn execute(database: &Database, statement: &str) -> Result<usize, DieselError> {
    let outcome = database.write(|connection| Ok(sql_query(statement).execute(connection)?));
    outcome.map_err(|error| match error {
        Error::Storage(source) => *source.downcast().unwrap(),
        other => panic!("{other}"),
    })
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(database: &Database, query: &str) -> Vec<String> {
    let rows: Vec<Line> = database.read(|connection| Ok(sql_query(query).load(connection)?)).unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

/// A database with a user, a key with a permission and a persona, and one row in each table.
async fn furnished() -> World {
    let world = World::new(&Options::default());
    world.user("ada", tessera::domain::principal::Role::Member).await;
    world.key("k", &[Permission::ManageApiKeys]).await;
    for statement in [
        "INSERT INTO personas VALUES ('p', 'default/p', 'readers', '', '', true, 'ada', 1, 1, '{}', 'readers', '')",
        "INSERT INTO policies VALUES ('p', 'q', 'p', 'data', '', '', 'allow', '', '', '', true, true, '', '', 1, 1)",
        "INSERT INTO policy_objects VALUES ('p', 'a')",
        "INSERT INTO policy_users VALUES ('p', 'ada')",
        "INSERT INTO permission_uses SELECT id, 'MANAGE_APIKEYS', 1 FROM api_keys",
        "INSERT INTO familiar_networks SELECT id, 'm', 1 FROM users",
        "INSERT INTO identities SELECT 'i', 's', id, '[]', 1, 1 FROM users",
        "INSERT INTO provider_sessions SELECT key_id, 'p', 'i', 's', '', 0 FROM credentials",
        "INSERT INTO session_origins SELECT key_id, 'password', '', 1 FROM credentials",
        "INSERT INTO refresh_tokens SELECT 'r', key_id, 'c', '', '', '', 1 FROM credentials",
        "INSERT INTO used_tokens VALUES ('i', 'j', 1)",
        "INSERT INTO signing_keys VALUES ('k', 'ES256', '', '', 1, 1, 1)",
        "INSERT INTO revoked_children VALUES ('c', 1)",
        "INSERT INTO persona_links SELECT id, 'p' FROM api_keys",
        "INSERT INTO create_requests SELECT 'o', 'r', '', id, 1 FROM api_keys",
        "INSERT INTO peppers VALUES ('00000000', 0, 1)",
        "INSERT INTO assets VALUES ('a', 'Table', 'x/a', 'a', 'ACTIVE', '{}', '', '', 1, 1, 1)",
        "INSERT INTO asset_people VALUES ('a', 'adminUsers', 'ada')",
        "INSERT INTO search_terms VALUES ('a', 'name', 'a')",
        "INSERT INTO service_accounts SELECT id, '', '', '', 1, 1, '' FROM api_keys",
        "INSERT INTO access_tokens SELECT 't', key_id, '', '', '', '', '', '', 1, 1, '', '', 0 FROM credentials",
        "INSERT INTO invitations SELECT 'i', '$guest', '', id, '', 1, 1 FROM users",
        "INSERT INTO aspects SELECT id, 'status', '{}', '', 1 FROM users",
        "INSERT INTO oauth_clients SELECT id, '{}', 1 FROM api_keys",
        "INSERT INTO hourly_uses SELECT 0, id, 1, 1 FROM api_keys",
        "INSERT INTO daily_uses SELECT 0, id, 1, 1 FROM api_keys",
        "INSERT INTO key_networks SELECT id, '203.0.113.9', 1, 1, 0 FROM api_keys",
        "INSERT INTO log_state VALUES (0, 'o', 'o', 1, 1, 'c', '', '', 1, 1, '', '', '')",
        "INSERT INTO log_leaves VALUES (0, 'c', '{}')",
        "INSERT INTO log_tiles VALUES (0, 0, '')",
        "INSERT INTO log_forks VALUES ('o', 1, '', 1)",
        "INSERT INTO nodes VALUES ('n', 'here', 1, 2000, '', 1, false, '')",
        "INSERT INTO installation VALUES (0, 'x', 1)",
        "INSERT INTO device_authorizations VALUES ('d', 'u', '', '', '', '', 'pending', '', 1, 1, FALSE)",
    ] {
        assert_eq!(execute(&world.service.database, statement), Ok(1), "{statement}");
    }
    world
}

#[actix_web::test]
async fn every_named_constraint_holds() {
    let world = furnished().await;
    for &(name, ref kind, statement) in CONSTRAINTS {
        let error = execute(&world.service.database, statement).unwrap_err();
        let DieselError::DatabaseError(found, information) = error else { panic!("{statement}: {error}") };
        assert_eq!(format!("{found:?}"), format!("{kind:?}"), "{statement}: {}", information.message());
        if on_postgres() && !name.is_empty() {
            assert_eq!(information.constraint_name(), Some(name), "{statement}");
        }
    }
}

#[test]
fn every_constraint_of_the_migrations_is_among_those_tested() {
    let mut migrations = repository::files("migrations", &["sql"]);
    migrations.retain(|path| path.ends_with("up.sql"));
    migrations.sort();
    let sql: String = migrations.iter().map(|path| repository::read(path)).collect();
    let is_dropped = |table: &str| {
        let (made, dropped) = (format!("CREATE TABLE {table} "), format!("DROP TABLE {table};"));
        sql.rfind(&dropped) > sql.rfind(&made)
    };
    let mut named = 0;
    for table in sql.split("CREATE TABLE ") {
        if is_dropped(table.split(' ').next().unwrap()) {
            continue;
        }
        for name in table.split("CONSTRAINT ").skip(1).map(|rest| rest.split_whitespace().next().unwrap()) {
            assert!(CONSTRAINTS.iter().any(|(tested, ..)| *tested == name), "no test trips `{name}`");
            named += 1;
        }
    }
    assert!(named >= 24, "{named}");
}

/// The schema as the database describes it.
fn schema(database: &Database) -> Vec<String> {
    lines(
        database,
        if on_postgres() {
            "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' '
                 || coalesce(collation_name, '') AS line
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '__diesel_schema_migrations'
             UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE '\\_\\_%'
             UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
                 WHERE connamespace = 'public'::regnamespace AND conname NOT LIKE '\\_\\_%' ORDER BY line"
        } else {
            "SELECT name || ' ' || coalesce(sql, '') AS line FROM sqlite_master WHERE tbl_name NOT LIKE '\\_\\_%' ESCAPE '\\'
             ORDER BY line"
        },
    )
}

#[test]
fn every_migration_can_be_taken_back_and_made_again() {
    let storage = Storage::fresh();
    let database = storage.connect();
    database.migrate().unwrap();
    let migrations = repository::root().join("migrations");
    let applied = || lines(&database, "SELECT version AS line FROM __diesel_schema_migrations ORDER BY version");
    let every = applied();
    assert_eq!(every.len(), std::fs::read_dir(migrations).unwrap().count());
    let before = schema(&database);
    assert!(before.len() > 20, "{before:?}");
    if on_postgres() {
        let text = before.iter().filter(|line| line.contains(" text YES") || line.contains(" text NO"));
        let other: Vec<_> = text.filter(|line| !line.ends_with(" C")).collect();
        assert!(other.is_empty(), "text without the collation C: {other:?}");
    }
    database.revert().unwrap();
    assert_eq!((schema(&database), applied()), (Vec::new(), Vec::new()));
    database.migrate().unwrap();
    assert_eq!(applied(), every);
    assert_eq!(schema(&database), before);
    database.migrate().unwrap();
    assert_eq!(schema(&database), before, "nothing is left to do");
}

/// As in a database of a program that knew neither of the migrations that fold them.
#[test]
fn names_of_old_personas_are_folded_as_those_of_new_ones() {
    let storage = Storage::fresh();
    let database = storage.connect();
    database.migrate().unwrap();
    for statement in [
        "INSERT INTO personas VALUES ('1', 'default/1', 'Ärzte', 'ÉTÉ', '', true, '', 1, 1, '', '', '')",
        "INSERT INTO search_terms VALUES ('1', 'name', 'Ärzte')",
        "INSERT INTO search_terms VALUES ('1', 'displayName', 'ÉTÉ')",
        "DELETE FROM __diesel_schema_migrations WHERE version = '20261129010500'",
    ] {
        execute(&database, statement).unwrap();
    }
    database.migrate().unwrap();
    assert_eq!(lines(&database, "SELECT value AS line FROM search_terms ORDER BY field"), ["été", "ärzte"]);
}

#[actix_web::test]
async fn text_is_ordered_by_its_bytes() {
    let world = World::new(&Options::default());
    let names = ["", " ", "-b", "A", "B", "Z", "_", "a", "a b", "a-b", "ab", "b", "é", "ﬀ", "🦀"];
    for (index, name) in names.iter().rev().enumerate() {
        let statement =
            format!("INSERT INTO personas VALUES ('{index}', '{index}', '{name}', '', '', true, '', 1, 1, '', '', '')");
        execute(&world.service.database, &statement).unwrap();
    }
    assert_eq!(lines(&world.service.database, "SELECT name AS line FROM personas ORDER BY name"), names);
    assert_eq!(
        lines(
            &world.service.database,
            "SELECT name AS line FROM personas WHERE name > 'Z' AND name < 'ab' ORDER BY name"
        ),
        ["_", "a", "a b", "a-b"]
    );
}

#[actix_web::test]
async fn like_minds_case() {
    let world = furnished().await;
    let database = &world.service.database;
    assert_eq!(lines(database, "SELECT name AS line FROM personas WHERE name LIKE 'READ%'"), [""; 0]);
    assert_eq!(lines(database, "SELECT name AS line FROM personas WHERE name LIKE 'read%'"), ["readers"]);
}

#[actix_web::test]
async fn a_principal_takes_everything_it_has_along() {
    let world = furnished().await;
    let database = &world.service.database;
    let counts = || {
        ["users", "api_keys", "credentials", "principal_permissions", "persona_links", "personas", "changes"]
            .map(|table| lines(database, &format!("SELECT CAST(count(*) AS TEXT) AS line FROM {table}")).remove(0))
    };
    assert_eq!(counts(), ["1", "1", "1", "1", "1", "1", "2"]);
    assert_eq!(execute(database, "DELETE FROM principals"), Ok(2));
    assert_eq!(counts(), ["0", "0", "0", "0", "0", "1", "2"]);
}

#[test]
fn an_error_of_the_server_is_shown_as_it_is() {
    let Ok(server) = std::env::var("TESSERA_TEST_POSTGRES") else { return };
    let (place, _) = server.rsplit_once('/').unwrap();
    let url = format!("{place}/tessera_that_is_not").parse().unwrap();
    let Err(Error::Storage(source)) = Database::connect(&url, 1) else { panic!("it connected") };
    assert!(source.to_string().contains("database \"tessera_that_is_not\" does not exist"), "{source}");
}

#[test]
fn a_file_that_is_no_database_is_an_error_and_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "not a database, but longer than a header of one\n".repeat(20)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let url = format!("sqlite://{}", path.display()).parse().unwrap();
    let failed = Database::connect(&url, 1).is_err();
    assert!(failed && std::fs::read(&path).unwrap() == before);
    let nowhere = format!("sqlite://{}", directory.path().join("missing/t.db").display()).parse().unwrap();
    assert!(Database::connect(&nowhere, 1).is_err());
}
