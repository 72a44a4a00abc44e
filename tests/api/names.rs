//! User names: policies keep referring to the principal they were written about, and look-alike names are refused.

use diesel::prelude::*;
use serde_json::{Value, json};
use tessera::domain::error::Error;
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;
use tessera::service::catalogue::policies;
use tessera::service::people::users::{self, NewUser};

use crate::datahub::{CREATE_POLICY, UPDATE_POLICY, ask, data, policy, problem, urn};
use crate::support::rules::allow;
use crate::support::{App, Client, PASSWORD};

async fn by_operator(app: &App, name: &str) -> Result<(), Error> {
    let new =
        NewUser { username: name.into(), role: Role::Guest, email: String::new(), password: Some(PASSWORD.into()) };
    users::create(&app.service, &app.operator(), new).await.map(drop)
}

async fn by_invitation(app: &App, admin: &Client, name: &str) -> u16 {
    let query = "query($input: GetInviteTokenInput!) { getInviteToken(input: $input) { inviteToken } }";
    let invite = data(&ask(admin, query, json!({"input": {}})).await)["inviteToken"].clone();
    let body = json!({"fullName": "T", "email": name, "password": PASSWORD, "title": "T", "inviteToken": invite});
    app.anonymous().post("/signUp", &body).await.status
}

async fn by_ingestion(admin: &Client, name: &str) -> u16 {
    let value = json!({"active": true, "displayName": "x"}).to_string();
    let proposal = json!({"entityType": "corpuser", "entityUrn": urn(name), "changeType": "UPSERT",
        "aspectName": "corpUserInfo", "aspect": {"value": value, "contentType": "application/json"}});
    admin.post("/aspects?action=ingestProposal", &json!({"proposal": proposal})).await.status
}

fn about(names: &[&str]) -> Value {
    let users: Vec<String> = names.iter().map(|name| urn(name)).collect();
    json!({"users": users, "resourceOwners": false, "allUsers": false, "allGroups": false})
}

async fn permissions(client: &Client) -> Value {
    client.whoami().await.ok()["permissions"].clone()
}

#[actix_web::test]
async fn a_policy_about_a_name_that_nobody_bears_is_refused_by_that_name() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ada", Role::Guest).await;
    for unknown in ["carol", "ADA", "a\u{0}"] {
        let input = policy(&about(&["ada", unknown]), &["VIEW_AUDIT"]);
        let (code, message) = problem(&ask(&admin, CREATE_POLICY, json!({"input": input})).await);
        assert!(code == 400 && message.contains("names no user") && !message.contains("`ada`"), "{code} {message}");
    }
    let made = ask(&admin, CREATE_POLICY, json!({"input": policy(&about(&["ada"]), &["VIEW_AUDIT"])})).await;
    let input = policy(&about(&["ada", "carol"]), &["VIEW_AUDIT"]);
    assert_eq!(problem(&ask(&admin, UPDATE_POLICY, json!({"urn": data(&made), "input": input})).await).0, 400);
    let carol = app.session_with("carol", Role::Guest).await;
    assert!(!permissions(&carol).await.as_array().unwrap().contains(&json!("VIEW_AUDIT")));
}

#[actix_web::test]
async fn whoever_bears_the_name_of_a_deleted_principal_gets_nothing_of_its_policies() {
    let app = App::start().await;
    let admin = app.admin().await;
    let held = json!("VIEW_AUDIT");
    for again in 0..2 {
        let carol = app.session_with("carol", Role::Guest).await;
        assert!(!permissions(&carol).await.as_array().unwrap().contains(&held), "{again}");
        let made = ask(&admin, CREATE_POLICY, json!({"input": policy(&about(&["carol"]), &["VIEW_AUDIT"])})).await;
        assert!(permissions(&carol).await.as_array().unwrap().contains(&held), "{again}");
        let removed = ask(&admin, "mutation($urn: String!) { removeUser(urn: $urn) }", json!({"urn": urn("carol")}));
        data(&removed.await);
        let search = policies::PolicySearch { count: 100, ..policies::PolicySearch::default() };
        let listed = policies::list(&app.service, &app.operator(), search).await.unwrap().records;
        let listed = listed.iter().find(|listed| data(&made) == &json!(listed.qualified_name)).unwrap();
        assert_eq!(listed.rule.subjects.users, Vec::<String>::new(), "{again}");
    }
}

#[actix_web::test]
async fn a_deleted_key_is_named_by_no_policy_any_more() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = app.key_with(&[]).await;
    let name = format!("service-account-apikey-{}", key.id);
    let policy = app.policy(allow(&[&name], &["persona-asset-read"], &[])).await;
    admin.delete_key(&key.id).await.ok();
    let stored = app.service.database.read(|connection| tessera::storage::policies::find(connection, policy.id));
    assert_eq!(stored.unwrap().unwrap().rule.subjects.users, Vec::<String>::new());
}

#[actix_web::test]
async fn a_name_that_differs_in_case_alone_is_taken_at_every_door() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("Carol", Role::Guest).await;
    for name in ["carol", "CAROL", "Carol"] {
        assert!(matches!(by_operator(&app, name).await, Err(Error::Conflict(_))), "{name}");
        assert_eq!(by_invitation(&app, &admin, name).await, 400, "{name}");
    }
    assert_eq!(by_ingestion(&admin, "CAROL").await, 409);
    assert_eq!(by_ingestion(&admin, "Carol").await, 200, "that one exists");
}

#[actix_web::test]
async fn reserved_names_and_what_looks_like_them_are_refused_at_every_door() {
    let app = App::start().await;
    let admin = app.admin().await;
    for name in
        ["Admin", "adm1n", "OPERATOR", "operator", "Service-Account-apikey-1", "R00T", "__x", "data.hub", "Sy5tem"]
    {
        assert!(matches!(by_operator(&app, name).await, Err(Error::Invalid(_))), "{name}");
        assert_eq!(by_invitation(&app, &admin, name).await, 400, "{name}");
        assert_ne!(by_ingestion(&admin, name).await, 200, "{name}");
    }
    for name in ["root", "datahub", "system"] {
        assert_eq!(by_invitation(&app, &admin, name).await, 400, "{name}");
        assert_ne!(by_ingestion(&admin, name).await, 200, "{name}");
        by_operator(&app, name).await.unwrap();
    }
}

/// Runs the statements of a migration, or one statement.
fn run(app: &App, sql: &str) {
    let statements: Vec<&str> = sql.split(";\n").filter(|statement| !statement.trim().is_empty()).collect();
    let all = app.service.database.write(|connection| {
        for statement in &statements {
            diesel::sql_query(*statement).execute(connection)?;
        }
        Ok(())
    });
    all.unwrap();
}

#[actix_web::test]
async fn what_names_meant_before_the_migrations_is_what_they_mean_after_them() {
    let app = App::start().await;
    for name in ["ada", "bob", "other"] {
        app.user(name, Role::Guest).await;
    }
    let policy = app.policy(allow(&["ada", "bob"], &["persona-asset-read"], &[])).await;
    run(&app, include_str!("../../migrations/2026-11-28-200320_folded_usernames/down.sql"));
    run(&app, include_str!("../../migrations/2026-11-28-200310_policy_users/down.sql"));
    // The present `bob` is younger than the policy, and two names differ only in case.
    run(&app, "UPDATE principals SET created_at = created_at + 1 WHERE username = 'bob'");
    run(&app, "UPDATE principals SET created_at = created_at + 2, username = 'Ada' WHERE username = 'other'");
    run(&app, include_str!("../../migrations/2026-11-28-200310_policy_users/up.sql"));
    run(&app, include_str!("../../migrations/2026-11-28-200320_folded_usernames/up.sql"));
    let stored = app.service.database.read(|connection| tessera::storage::policies::find(connection, policy.id));
    assert_eq!(stored.unwrap().unwrap().rule.subjects.users, ["ada"]);
    for name in ["ada", "Ada", "bob"] {
        assert_eq!(app.session_of(name).await.whoami().await.ok()["username"], name);
    }
    assert!(matches!(by_operator(&app, "ADA").await, Err(Error::Conflict(_))));
}

#[actix_web::test]
async fn a_policy_names_those_whom_it_was_written_about_after_an_unrelated_update() {
    let app = App::start().await;
    let admin = app.admin().await;
    for name in ["ada", "bob"] {
        app.user(name, Role::Guest).await;
    }
    let input = policy(&about(&["bob", "ada"]), &[Permission::ViewAudit.name()]);
    let made = ask(&admin, CREATE_POLICY, json!({"input": input})).await;
    data(&ask(&admin, UPDATE_POLICY, json!({"urn": data(&made), "input": input})).await);
    let listed = ask(&admin, "{ listPolicies(input: {query: \"x\", count: 100}) { total } }", Value::Null).await;
    assert!(data(&listed)["total"].is_number());
    for name in ["ada", "bob"] {
        let permissions = permissions(&app.session_of(name).await).await;
        assert!(permissions.as_array().unwrap().contains(&json!("VIEW_AUDIT")), "{name}");
    }
}
