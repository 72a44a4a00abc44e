//! Who may create and revoke access tokens, and how long those live: the table of docs/contracts/datahub.md, section 3.1, row by row.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use super::{
    ask, create, created, data, is_let_in, list, own, problem, refused, revoke, set_base_policy, urn, user_with,
};
use crate::support::{App, BEGIN};

const HOUR: i64 = 3_600_000;

#[actix_web::test]
async fn everybody_creates_tokens_for_themselves() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Guest).await;
    let answer = create(&ada, "PERSONAL", "ada", "my token", "ONE_HOUR").await;
    let (token, metadata) = (&data(&answer)["accessToken"], &data(&answer)["metadata"]);
    let id = metadata["id"].as_str().unwrap();
    assert_eq!(
        *metadata,
        json!({
            "urn": format!("urn:li:dataHubAccessToken:{id}"), "type": "ACCESS_TOKEN", "id": id, "name": "my token",
            "description": null, "actorUrn": urn("ada"), "ownerUrn": urn("ada"), "createdAt": BEGIN,
            "expiresAt": BEGIN + HOUR,
        })
    );
    let token = token.as_str().unwrap();
    assert!(token.starts_with("tsp_") && id.len() == 44 && id.ends_with('=') && !token.contains(id));
    let me = ask(&app.holder_of(token), "{ me { corpUser { username } } }", Value::Null).await;
    assert_eq!(*data(&me), json!({"corpUser": {"username": "ada"}}));
}

#[actix_web::test]
async fn nobody_creates_tokens_for_others_and_the_answer_tells_nothing() {
    let app = App::start().await;
    app.admin().await;
    let ada = app.session_with("ada", Role::Member).await;
    let [known, unknown] = [
        create(&ada, "PERSONAL", "admin", "x", "ONE_HOUR").await,
        create(&ada, "PERSONAL", "nobody", "x", "ONE_HOUR").await,
    ];
    refused(&known);
    assert_eq!(known["data"], json!({"createAccessToken": null}));
    assert_eq!(known, unknown);
}

#[actix_web::test]
async fn managers_of_tokens_create_them_for_everybody_who_exists() {
    let app = App::start().await;
    let admin = app.admin().await;
    let manager = user_with(&app, &admin, "mia", &[Permission::ManageAccessTokens]).await;
    app.user("ada", Role::Guest).await;
    let answer = create(&manager, "PERSONAL", "ada", "for ada", "ONE_DAY").await;
    let metadata = &data(&answer)["metadata"];
    assert_eq!((&metadata["actorUrn"], &metadata["ownerUrn"]), (&json!(urn("ada")), &json!(urn("mia"))));
    let token = data(&answer)["accessToken"].as_str().unwrap();
    assert_eq!(app.holder_of(token).whoami().await.ok()["username"], "ada");
    assert_eq!(problem(&create(&manager, "PERSONAL", "nobody", "x", "ONE_HOUR").await).0, 404);
    let bad = ask(
        &manager,
        super::CREATE,
        json!({"input": {"type": "PERSONAL", "actorUrn": "ada", "name": "x", "duration": "ONE_HOUR"}}),
    );
    assert_eq!(problem(&bad.await).0, 400);
}

#[actix_web::test]
async fn without_the_privilege_nobody_creates_or_lists_from_the_next_request_on() {
    let app = App::start().await;
    let admin = app.admin().await;
    let ada = app.session_with("ada", Role::Guest).await;
    let (token, id) = created(&ada, "ada", "before").await;
    for _ in 0..3 {
        set_base_policy(&admin, "INACTIVE").await;
        refused(&create(&ada, "PERSONAL", "ada", "x", "ONE_HOUR").await);
        refused(&create(&app.holder_of(&token), "PERSONAL", "ada", "x", "ONE_HOUR").await);
        refused(&list(&ada, own("ada")).await);
        set_base_policy(&admin, "ACTIVE").await;
        data(&create(&ada, "PERSONAL", "ada", "x", "ONE_HOUR").await);
        data(&list(&ada, own("ada")).await);
    }
    assert!(is_let_in(&app, &token).await);
    set_base_policy(&admin, "INACTIVE").await;
    assert_eq!(*data(&revoke(&ada, &id).await), true, "an owner revokes whatever else they may do");
}

#[actix_web::test]
async fn only_managers_of_service_accounts_create_tokens_for_them() {
    let app = App::start().await;
    let admin = app.admin().await;
    let created =
        ask(&admin, "mutation { createServiceAccount(input: {displayName: \"etl\"}) { urn } }", Value::Null).await;
    let name = data(&created)["urn"].as_str().unwrap().strip_prefix("urn:li:corpuser:").unwrap().to_owned();
    let tokens = user_with(&app, &admin, "mia", &[Permission::ManageAccessTokens]).await;
    let programs = user_with(&app, &admin, "sam", &[Permission::ManageServiceAccounts]).await;
    for name in [name.as_str(), "service_unknown", "mia"] {
        refused(&create(&tokens, "SERVICE_ACCOUNT", name, "x", "ONE_HOUR").await);
    }
    let answer = create(&programs, "SERVICE_ACCOUNT", &name, "nightly", "NO_EXPIRY").await;
    assert_eq!(data(&answer)["metadata"]["expiresAt"], Value::Null);
    let token = data(&answer)["accessToken"].as_str().unwrap();
    assert_eq!(app.holder_of(token).whoami().await.ok()["kind"], "service_account");
    assert_eq!(
        problem(&create(&admin, "SERVICE_ACCOUNT", "mia", "x", "ONE_HOUR").await),
        (400, format!("The specified URN is not a service account: {}", urn("mia")))
    );
    for unknown in ["mia", "service_x"] {
        assert_eq!(
            problem(&create(&programs, "SERVICE_ACCOUNT", unknown, "x", "ONE_HOUR").await),
            (404, format!("Service account not found: {}", urn(unknown))),
            "who does not see users is not told of one"
        );
    }
    assert_eq!(problem(&create(&admin, "PERSONAL", &name, "x", "ONE_HOUR").await).0, 400, "that is no person");
}

#[actix_web::test]
async fn owners_and_managers_revoke_and_nobody_else_learns_anything() {
    let app = App::start().await;
    let admin = app.admin().await;
    let ada = app.session_with("ada", Role::Member).await;
    let bob = app.session_with("bob", Role::Member).await;
    let (own, own_id) = created(&ada, "ada", "own").await;
    let (given, given_id) = created(&admin, "ada", "given").await;
    refused(&revoke(&bob, &own_id).await);
    assert_eq!(revoke(&bob, &own_id).await["data"], Value::Null);
    assert_eq!(revoke(&bob, &own_id).await, revoke(&bob, "no such token").await);
    refused(&revoke(&ada, &given_id).await);
    assert!(is_let_in(&app, &own).await && is_let_in(&app, &given).await);
    assert_eq!(*data(&revoke(&ada, &own_id).await), true);
    assert_eq!(*data(&revoke(&admin, &given_id).await), true);
    assert!(!is_let_in(&app, &own).await && !is_let_in(&app, &given).await);
    refused(&revoke(&ada, &own_id).await);
    let again = revoke(&admin, &own_id).await;
    assert_eq!(problem(&again), (500, "Failed to revoke access token".to_owned()));
    assert_eq!(again["data"], Value::Null);
}

#[actix_web::test]
async fn a_token_revokes_itself() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Guest).await;
    let (token, id) = created(&ada, "ada", "own").await;
    assert_eq!(*data(&revoke(&app.holder_of(&token), &id).await), true);
    assert!(!is_let_in(&app, &token).await);
}

#[actix_web::test]
async fn whose_a_token_is_only_managers_of_tokens_learn() {
    let app = App::start().await;
    let admin = app.admin().await;
    let ada = app.session_with("ada", Role::Member).await;
    let (token, id) = created(&ada, "ada", "lost").await;
    let query = "query($token: String!) { getAccessTokenMetadata(token: $token) { id actorUrn ownerUrn name } }";
    let whose = async |client, token: &str| ask(client, query, json!({"token": token})).await;
    assert_eq!(
        *data(&whose(&admin, &token).await),
        json!({"id": id, "actorUrn": urn("ada"), "ownerUrn": urn("ada"), "name": "lost"})
    );
    refused(&whose(&ada, &token).await);
    let forged = format!("{}{}", &token[..token.len() - 7], "0000000");
    for none in [forged.as_str(), "", "eyJhbGciOiJIUzI1NiJ9.e30.x", &app.key_with(&[]).await.token] {
        assert_eq!(problem(&whose(&admin, none).await).0, 404, "{none}");
    }
    app.advance(2 * HOUR);
    assert_eq!(data(&whose(&app.session_of("admin").await, &token).await)["name"], "lost", "also of an expired one");
}

#[actix_web::test]
async fn tokens_without_a_name_are_for_oneself() {
    let app = App::start().await;
    let admin = app.admin().await;
    let query = "query($input: GetAccessTokenInput!) { getAccessToken(input: $input) { accessToken metadata { id } } }";
    let get = async |kind: &str, name: &str| {
        let input = json!({"type": kind, "actorUrn": urn(name), "duration": "ONE_HOUR"});
        ask(&admin, query, json!({"input": input})).await
    };
    app.user("ada", Role::Member).await;
    let answer = get("PERSONAL", "admin").await;
    assert_eq!(data(&answer)["metadata"], Value::Null);
    assert!(is_let_in(&app, data(&answer)["accessToken"].as_str().unwrap()).await);
    refused(&get("PERSONAL", "ada").await);
}

#[actix_web::test]
async fn tokens_end_when_they_were_told_to() {
    let app = App::start().await;
    let admin = app.admin().await;
    let day = 24 * HOUR;
    for (duration, lifetime) in [
        ("ONE_HOUR", HOUR),
        ("ONE_DAY", day),
        ("ONE_WEEK", 7 * day),
        ("ONE_MONTH", 30 * day),
        ("THREE_MONTHS", 90 * day),
        ("SIX_MONTHS", 180 * day),
        ("ONE_YEAR", 365 * day),
    ] {
        let answer = create(&admin, "PERSONAL", "admin", "x", duration).await;
        assert_eq!(data(&answer)["metadata"]["expiresAt"], BEGIN + lifetime, "{duration}");
    }
    let (token, _) = created(&admin, "admin", "short").await;
    app.advance(HOUR - 1);
    assert!(is_let_in(&app, &token).await);
    app.advance(1);
    assert!(!is_let_in(&app, &token).await);
}

#[actix_web::test]
async fn a_duration_is_given_once_and_is_one_of_the_list() {
    let app = App::start().await;
    let admin = app.admin().await;
    let create = async |durations: Value| {
        let mut input = json!({"type": "PERSONAL", "actorUrn": urn("admin"), "name": "x"});
        input.as_object_mut().unwrap().extend(durations.as_object().unwrap().clone());
        ask(&admin, super::CREATE, json!({"input": input})).await
    };
    let month = create(json!({"durationIso": "P30D"})).await;
    assert_eq!(data(&month)["metadata"]["expiresAt"], BEGIN + 30 * 24 * HOUR);
    let once = "Exactly one of duration or durationIso must be provided when creating an access token";
    for both in [
        json!({}),
        json!({"duration": "ONE_DAY", "durationIso": "P1D"}),
        json!({"duration": "ONE_DAY", "durationIso": ""}),
    ] {
        assert_eq!(problem(&create(both).await), (400, once.to_owned()));
    }
    let (code, message) = problem(&create(json!({"durationIso": "P45D"})).await);
    assert_eq!(code, 400);
    assert!(message.starts_with("Access token duration 'P45D' is not allowed. Choose a value from ACCESS_TOKEN_ALLOWED_DURATIONS (currently: PT1H, "), "{message}");
}

#[actix_web::test]
async fn names_and_descriptions_are_bounded() {
    let app = App::start().await;
    let admin = app.admin().await;
    for (name, description) in [("", ""), ("a\0b", ""), (&*"x".repeat(256), ""), ("x", &*"y".repeat(4097))] {
        let input = json!({"type": "PERSONAL", "actorUrn": urn("admin"), "duration": "ONE_DAY", "name": name, "description": description});
        assert_eq!(problem(&ask(&admin, super::CREATE, json!({"input": input})).await).0, 400);
    }
    assert_eq!(data(&list(&admin, json!({})).await)["total"], 0);
}
