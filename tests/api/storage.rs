//! The database: migrations, constraints, order, and what the schema promises.

use diesel::prelude::*;
use diesel::result::DatabaseErrorKind::{self, CheckViolation, ForeignKeyViolation, UniqueViolation};
use diesel::result::Error as DieselError;
use diesel::sql_query;
use diesel::sql_types::Text;
use tessera::domain::error::Error;
use tessera::domain::permission::Permission;
use tessera::service::Service;
use tessera::storage::database::{AnyConnection, Database};
use tessera::storage::schema::changes;

use crate::support::database::{Storage, on_postgres};
use crate::support::{Options, World};

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
        "INSERT INTO logout_tokens VALUES ('i', 'j', 1)",
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
        "INSERT INTO installation VALUES (0, 'x', 1)",
        "INSERT INTO device_authorizations VALUES ('d', 'u', '', '', '', '', 'pending', '', 1, 1)",
    ] {
        assert_eq!(execute(&world.service.database, statement), Ok(1), "{statement}");
    }
    world
}

/// Each named constraint of the schema, how it is broken, and how the database says so.
const CONSTRAINTS: &[(&str, DatabaseErrorKind, &str)] = &[
    (
        "principals_id",
        UniqueViolation,
        "INSERT INTO principals SELECT id, kind, 'x', role, enabled, 1, 'x' FROM principals",
    ),
    (
        "principals_username_unique",
        UniqueViolation,
        "INSERT INTO principals SELECT 'x', kind, username, role, enabled, 1, 'x' FROM principals WHERE kind = 'user'",
    ),
    ("policy_users_have_policies", ForeignKeyViolation, "INSERT INTO policy_users VALUES ('x', 'x')"),
    ("policy_users_once", UniqueViolation, "INSERT INTO policy_users SELECT policy_id, principal_id FROM policy_users"),
    (
        "principals_username_folded_unique",
        UniqueViolation,
        "INSERT INTO principals SELECT 'x', kind, 'x', role, enabled, 1, username_folded FROM principals WHERE kind = 'user'",
    ),
    (
        "principals_kind_known",
        CheckViolation,
        "INSERT INTO principals VALUES ('x', 'robot', 'x', '$guest', true, 1, 'x')",
    ),
    ("users_id", UniqueViolation, "INSERT INTO users SELECT id, '', '', '', '' FROM users"),
    ("users_are_principals", ForeignKeyViolation, "INSERT INTO users VALUES ('x', '', '', '', '')"),
    ("api_keys_id", UniqueViolation, "INSERT INTO api_keys SELECT * FROM api_keys"),
    (
        "api_keys_are_principals",
        ForeignKeyViolation,
        "INSERT INTO api_keys VALUES ('x', '', '', '', 1, '', 1, 1, 1, 0, '', 0, 0, 0, '', 'user', '')",
    ),
    ("api_keys_validity_positive", CheckViolation, "UPDATE api_keys SET validity_seconds = 0"),
    ("credentials_key_id", UniqueViolation, "INSERT INTO credentials SELECT * FROM credentials"),
    ("credentials_kind_known", CheckViolation, "UPDATE credentials SET kind = 'password'"),
    (
        "credentials_have_principals",
        ForeignKeyViolation,
        "INSERT INTO credentials VALUES ('x', 'api_key', 'x', '', '', 1, 1)",
    ),
    (
        "principal_permissions_once",
        UniqueViolation,
        "INSERT INTO principal_permissions SELECT * FROM principal_permissions",
    ),
    (
        "principal_permissions_have_principals",
        ForeignKeyViolation,
        "INSERT INTO principal_permissions VALUES ('x', 'MANAGE_APIKEYS')",
    ),
    (
        "personas_id",
        UniqueViolation,
        "INSERT INTO personas VALUES ('p', 'x', 'x', '', '', true, '', 1, 1, '{}', '', '')",
    ),
    (
        "personas_qualified_name_unique",
        UniqueViolation,
        "INSERT INTO personas VALUES ('x', 'default/p', 'x', '', '', true, '', 1, 1, '{}', '', '')",
    ),
    (
        "personas_name_unique",
        UniqueViolation,
        "INSERT INTO personas VALUES ('x', 'x', 'readers', '', '', true, '', 1, 1, '{}', '', '')",
    ),
    ("persona_links_once", UniqueViolation, "INSERT INTO persona_links SELECT * FROM persona_links"),
    ("persona_links_have_principals", ForeignKeyViolation, "INSERT INTO persona_links VALUES ('x', 'p')"),
    ("persona_links_have_personas", ForeignKeyViolation, "INSERT INTO persona_links SELECT id, 'x' FROM principals"),
    ("key_counts_shard", UniqueViolation, "INSERT INTO key_counts VALUES (0, 0)"),
    ("create_requests_once", UniqueViolation, "INSERT INTO create_requests SELECT * FROM create_requests"),
    ("changes_id", UniqueViolation, "INSERT INTO changes SELECT * FROM changes"),
    ("changes_subject_kind_known", CheckViolation, "UPDATE changes SET subject_kind = 'planet'"),
    ("peppers_id", UniqueViolation, "INSERT INTO peppers VALUES ('00000000', 1, 1)"),
    ("peppers_place_unique", UniqueViolation, "INSERT INTO peppers VALUES ('11111111', 0, 1)"),
    (
        "policies_id",
        UniqueViolation,
        "INSERT INTO policies SELECT id, 'x', persona_id, category, name, description, effect, actions, resources, subjects, enabled, editable, attributes, created_by, 1, 1 FROM policies",
    ),
    (
        "policies_qualified_name_unique",
        UniqueViolation,
        "INSERT INTO policies SELECT 'x', qualified_name, persona_id, category, name, description, effect, actions, resources, subjects, enabled, editable, attributes, created_by, 1, 1 FROM policies",
    ),
    ("assets_id", UniqueViolation, "INSERT INTO assets VALUES ('a', 'T', 'b', '', 'ACTIVE', '{}', '', '', 1, 1, 1)"),
    (
        "assets_qualified_name_unique",
        UniqueViolation,
        "INSERT INTO assets VALUES ('b', 'Table', 'x/a', '', 'ACTIVE', '{}', '', '', 1, 1, 1)",
    ),
    ("assets_state_known", CheckViolation, "UPDATE assets SET state = 'LOST'"),
    ("asset_people_have_assets", ForeignKeyViolation, "INSERT INTO asset_people VALUES ('x', 'adminUsers', 'ada')"),
    ("asset_people_once", UniqueViolation, "INSERT INTO asset_people SELECT * FROM asset_people"),
    ("search_terms_once", UniqueViolation, "INSERT INTO search_terms SELECT * FROM search_terms"),
    ("policy_objects_policy", UniqueViolation, "INSERT INTO policy_objects SELECT * FROM policy_objects"),
    ("policy_objects_have_policies", ForeignKeyViolation, "INSERT INTO policy_objects VALUES ('x', 'a')"),
    ("policies_have_personas", ForeignKeyViolation, "UPDATE policies SET persona_id = 'x'"),
    ("policies_category_known", CheckViolation, "UPDATE policies SET category = 'weather'"),
    ("policies_effect_known", CheckViolation, "UPDATE policies SET effect = 'perhaps'"),
    ("revisions_name", UniqueViolation, "INSERT INTO revisions VALUES ('policies', 1)"),
    ("permission_uses_once", UniqueViolation, "INSERT INTO permission_uses SELECT * FROM permission_uses"),
    (
        "permission_uses_have_principals",
        ForeignKeyViolation,
        "INSERT INTO permission_uses VALUES ('x', 'MANAGE_APIKEYS', 1)",
    ),
    ("hourly_uses_once", UniqueViolation, "INSERT INTO hourly_uses SELECT * FROM hourly_uses"),
    ("hourly_uses_have_keys", ForeignKeyViolation, "INSERT INTO hourly_uses VALUES (0, 'x', 1, 1)"),
    ("daily_uses_once", UniqueViolation, "INSERT INTO daily_uses SELECT * FROM daily_uses"),
    ("daily_uses_have_keys", ForeignKeyViolation, "INSERT INTO daily_uses VALUES (0, 'x', 1, 1)"),
    ("key_networks_once", UniqueViolation, "INSERT INTO key_networks SELECT * FROM key_networks"),
    ("key_networks_have_keys", ForeignKeyViolation, "INSERT INTO key_networks VALUES ('x', 'm', 1, 1, 0)"),
    ("familiar_networks_once", UniqueViolation, "INSERT INTO familiar_networks SELECT * FROM familiar_networks"),
    ("familiar_networks_have_principals", ForeignKeyViolation, "INSERT INTO familiar_networks VALUES ('x', 'm', 1)"),
    (
        "identities_once",
        UniqueViolation,
        "INSERT INTO identities SELECT issuer, subject, 'x', '', 1, 1 FROM identities",
    ),
    (
        "identities_are_one_each",
        UniqueViolation,
        "INSERT INTO identities SELECT issuer, 'x', principal_id, '', 1, 1 FROM identities",
    ),
    ("identities_have_principals", ForeignKeyViolation, "INSERT INTO identities VALUES ('x', 'x', 'x', '', 1, 1)"),
    ("provider_sessions_once", UniqueViolation, "INSERT INTO provider_sessions SELECT * FROM provider_sessions"),
    (
        "provider_sessions_have_credentials",
        ForeignKeyViolation,
        "INSERT INTO provider_sessions VALUES ('x', '', '', '', '', 0)",
    ),
    ("logout_tokens_once", UniqueViolation, "INSERT INTO logout_tokens SELECT * FROM logout_tokens"),
    ("signing_keys_once", UniqueViolation, "INSERT INTO signing_keys SELECT * FROM signing_keys"),
    ("revoked_children_once", UniqueViolation, "INSERT INTO revoked_children SELECT * FROM revoked_children"),
    ("invitations_id", UniqueViolation, "INSERT INTO invitations SELECT * FROM invitations"),
    (
        "invitations_have_inviters",
        ForeignKeyViolation,
        "INSERT INTO invitations VALUES ('x', '$guest', '', 'x', '', 1, 1)",
    ),
    ("service_accounts_id", UniqueViolation, "INSERT INTO service_accounts SELECT * FROM service_accounts"),
    (
        "service_accounts_are_principals",
        ForeignKeyViolation,
        "INSERT INTO service_accounts VALUES ('x', '', '', '', 1, 1, '')",
    ),
    (
        "access_tokens_id",
        UniqueViolation,
        "INSERT INTO access_tokens VALUES ('t', 'x', '', '', '', '', '', '', 1, 1, '', '', 0)",
    ),
    (
        "access_tokens_key_id_unique",
        UniqueViolation,
        "INSERT INTO access_tokens SELECT 'x', key_id, '', '', '', '', '', '', 1, 1, '', '', 0 FROM credentials",
    ),
    (
        "access_tokens_are_credentials",
        ForeignKeyViolation,
        "INSERT INTO access_tokens VALUES ('x', 'x', '', '', '', '', '', '', 1, 1, '', '', 0)",
    ),
    ("aspects_once", UniqueViolation, "INSERT INTO aspects SELECT * FROM aspects"),
    ("aspects_have_principals", ForeignKeyViolation, "INSERT INTO aspects VALUES ('x', 'status', '{}', '', 1)"),
    ("installation_place", UniqueViolation, "INSERT INTO installation VALUES (0, 'y', 1)"),
    ("installation_is_one", CheckViolation, "INSERT INTO installation VALUES (1, 'y', 1)"),
    (
        "device_authorizations_key",
        UniqueViolation,
        "INSERT INTO device_authorizations SELECT device_digest, 'y', '', '', '', '', 'pending', '', 1, 1 FROM device_authorizations",
    ),
    (
        "device_authorizations_user_code",
        UniqueViolation,
        "INSERT INTO device_authorizations SELECT 'y', user_digest, '', '', '', '', 'pending', '', 1, 1 FROM device_authorizations",
    ),
    (
        "device_authorizations_decision",
        CheckViolation,
        "INSERT INTO device_authorizations VALUES ('y', 'y', '', '', '', '', 'perhaps', '', 1, 1)",
    ),
    (
        "device_authorizations_approver",
        CheckViolation,
        "INSERT INTO device_authorizations VALUES ('y', 'y', '', '', '', '', 'approved', '', 1, 1)",
    ),
    ("oauth_clients_once", UniqueViolation, "INSERT INTO oauth_clients SELECT * FROM oauth_clients"),
    ("oauth_clients_are_api_keys", ForeignKeyViolation, "INSERT INTO oauth_clients SELECT id, '{}', 1 FROM users"),
    ("", DatabaseErrorKind::NotNullViolation, "UPDATE api_keys SET display_name = NULL"),
    ("", DatabaseErrorKind::NotNullViolation, "UPDATE credentials SET digest = NULL"),
];

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
    let migrations = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut named = 0;
    for entry in std::fs::read_dir(migrations).unwrap() {
        let sql = std::fs::read_to_string(entry.unwrap().path().join("up.sql")).unwrap();
        for name in sql.split("CONSTRAINT ").skip(1).map(|rest| rest.split_whitespace().next().unwrap()) {
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
    let migrations = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
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
