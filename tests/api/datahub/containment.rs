//! No privilege escalation through DataHub's API: tokens, roles, invitations, and the last administrator.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::{PrincipalState, Role};
use tessera::service::authz::administrators;
use tessera::service::people::users;

use super::{ask, create, created, data, is_let_in, problem, refused, urn, user_with};
use crate::support::{App, Client, PASSWORD};

const CONNECTION: &str = "default/snowflake/1";

async fn assign(client: &Client, role: &str, name: &str) -> Value {
    let input = json!({"roleUrn": format!("urn:li:dataHubRole:{role}"), "actors": [urn(name)]});
    ask(client, "mutation($input: BatchAssignRoleInput!) { batchAssignRole(input: $input) }", json!({"input": input}))
        .await
}

async fn remove(client: &Client, name: &str) -> Value {
    ask(client, "mutation($urn: String!) { removeUser(urn: $urn) }", json!({"urn": urn(name)})).await
}

async fn set_status(client: &Client, name: &str, status: &str) -> Value {
    let query = "mutation($urn: String!, $status: CorpUserStatus!) { updateUserStatus(urn: $urn, status: $status) }";
    ask(client, query, json!({"urn": urn(name), "status": status})).await
}

async fn service_account(client: &Client) -> String {
    let made = ask(client, "mutation { createServiceAccount(input: {displayName: \"etl\"}) { name } }", Value::Null);
    data(&made.await)["name"].as_str().unwrap().to_owned()
}

async fn name_in_connection(admin: &Client, list: &str, members: Value) {
    admin.save("Connection", &json!({"qualifiedName": CONNECTION, "name": "c", list: members})).await.ok();
}

#[actix_web::test]
async fn nobody_mints_for_a_service_account_that_an_asset_names() {
    let app = App::start().await;
    let admin = app.admin().await;
    let sam = user_with(&app, &admin, "sam", &[Permission::ManageServiceAccounts]).await;
    let account = service_account(&sam).await;
    let mint = async |client: &Client| create(client, "SERVICE_ACCOUNT", &account, "t", "NO_EXPIRY").await;
    let early = mint(&sam).await;
    let early = data(&early)["accessToken"].as_str().unwrap();
    let others = mint(&admin).await;
    let others = data(&others)["accessToken"].as_str().unwrap();
    admin.asset("Connection", CONNECTION).await;
    for list in ["viewerUsers", "adminUsers"] {
        name_in_connection(&admin, list, json!([account])).await;
        refused(&mint(&sam).await);
        data(&mint(&admin).await);
        name_in_connection(&admin, list, json!([])).await;
    }
    data(&mint(&sam).await);
    assert!(!is_let_in(&app, early).await, "a token that its creator kept ends when the account outgrows the creator");
    assert!(is_let_in(&app, others).await);
}

#[actix_web::test]
async fn tokens_end_when_who_they_are_for_outgrows_who_created_them() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mia = user_with(&app, &admin, "mia", &[Permission::ManageAccessTokens, Permission::ViewApiKeys]).await;
    let sam = user_with(&app, &admin, "sam", &[Permission::ManageServiceAccounts]).await;
    app.user("ada", Role::Guest).await;
    let account = service_account(&sam).await;
    let policy = super::policy(
        &json!({"users": [urn(&account)], "resourceOwners": false, "allUsers": false, "allGroups": false}),
        &["MANAGE_POLICIES"],
    );
    let token = create(&sam, "SERVICE_ACCOUNT", &account, "t", "ONE_DAY").await;
    let token = data(&token)["accessToken"].as_str().unwrap();
    data(&ask(&admin, super::CREATE_POLICY, json!({"input": policy})).await);
    assert!(!is_let_in(&app, token).await, "by a policy");
    let (token, _) = created(&mia, "ada", "kept").await;
    let (own, _) = created(&app.session_of("ada").await, "ada", "own").await;
    data(&assign(&admin, "Editor", "ada").await);
    assert!(is_let_in(&app, &token).await, "who created it reaches what editors reach");
    data(&assign(&admin, "Admin", "ada").await);
    assert!(!is_let_in(&app, &token).await, "by a role");
    assert!(is_let_in(&app, &own).await);
}

#[actix_web::test]
async fn who_manages_tokens_creates_none_for_those_who_reach_more() {
    let app = App::start().await;
    let admin = app.admin().await;
    let mia = user_with(&app, &admin, "mia", &[Permission::ManageAccessTokens]).await;
    app.user("ada", Role::Guest).await;
    created(&mia, "ada", "for ada").await;
    refused(&create(&mia, "PERSONAL", "admin", "x", "ONE_HOUR").await);
    admin.asset("Connection", CONNECTION).await;
    name_in_connection(&admin, "viewerUsers", json!(["ada"])).await;
    refused(&create(&mia, "PERSONAL", "ada", "x", "ONE_HOUR").await);
    created(&admin, "ada", "for ada").await;
    // Policies about every user do not apply to keys, so a key reaches less than any user.
    let key = app.key_with(&[Permission::ManageAccessTokens, Permission::GeneratePersonalAccessTokens]).await;
    app.user("bob", Role::Guest).await;
    refused(&create(&key, "PERSONAL", "bob", "x", "ONE_HOUR").await);
}

#[actix_web::test]
async fn nobody_gives_a_role_that_assets_name_and_they_do_not_reach() {
    let app = App::start().await;
    let admin = app.admin().await;
    let gus = user_with(&app, &admin, "gus", &[Permission::ManageUsersAndGroups]).await;
    app.user("ada", Role::Guest).await;
    let connection = admin.asset("Connection", CONNECTION).await;
    name_in_connection(&admin, "adminRoles", json!([Role::Member.id()])).await;
    for name in ["gus", "ada"] {
        refused(&assign(&gus, "Editor", name).await);
    }
    let invite = "query { getInviteToken(input: {roleUrn: \"urn:li:dataHubRole:Editor\"}) { inviteToken } }";
    refused(&ask(&gus, invite, Value::Null).await);
    gus.entity(&connection).await.refused("ATLAS-404-00-005");
    name_in_connection(&admin, "adminUsers", json!(["admin", "gus"])).await;
    data(&assign(&gus, "Editor", "ada").await);
}

#[actix_web::test]
async fn a_guest_who_manages_users_changes_no_administrator() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("second", Role::Admin).await;
    let gus = user_with(&app, &admin, "gus", &[Permission::ManageUsersAndGroups]).await;
    for role in ["Reader", "Editor", "Admin"] {
        refused(&assign(&gus, role, "admin").await);
    }
    refused(&remove(&gus, "admin").await);
    for status in ["SUSPENDED", "ACTIVE"] {
        refused(&set_status(&gus, "admin", status).await);
    }
    let aspect = json!({"proposal": {"entityType": "corpuser", "entityUrn": urn("admin"), "changeType": "UPSERT",
        "aspectName": "status", "aspect": {"value": "{\"removed\": true}", "contentType": "application/json"}}, "async": "false"});
    assert_eq!(gus.post("/aspects?action=ingestProposal", &aspect).await.status, 403);
    admin.whoami().await.ok();
    app.user("ada", Role::Member).await;
    data(&set_status(&gus, "ada", "SUSPENDED").await);
    data(&set_status(&gus, "ada", "ACTIVE").await);
    data(&remove(&gus, "ada").await);
    let key = app.key_with(&[Permission::ManageUsersAndGroups]).await;
    app.user("bob", Role::Member).await;
    data(&remove(&key, "bob").await);
    refused(&remove(&key, "second").await);
}

#[actix_web::test]
async fn the_last_administrator_stays_through_every_door_but_the_command_line() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("off", Role::Admin).await;
    data(&set_status(&admin, "off", "SUSPENDED").await);
    // A user created without a password cannot sign in.
    let info = json!({"proposal": {"entityType": "corpuser", "entityUrn": urn("paper"), "changeType": "UPSERT",
        "aspectName": "corpUserInfo",
        "aspect": {"value": "{\"active\": true, \"displayName\": \"p\"}", "contentType": "application/json"}}});
    assert_eq!(admin.post("/aspects?action=ingestProposal", &info).await.status, 200);
    data(&assign(&admin, "Admin", "paper").await);
    assert_eq!(administrators::count(&app.service).await.unwrap(), 1);
    for answer in [
        assign(&admin, "Editor", "admin").await,
        assign(&admin, "Reader", "admin").await,
        remove(&admin, "admin").await,
        set_status(&admin, "admin", "SUSPENDED").await,
    ] {
        let (code, message) = problem(&answer);
        assert!(code == 409 && message.contains("last enabled user"), "{answer}");
    }
    app.user("second", Role::Admin).await;
    data(&assign(&app.session_of("second").await, "Editor", "second").await);
    app.user("third", Role::Admin).await;
    data(&remove(&app.session_of("third").await, "admin").await);
    assert_eq!(problem(&remove(&app.session_of("third").await, "third").await).0, 409);
    let operator = app.operator();
    users::set_state(&app.service, &operator, "third".into(), PrincipalState::Disabled).await.unwrap();
    assert_eq!(administrators::count(&app.service).await.unwrap(), 0);
}

#[actix_web::test]
async fn an_invitation_counts_as_long_as_who_invited_could_invite() {
    let app = App::start().await;
    let admin = app.admin().await;
    let cora = user_with(&app, &admin, "cora", &[Permission::ManageUserCredentials]).await;
    let invite = async |client: &Client, role: &str| {
        let input = json!({"input": {"roleUrn": format!("urn:li:dataHubRole:{role}")}});
        let query = "query($input: GetInviteTokenInput!) { getInviteToken(input: $input) { inviteToken } }";
        data(&ask(client, query, input).await)["inviteToken"].clone()
    };
    let sign_up = async |name: &str, invite: &Value| {
        let body = json!({"fullName": "x", "email": name, "password": PASSWORD, "title": "x", "inviteToken": invite});
        app.anonymous().post("/signUp", &body).await.status
    };
    let by_cora = invite(&cora, "Editor").await;
    let by_admin = invite(&admin, "Editor").await;
    assert_eq!(sign_up("one", &by_cora).await, 200);
    data(&set_status(&admin, "cora", "SUSPENDED").await);
    assert_eq!(sign_up("two", &by_cora).await, 400);
    data(&set_status(&admin, "cora", "ACTIVE").await);
    assert_eq!(sign_up("two", &by_cora).await, 400, "a suspension voids the links");
    let by_cora = invite(&cora, "Editor").await;
    assert_eq!(sign_up("two", &by_cora).await, 200);
    admin.asset("Connection", CONNECTION).await;
    name_in_connection(&admin, "viewerRoles", json!([Role::Member.id()])).await;
    assert_eq!(sign_up("three", &by_cora).await, 400, "the role reaches more than the inviter");
    assert_eq!(sign_up("three", &by_admin).await, 200);
    name_in_connection(&admin, "viewerRoles", json!([])).await;
    data(&remove(&admin, "cora").await);
    assert_eq!(sign_up("four", &by_cora).await, 400);
    // An actor cannot invite in another's name.
    let forged = format!("{}{}", &by_admin.as_str().unwrap()[..32], &by_cora.as_str().unwrap()[32..]);
    assert_eq!(sign_up("four", &json!(forged)).await, 400);
    assert_eq!(sign_up("four", &by_admin).await, 200);
}
