//! Refusals: one row for every operation of the OpenAPI document and of the GraphQL schema.
//!
//! Each row is tried without a credential, by a user and a key without permissions, and by one user for each
//! permission. An operation without a row fails, and so does a permission that no operation requires.

pub mod examples;
pub mod rows;

use std::collections::BTreeSet;

use serde_json::Value;
use tessera::domain::permission::Permission;

use self::examples::Example;
use self::rows::{GRAPHQL, Needs, REST, Row};
use crate::datahub::{set_base_policy, user_with};
use crate::support::document::{document, is_public};
use crate::support::{App, Client, Options, repository};

/// The one permission that Tessera only shows: DataHub's clients read it in `me`.
const SHOWN_ONLY: Permission = Permission::ViewAnalytics;

/// The method and the path of an operation of the document.
pub fn find(document: &Value, operation: &str) -> Option<(String, String, Value)> {
    document["paths"].as_object().unwrap().iter().find_map(|(path, item)| {
        let found = item.as_object().unwrap().iter().find(|(_, each)| each["operationId"] == operation)?;
        Some((found.0.to_uppercase(), path.clone(), found.1.clone()))
    })
}

/// The fields of `Query` and `Mutation`.
fn graphql_fields() -> BTreeSet<String> {
    let schema = repository::read("openapi/schema.graphql");
    let mut fields = BTreeSet::new();
    for start in ["\ntype Query {\n", "\ntype Mutation {\n"] {
        let body = schema.split(start).nth(1).unwrap().split("\n}").next().unwrap();
        let mut described = false;
        for line in body.lines().map(str::trim) {
            if line == "\"\"\"" {
                described = !described;
            } else if !described {
                fields.insert(line.split(['(', ':']).next().unwrap().to_owned());
            }
        }
    }
    assert!(fields.len() > 20, "{fields:?}");
    fields
}

#[test]
fn every_operation_has_its_row() {
    let document = document();
    let mut operations = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            let rows: Vec<_> = REST.iter().filter(|row| row.operation() == id).collect();
            assert!(!rows.is_empty(), "`{id}` needs a row in tests/api/refusals/rows.rs");
            let public = is_public(operation);
            for row in rows {
                assert_eq!(matches!(row.needs, Needs::Nothing(_)), public, "{}", row.name);
                if let Needs::OneOf(_, 403) | Needs::OneOfSeen(..) = row.needs {
                    assert!(
                        operation["responses"]["403"].is_object(),
                        "the document does not tell that `{id}` refuses"
                    );
                }
            }
            operations.insert(id.to_owned());
        }
    }
    let fields = graphql_fields();
    for field in &fields {
        assert!(
            GRAPHQL.iter().any(|row| row.operation() == field),
            "`{field}` needs a row in tests/api/refusals/rows.rs"
        );
    }
    for row in REST {
        assert!(operations.contains(row.operation()), "there is no operation `{}`", row.operation());
    }
    for row in GRAPHQL {
        assert!(fields.contains(row.operation()), "there is no field `{}`", row.operation());
    }
}

#[test]
fn every_row_without_a_permission_says_why() {
    for row in REST.iter().chain(GRAPHQL) {
        if let Needs::Nothing(reason) | Needs::AnActor(reason) = row.needs {
            assert!(reason.len() > 10, "{}", row.name);
        }
    }
}

#[test]
fn every_permission_is_refused_without_and_let_in_with_it() {
    // The next test checks that the rows are true.
    for permission in Permission::ALL {
        let decides = REST.iter().chain(GRAPHQL).any(|row| match row.needs {
            Needs::OneOf(permissions, _) | Needs::OneOfSeen(permissions, _) => permissions.contains(&permission),
            Needs::Nothing(_) | Needs::AnActor(_) => false,
        });
        assert_eq!(decides, permission != SHOWN_ONLY, "{}", permission.name());
    }
}

/// Users who hold one permission each, and nothing else.
async fn holders(app: &App, admin: &Client) -> Vec<(Permission, Client)> {
    let mut holders = Vec::new();
    for permission in Permission::ALL {
        let name = permission.name().to_lowercase();
        holders.push((permission, user_with(app, admin, &name, &[permission]).await));
    }
    holders
}

/// Tries a row with every client; returns the outcomes that differ from the row.
async fn try_row(
    app: &App,
    admin: &Client,
    row: &Row,
    example: &Example<'_>,
    holders: &[(Permission, Client)],
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |who: &str, status: u16, expected: &[u16]| {
        if !expected.contains(&status) {
            wrong.push(format!("{} {who}: {status}, not {expected:?}", row.name));
        }
    };
    if let Needs::Nothing(_) = row.needs {
        let status = example.ask(&app.anonymous()).await;
        if status == 403 {
            expect("without a credential", status, &[200]);
        }
        return wrong;
    }
    expect("without a credential", example.ask(&app.anonymous()).await, &[401]);
    let nobodies = [("a user", app.session_of("nobody").await), ("a key", app.key_with(&[]).await.client)];
    for (who, nobody) in &nobodies {
        let status = example.ask(nobody).await;
        match row.needs {
            Needs::OneOf(_, refusal) => expect(who, status, &[refusal]),
            Needs::OneOfSeen(..) => expect(who, status, &[200]),
            // A key has no session to end.
            _ => expect(who, status, if row.name == "delete_current_session" { &[200, 409] } else { &[200] }),
        }
    }
    for (permission, holder) in holders {
        let expected = match row.needs {
            Needs::OneOf(permissions, _) | Needs::OneOfSeen(permissions, _) if permissions.contains(permission) => 200,
            Needs::OneOf(_, refusal) => refusal,
            Needs::OneOfSeen(_, see) if see.contains(permission) => 403,
            // Hidden records are treated as missing: nothing is done.
            Needs::OneOfSeen(..) => 200,
            _ => return wrong,
        };
        expect(permission.name(), example.ask(holder).await, &[expected]);
    }
    expect("an administrator", example.ask(admin).await, &[200]);
    wrong
}

async fn try_rows(rows: &[Row]) {
    // Its requests have no `Host`.
    let public_url = Some("https://tessera.example.org".to_owned());
    let app = App::start_with(Options { public_url, ..Options::default() }).await;
    let admin = app.admin().await;
    set_base_policy(&admin, "INACTIVE").await;
    user_with(&app, &admin, "nobody", &[]).await;
    let holders = holders(&app, &admin).await;
    let document = document();
    let mut wrong = Vec::new();
    for row in rows {
        let operation = find(&document, row.operation());
        let example = Example { app: &app, admin: &admin, row, operation };
        wrong.extend(try_row(&app, &admin, row, &example, &holders).await);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[actix_web::test]
async fn every_operation_refuses_as_its_row_says() {
    try_rows(REST).await;
}

#[actix_web::test]
async fn every_field_of_graphql_refuses_as_its_row_says() {
    try_rows(GRAPHQL).await;
}

#[actix_web::test]
async fn the_permission_that_is_only_shown_is_shown_to_its_holders() {
    let app = App::start().await;
    let admin = app.admin().await;
    set_base_policy(&admin, "INACTIVE").await;
    let query = "{ me { platformPrivileges { viewAnalytics } } }";
    for (name, held) in [("with", &[SHOWN_ONLY][..]), ("without", &[])] {
        let user = user_with(&app, &admin, name, held).await;
        let answer = crate::datahub::ask(&user, query, Value::Null).await;
        assert_eq!(answer["data"]["me"]["platformPrivileges"]["viewAnalytics"], !held.is_empty());
    }
}
