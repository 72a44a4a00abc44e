//! Users: inviting, signing up, roles, suspending and removing them.

use serde_json::{Value, json};
use tessera::domain::password::PasswordRule;
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;
use tessera::http::datahub::DoorRules;

use super::{ask, browser, created, data, is_let_in, problem, refused, urn, user_with};
use crate::support::{Answer, App, Client, Options, PASSWORD};

async fn invite(client: &Client, role: Value) -> Value {
    let query = "query($input: GetInviteTokenInput!) { getInviteToken(input: $input) { inviteToken } }";
    ask(client, query, json!({"input": {"roleUrn": role}})).await
}

async fn sign_up(client: &Client, name: &str, password: &str, invite: &Value) -> Answer {
    let body = json!({"fullName": "Test User", "email": name, "password": password, "title": "Data Engineer",
                      "inviteToken": invite, "userUrn": "urn:li:corpuser:ignored"});
    client.post("/signUp", &body).await
}

async fn remove(client: &Client, name: &str) -> Value {
    ask(client, "mutation($urn: String!) { removeUser(urn: $urn) }", json!({"urn": urn(name)})).await
}

#[actix_web::test]
async fn whoever_is_invited_signs_up_with_a_plain_word_where_short_passwords_are_allowed() {
    let datahub = DoorRules { password_rule: PasswordRule { shortest: 4 }, ..DoorRules::default() };
    let app = App::start_with(Options { datahub, ..Options::default() }).await;
    let admin = app.admin().await;
    let first = invite(&admin, Value::Null).await;
    assert_eq!(first, invite(&admin, Value::Null).await, "asking again gives the same");
    let token = &data(&first)["inviteToken"];
    let answer = sign_up(&app.anonymous(), " user ", "user", token).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    let cookies: Vec<String> = answer
        .headers
        .get_all("set-cookie")
        .map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned())
        .collect();
    let user = app.anonymous().with("cookie", &cookies.join("; "));
    let me =
        ask(&user, "{ me { corpUser { username properties { displayName fullName title email } } } }", Value::Null)
            .await;
    let properties =
        json!({"displayName": "Test User", "fullName": "Test User", "title": "Data Engineer", "email": "user"});
    assert_eq!(data(&me)["corpUser"], json!({"username": "user", "properties": properties}));
    let role =
        ask(&admin, "{ debugAccess(userUrn: \"urn:li:corpuser:user\") { roles privileges } }", Value::Null).await;
    assert_eq!(
        *data(&role),
        json!({"roles": ["urn:li:dataHubRole:Reader"], "privileges": ["GENERATE_PERSONAL_ACCESS_TOKENS", "VIEW_ANALYTICS"]})
    );
    assert_eq!(sign_up(&app.anonymous(), "user", "user2", token).await.status, 400, "the name is taken");
    let listed = ask(
        &admin,
        "{ listUsers(input: {start: 0, count: 20}) { start count total users { username } } }",
        Value::Null,
    )
    .await;
    assert_eq!(
        *data(&listed),
        json!({"start": 0, "count": 20, "total": 2, "users": [{"username": "admin"}, {"username": "user"}]})
    );
}

#[actix_web::test]
async fn an_invitation_is_for_one_role_and_ends_with_the_next_set() {
    let app = App::start().await;
    let admin = app.admin().await;
    let editor = invite(&admin, json!("urn:li:dataHubRole:Editor")).await;
    let editor = &data(&editor)["inviteToken"];
    assert_eq!(sign_up(&app.anonymous(), "eve", PASSWORD, editor).await.status, 200);
    let role = ask(&admin, "{ debugAccess(userUrn: \"urn:li:corpuser:eve\") { allRoles } }", Value::Null).await;
    assert_eq!(data(&role)["allRoles"], json!(["urn:li:dataHubRole:Editor"]));
    let renewed = ask(&admin, "mutation { createInviteToken(input: {}) { inviteToken } }", Value::Null).await;
    for old in [editor.clone(), json!("x"), json!("0".repeat(64))] {
        let answer = sign_up(&app.anonymous(), "late", PASSWORD, &old).await;
        assert_eq!(answer.status, 400);
        assert!(answer.json["message"].as_str().unwrap().contains("inviteToken"), "{}", answer.text);
    }
    assert_eq!(sign_up(&app.anonymous(), "late", PASSWORD, &data(&renewed)["inviteToken"]).await.status, 200);
    assert_eq!(problem(&invite(&admin, json!("urn:li:dataHubRole:God")).await).0, 400);
}

#[actix_web::test]
async fn what_is_left_blank_is_named() {
    let app = App::start().await;
    for (member, name) in [
        ("fullName", "Full name"),
        ("email", "Email"),
        ("password", "Password"),
        ("title", "Title"),
        ("inviteToken", "Invite token"),
    ] {
        let mut body = json!({"fullName": "a", "email": "a", "password": "aaaa", "title": "a", "inviteToken": "a"});
        body[member] = json!(" ");
        let answer = app.anonymous().post("/signUp", &body).await;
        assert_eq!((answer.status, &answer.json["message"]), (400, &json!(format!("{name} must not be empty."))));
    }
    let reserved = sign_up(&app.anonymous(), "__datahub_system", PASSWORD, &json!("x")).await;
    assert_eq!(reserved.status, 400);
    assert_eq!(sign_up(&app.anonymous(), "service_x", PASSWORD, &json!("x")).await.status, 400);
    assert_eq!(sign_up(&app.anonymous(), "short", "abc", &json!("x")).await.status, 400);
}

#[actix_web::test]
async fn who_signs_up_has_a_name_and_a_title_that_can_be_stored() {
    let app = App::start().await;
    let token = data(&invite(&app.admin().await, Value::Null).await)["inviteToken"].clone();
    let body = json!({"fullName": "a", "email": "ada", "password": PASSWORD, "title": "a", "inviteToken": token});
    let long = "x".repeat(256);
    for (member, value, message) in [
        ("fullName", "a\0b", "Full name must not contain control characters."),
        ("title", "a\0b", "Title must not contain control characters."),
        ("fullName", long.as_str(), "Full name must have at most 255 characters, not 256."),
        ("title", long.as_str(), "Title must have at most 255 characters, not 256."),
    ] {
        let mut body = body.clone();
        body[member] = json!(value);
        let answer = app.anonymous().post("/signUp", &body).await;
        assert_eq!((answer.status, &answer.json["message"]), (400, &json!(message)));
    }
    assert_eq!(app.anonymous().post("/signUp", &body).await.status, 200);
}

#[actix_web::test]
async fn who_manages_credentials_invites_but_to_nothing_beyond_what_they_hold() {
    let app = App::start().await;
    let admin = app.admin().await;
    let reader = app.session_with("ada", Role::Member).await;
    refused(&invite(&reader, Value::Null).await);
    refused(&ask(&reader, "mutation { createInviteToken(input: {}) { inviteToken } }", Value::Null).await);
    for (name, permission) in [("cora", Permission::ManageUserCredentials), ("gus", Permission::ManageUsersAndGroups)] {
        let client = user_with(&app, &admin, name, &[permission]).await;
        data(&invite(&client, Value::Null).await);
        refused(&invite(&client, json!("urn:li:dataHubRole:Admin")).await);
        refused(
            &ask(
                &client,
                "mutation { createInviteToken(input: {roleUrn: \"urn:li:dataHubRole:Admin\"}) { inviteToken } }",
                Value::Null,
            )
            .await,
        );
    }
}

#[actix_web::test]
async fn a_role_counts_from_the_next_request_on_and_is_nobodys_to_give_who_lacks_it() {
    let app = App::start().await;
    let admin = app.admin().await;
    let ada = app.session_with("ada", Role::Guest).await;
    let assign = async |client: &Client, role: &str, names: &[&str]| {
        let actors: Vec<String> = names.iter().map(|name| urn(name)).collect();
        let input = json!({"roleUrn": format!("urn:li:dataHubRole:{role}"), "actors": actors});
        ask(
            client,
            "mutation($input: BatchAssignRoleInput!) { batchAssignRole(input: $input) }",
            json!({"input": input}),
        )
        .await
    };
    refused(&super::list(&ada, json!({})).await);
    assert_eq!(*data(&assign(&admin, "Admin", &["ada"]).await), true);
    data(&super::list(&ada, json!({})).await);
    data(&assign(&admin, "Reader", &["ada"]).await);
    refused(&super::list(&ada, json!({})).await);
    refused(&assign(&ada, "Reader", &["admin"]).await);
    let gus = user_with(&app, &admin, "gus", &[Permission::ManageUsersAndGroups]).await;
    refused(&assign(&gus, "Admin", &["ada"]).await);
    data(&assign(&gus, "Editor", &["ada"]).await);
    assert_eq!(problem(&assign(&gus, "Editor", &["ada", "nobody"]).await).0, 404);
    let key = app.key_with(&[]).await;
    let api_key = format!("service-account-apikey-{}", key.id);
    assert_eq!(problem(&assign(&admin, "Admin", &[&api_key]).await).0, 404, "an API key has what it was given");
}

#[actix_web::test]
async fn removing_ends_everything_of_a_user_and_of_nobody_is_no_error() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ada", Role::Member).await;
    let session = browser(&app, "ada").await;
    let (token, _) = created(&app.session_of("ada").await, "ada", "own").await;
    refused(&remove(&app.session_of("ada").await, "admin").await);
    assert_eq!(*data(&remove(&admin, "ada").await), true);
    assert!(!is_let_in(&app, &token).await);
    assert_eq!(session.get("/openapi/operations/identity/user/urn").await.status, 401);
    assert_eq!(*data(&remove(&admin, "ada").await), true);
    app.user("ada", Role::Admin).await;
    assert!(!is_let_in(&app, &token).await, "a namesake gets nothing back");
    assert_eq!(session.get("/openapi/operations/identity/user/urn").await.status, 401);
    assert_eq!(data(&super::list(&admin, json!({})).await)["total"], 0);
}

#[actix_web::test]
async fn a_suspended_user_is_refused_with_every_credential_and_readmitted_with_all_of_them() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ada", Role::Member).await;
    let session = browser(&app, "ada").await;
    let (token, _) = created(&app.session_of("ada").await, "ada", "own").await;
    let set = async |status: &str| {
        let query =
            "mutation($urn: String!, $status: CorpUserStatus!) { updateUserStatus(urn: $urn, status: $status) }";
        data(&ask(&admin, query, json!({"urn": urn("ada"), "status": status})).await);
    };
    for _ in 0..2 {
        set("SUSPENDED").await;
        assert!(!is_let_in(&app, &token).await);
        let told = session.get("/openapi/operations/identity/user/urn").await;
        assert_eq!(
            (told.status, &told.json["message"]),
            (401, &json!("Unauthorized to perform this action. The user is suspended or removed."))
        );
        let sign_in = app.anonymous().post("/logIn", &json!({"username": "ada", "password": PASSWORD})).await;
        assert_eq!((sign_in.status, &sign_in.json["message"]), (400, &json!("The user is suspended or removed.")));
        set("ACTIVE").await;
        assert!(is_let_in(&app, &token).await);
        assert_eq!(session.get("/openapi/operations/identity/user/urn").await.status, 200);
    }
    let ada = app.session_of("ada").await;
    let query = "mutation { updateUserStatus(urn: \"urn:li:corpuser:admin\", status: SUSPENDED) }";
    refused(&ask(&ada, query, Value::Null).await);
}

#[actix_web::test]
async fn only_who_manages_users_learns_what_they_may_do() {
    let app = App::start().await;
    app.admin().await;
    let ada = app.session_with("ada", Role::Member).await;
    for name in ["ada", "admin", "nobody"] {
        let query = "query($urn: String!) { debugAccess(userUrn: $urn) { roles } }";
        refused(&ask(&ada, query, json!({"urn": urn(name)})).await);
    }
}
