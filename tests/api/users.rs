//! `/api/service/users`, `whoami`, `roles` and `v2/groups`: what Atlan's SDKs read about users.

use serde_json::json;
use tessera::domain::error::Error;
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;
use tessera::service::people::users::{self, NewUser, PersonalTokens};

use crate::support::{App, BEGIN, Client, PASSWORD};

const USERS: &str = "/api/service/users";

async fn crowd() -> (App, Client) {
    let app = App::start().await;
    let admin = app.admin().await;
    for name in ["bob", "Ada", "ann"] {
        app.advance(1);
        app.user(name, Role::Member).await;
    }
    (app, admin)
}

#[actix_web::test]
async fn the_current_user_has_the_shape_that_sdks_parse() {
    let app = App::start().await;
    let admin = app.admin().await;
    let user = admin.get("/api/service/users/current").await.ok();
    assert_eq!(
        user,
        json!({
            "id": user["id"], "username": "admin", "email": "admin@example.org", "firstName": "admin", "lastName": "",
            "enabled": true, "emailVerified": true, "createdTimestamp": BEGIN, "workspaceRole": "$admin",
            "roles": ["$admin"], "attributes": {"displayName": ["admin"], "kind": ["user"]},
        })
    );
    assert_eq!(admin.get("/api/service/users?limit=1").await.ok()["records"][0], user);
}

#[actix_web::test]
async fn the_current_user_of_a_key_is_its_service_account() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let user = key.get("/api/service/users/current/").await.ok();
    assert_eq!(user["username"], format!("service-account-apikey-{}", key.id));
    assert_eq!((&user["id"], &user["enabled"], &user["emailVerified"]), (&json!(key.id), &json!(true), &json!(false)));
    assert_eq!((&user["createdTimestamp"], &user["attributes"]["kind"]), (&json!(BEGIN), &json!(["service_account"])));
}

#[actix_web::test]
async fn whoami_tells_roles_permissions_and_personas() {
    let app = App::start().await;
    let admin = app.admin().await.whoami().await.ok();
    assert_eq!(
        admin,
        json!({
            "id": admin["id"], "username": "admin", "kind": "user", "roles": [{"name": "$admin"}],
            "permissions": Permission::ALL.map(Permission::name), "personas": [], "expiresAt": admin["expiresAt"],
        })
    );
    let key = app.key_with(&[Permission::ManagePersonas]).await;
    assert_eq!(
        key.whoami().await.ok(),
        json!({
            "id": key.id, "clientId": format!("apikey-{}", key.id), "username": format!("service-account-apikey-{}", key.id), "kind": "service_account",
            "roles": [{"name": "$api-token-default-access"}], "permissions": ["MANAGE_PERSONAS"], "personas": [],
        })
    );
}

#[actix_web::test]
async fn users_are_found_by_the_filters_that_sdks_send() {
    let (_app, admin) = crowd().await;
    for (filter, names) in [
        (json!({"username": "bob"}), &["bob"][..]),
        (json!({"username": {"$in": ["bob", "ann", "x"]}}), &["ann", "bob"]),
        (json!({"username": {"$in": [""]}}), &[]),
        (json!({"email": {"$in": [""]}}), &[]),
        (json!({"email": {"$ilike": "%ADA@%"}}), &["Ada"]),
        (json!({"$and": [{"username": {"$eq": "bob"}}]}), &["bob"]),
        (json!({"createdAt": {"$gt": BEGIN + 1}}), &["Ada", "ann"]),
    ] {
        let page = admin.list(USERS, &[("filter", &filter.to_string()), ("columns", "a"), ("columns", "b")]).await;
        assert_eq!(page.column("username"), names, "{filter}");
        assert_eq!(page.totals(), [4, i64::try_from(names.len()).unwrap()]);
    }
}

#[actix_web::test]
async fn a_limit_of_0_gives_users_and_totals() {
    let (_app, admin) = crowd().await;
    let page = admin.get("/api/service/users?count=true&offset=0&limit=0&sort=username").await;
    assert_eq!((page.column("username").len(), page.totals()), (4, [4, 4]));
}

#[actix_web::test]
async fn users_are_sorted_and_paged_to_the_end() {
    let (_app, admin) = crowd().await;
    for (sort, names) in [
        ("", ["Ada", "admin", "ann", "bob"]),
        ("-username", ["bob", "ann", "admin", "Ada"]),
        ("createdAt", ["admin", "bob", "Ada", "ann"]),
        ("-createdAt,username", ["ann", "Ada", "bob", "admin"]),
    ] {
        assert_eq!(admin.list(USERS, &[("sort", sort)]).await.column("username"), names, "{sort}");
        let first = admin.list(USERS, &[("sort", sort), ("limit", "3")]).await;
        let second = admin.get(&first.next().unwrap()).await;
        assert_eq!([first.column("username"), second.column("username")].concat(), names, "{sort}");
    }
    assert_eq!(admin.list(USERS, &[("offset", "4")]).await.column("id").len(), 0);
}

#[actix_web::test]
async fn no_filter_or_order_reaches_a_password() {
    let (_app, admin) = crowd().await;
    for field in ["password_hash", "passwordHash", "password", "displayName"] {
        admin.list(USERS, &[("filter", &json!({field: "x"}).to_string())]).await.violates("filter");
        admin.list(USERS, &[("sort", field)]).await.violates("sort");
    }
    assert!(!admin.list(USERS, &[]).await.text.contains("argon2"));
}

#[actix_web::test]
async fn service_accounts_are_no_users() {
    let (app, admin) = crowd().await;
    app.key_with(&[]).await;
    assert_eq!(admin.list(USERS, &[]).await.totals(), [4, 4]);
}

#[actix_web::test]
async fn roles_are_found_by_the_filters_that_sdks_send() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let all = ["$admin", "$api-token-default-access", "$guest", "$member"];
    for (params, names) in [
        (vec![], &all[..]),
        (vec![("filter", r#"{"name":{"$ilike":"$%"}}"#), ("limit", "100")], &all),
        (vec![("filter", r#"{"$or": [{"level": "workspace"}, {"level": "admin-subrole"}]}"#)], &all),
        (vec![("filter", r#"{"name":"$admin"}"#)], &all[..1]),
        (vec![("filter", r#"{"level":"admin-subrole"}"#)], &[]),
        (vec![("sort", "name"), ("offset", "1"), ("limit", "2")], &all[1..3]),
        (vec![("offset", "4")], &[]),
    ] {
        assert_eq!(key.list("/api/service/roles", &params).await.column("name"), names, "{params:?}");
    }
    assert_eq!(key.list("/api/service/roles", &[("sort", "-name")]).await.column("name")[0], "$member");
    let record = key.get("/api/service/roles/").await.ok()["records"][0].clone();
    assert_eq!(record, json!({"id": record["id"], "name": "$admin", "description": "Admin", "level": "workspace"}));
}

#[actix_web::test]
async fn there_are_no_groups() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let filter = r#"{"$and":[{"alias":{"$ilike":"%x%"}}]}"#;
    for params in [vec![], vec![("filter", filter), ("sort", "name"), ("limit", "20"), ("offset", "0")]] {
        let page = key.list("/api/service/v2/groups", &params).await.ok();
        assert_eq!(page, json!({"totalRecord": 0, "filterRecord": 0, "records": []}));
    }
}

#[actix_web::test]
async fn user_names_are_unique_plain_and_not_reserved() {
    let (app, _admin) = crowd().await;
    let create = |name: &str, password: &str| {
        let new =
            NewUser { username: name.into(), role: Role::Guest, email: String::new(), password: Some(password.into()) };
        let (service, operator) = (app.service.clone(), app.operator());
        async move { users::create(&service, &operator, new).await }
    };
    assert!(matches!(create("bob", PASSWORD).await, Err(Error::Conflict(_))));
    for name in ["", "a b", "é", "operator", "service-account-x", "service_x", "a\n", &"a".repeat(101)] {
        assert!(matches!(create(name, PASSWORD).await, Err(Error::Invalid(_))), "{name:?}");
    }
    for password in ["", "7 bytes", &"x".repeat(1025)] {
        assert!(matches!(create("eve", password).await, Err(Error::Invalid(_))), "{password:?}");
    }
    create("eve", "8 bytes!").await.unwrap();
}

#[actix_web::test]
async fn a_drawn_password_signs_in_and_no_two_are_the_same() {
    let app = App::start().await;
    let draw = |name: &str| {
        let new = NewUser { username: name.into(), role: Role::Guest, email: String::new(), password: None };
        let (service, operator) = (app.service.clone(), app.operator());
        async move { users::create(&service, &operator, new).await.unwrap() }
    };
    let (one, other) = (draw("a").await, draw("b").await);
    assert_ne!(one, other);
    assert_eq!(one.len(), 22);
    app.anonymous().post("/api/service/sessions", &json!({"username": "a", "password": one})).await.ok();
}

#[actix_web::test]
async fn changing_a_user_that_is_none_is_not_found() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let (service, operator) = (&app.service, app.operator());
    for name in ["nobody".to_owned(), format!("service-account-apikey-{}", key.id)] {
        let outcomes = [
            users::delete(service, &operator, name.clone()).await,
            users::set_role(service, &operator, name.clone(), Role::Admin).await,
            users::set_state(service, &operator, name.clone(), tessera::domain::principal::PrincipalState::Disabled)
                .await,
            users::set_password(service, &operator, name, Some(PASSWORD.into()), PersonalTokens::Keep).await.map(drop),
        ];
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Error::NotFound { .. }))), "{outcomes:?}");
    }
    key.whoami().await.ok();
}
