//! The paths of Atlan's SDKs for impersonation and OAuth clients: docs/contracts/atlan.md, section 6.5.

use actix_web::http::Method;
use serde_json::{Value, json};
use tessera::domain::ids::PrincipalId;
use tessera::domain::permission::Permission::{
    self, GeneratePersonalAccessTokens, ImpersonateUsers, ManageApiKeys, ViewAnalytics, ViewAudit,
};
use tessera::domain::principal::{PrincipalState, Role};
use tessera::storage::principals;

use crate::datahub::{CREATE, ask, urn};
use crate::support::{Answer, App, Client, Holder, PASSWORD};

const CLIENTS: &str = "/api/service/oauth-clients";
const TOKEN: &str = "/auth/realms/default/protocol/openid-connect/token";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const MINUTE: i64 = 60_000;

/// What Atlan's SDKs send to the token endpoint: also the bearer token that they have, or `null`.
async fn realm(app: &App, path: &str, parameters: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let form = "application/x-www-form-urlencoded;charset=UTF-8";
    let client = app.holder_of("null").with("host", "tessera.test").with("content-type", form).with("accept", form);
    client.send(Method::POST, path, Some(&body)).await
}

/// The token for a client id and its secret.
async fn escalate(app: &App, id: &str, secret: &str) -> Answer {
    let grant = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    realm(app, TOKEN, &[&grant[..], &[("scope", "openid")]].concat()).await
}

/// The token of the user with that id or name, for a key.
async fn impersonate(app: &App, key: &Holder, user: &str) -> Answer {
    let id = format!("apikey-{}", key.id);
    let own = escalate(app, &id, &key.token).await.ok();
    let parameters = [
        ("grant_type", EXCHANGE),
        ("client_id", &id),
        ("client_secret", &key.token),
        ("subject_token", text(&own["access_token"])),
        ("requested_subject", user),
    ];
    realm(app, TOKEN, &parameters).await
}

async fn client_secret(client: &Client, id: &str) -> Answer {
    let client = client.with("host", "tessera.test");
    client.get(&format!("/auth/admin/realms/default/clients/{id}/client-secret")).await
}

async fn secret_of(client: &Client, id: &str) -> String {
    text(&client_secret(client, id).await.ok()["value"]).to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}

fn id(created: &Value) -> &str {
    text(&created["id"])
}

async fn id_of(client: &Client) -> String {
    id(&client.whoami().await.json).to_owned()
}

#[actix_web::test]
async fn a_key_gets_a_token_at_both_paths_of_the_realm() {
    let app = App::start().await;
    let key = app.key_with(&[ViewAudit]).await;
    for path in [TOKEN, "/auth/admin/realms/default/protocol/openid-connect/token"] {
        for prefix in ["apikey", "oauth-client"] {
            let client = format!("{prefix}-{}", key.id);
            let grant = [("grant_type", "client_credentials"), ("client_id", &client), ("client_secret", &key.token)];
            let child = realm(&app, path, &grant).await.ok();
            assert_eq!(child["token_type"], "Bearer");
            let own = app.holder_of(text(&child["access_token"])).whoami().await.ok();
            assert_eq!(own["id"], key.id);
            assert_eq!(own["permissions"], json!(["VIEW_AUDIT"]));
        }
    }
    let wrong = escalate(&app, "oauth-client-00000000-0000-7000-8000-000000000000", &key.token).await;
    assert_eq!((wrong.status, &wrong.json["error"]), (401, &json!("invalid_client")));
    // Anything but `openid` is a scope.
    let client = format!("apikey-{}", key.id);
    let grant = [("grant_type", "client_credentials"), ("client_id", &client), ("client_secret", &key.token)];
    let refused = realm(&app, TOKEN, &[&grant[..], &[("scope", "MANAGE_APIKEYS")]].concat()).await;
    assert_eq!((refused.status, &refused.json["error"]), (400, &json!("invalid_scope")));
}

#[actix_web::test]
async fn a_client_secret_is_as_good_as_the_token_for_ten_minutes() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[ViewAudit]).await);
    let secret = secret_of(&admin, &key.id).await;
    assert_ne!(secret, key.token);
    assert_eq!(id_of(&app.holder_of(&secret)).await, key.id);
    let client = format!("apikey-{}", key.id);
    let child = escalate(&app, &client, &secret).await.ok();
    assert!(child["expires_in"].as_i64().unwrap() <= 600);
    app.advance(10 * MINUTE + 1);
    app.holder_of(&secret).whoami().await.refused("TESSERA-401-003");
    assert_eq!(escalate(&app, &client, &secret).await.status, 401);
    assert_eq!(app.holder_of(text(&child["access_token"])).whoami().await.status, 401);
    // The key's own token stays as it is.
    key.client.whoami().await.ok();
    let admin = app.session_of("admin").await;
    let told = admin.list("/api/service/audit", &[("filter", r#"{"action": "apikey.secret_created"}"#)]).await;
    assert_eq!(told.totals()[1], 1);
}

#[actix_web::test]
async fn a_client_secret_is_given_only_to_an_actor_that_reaches_all_that_the_key_reaches() {
    let app = App::start().await;
    let strong = app.key_with(&[ManageApiKeys, ViewAudit]).await;
    let weak = app.key_with(&[ManageApiKeys]).await;
    let asks = async |who: &Client, id: &str| client_secret(who, id).await.status;
    assert_eq!(asks(&strong.client, &weak.id).await, 200);
    assert_eq!(asks(&weak.client, &strong.id).await, 403);
    // Not even its own: a key, or a child that carries less, would get more than it has.
    assert_eq!(asks(&strong.client, &strong.id).await, 403);
    let client = format!("apikey-{}", strong.id);
    let grant = [("grant_type", "client_credentials"), ("client_id", &client), ("client_secret", &strong.token)];
    let child = realm(&app, TOKEN, &[&grant[..], &[("scope", "MANAGE_APIKEYS")]].concat()).await.ok();
    let child = app.holder_of(text(&child["access_token"]));
    assert_eq!(asks(&child, &strong.id).await, 403);
    let other = app.key_with(&[ManageApiKeys, ViewAudit]).await;
    assert_eq!(asks(&child, &other.id).await, 403);
    assert_eq!(asks(&strong.client, &other.id).await, 200);
    // A key that a key made manages only what it made.
    let body = json!({"displayName": "made", "workspacePermissions": ["MANAGE_APIKEYS"]});
    let made = strong.client.try_create(&body).await.ok();
    let made_client = app.holder_of(text(&made["attributes"]["accessToken"]));
    assert_eq!(asks(&made_client, &app.key_with(&[]).await.id).await, 403);
    assert_eq!(asks(&made_client, id(&made_client.create("own").await)).await, 200);
    assert_eq!(asks(&app.admin().await, "00000000-0000-7000-8000-000000000000").await, 404);
}

#[actix_web::test]
async fn a_client_secret_creates_nothing_that_outlives_it() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[ManageApiKeys]).await);
    let other = key.client.create("other").await;
    let secret = secret_of(&admin, &key.id).await;
    let child = escalate(&app, &format!("apikey-{}", key.id), &secret).await.ok();
    for token in [secret.as_str(), text(&child["access_token"])] {
        let holder = app.holder_of(token);
        assert_eq!(id_of(&holder).await, key.id);
        let short = json!({"displayName": "made", "validitySeconds": 60});
        holder.try_create(&short).await.refused("TESSERA-403-001");
        client_secret(&holder, id(&other)).await.refused("TESSERA-403-001");
    }
}

#[actix_web::test]
async fn a_client_secret_ends_with_its_key() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let secret = app.holder_of(&secret_of(&admin, &key.id).await);
    let id: PrincipalId = PrincipalId::parse(&key.id).unwrap();
    for (state, status) in [(PrincipalState::Disabled, 401), (PrincipalState::Enabled, 200)] {
        app.service.database.write(|connection| principals::set_state(connection, id, state)).unwrap();
        // A change that concerns everyone.
        admin.persona(&format!("persona {status}")).await;
        assert_eq!(secret.whoami().await.status, status);
    }
    admin.delete_key(&key.id).await.ok();
    assert_eq!(secret.whoami().await.status, 401);
    let short = admin.try_create(&json!({"displayName": "short", "validitySeconds": 60})).await.ok();
    let secret = app.holder_of(&secret_of(&admin, self::id(&short)).await);
    app.advance(MINUTE + 1);
    assert_eq!(secret.whoami().await.status, 401);
    client_secret(&admin, self::id(&short)).await.refused("TESSERA-409-001");
}

#[actix_web::test]
async fn a_leaked_client_secret_is_revoked_without_its_key() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let secret = secret_of(&admin, &key.id).await;
    app.anonymous().post("/api/service/apikeys/revoke-leaked", &json!({"token": secret})).await.ok();
    assert_eq!(app.holder_of(&secret).whoami().await.status, 401);
    key.client.whoami().await.ok();
}

#[actix_web::test]
async fn a_repeated_create_removes_client_secrets_with_the_lost_token() {
    let app = App::start().await;
    let admin = app.admin().await.with("idempotency-key", "once");
    let key = admin.create("key").await;
    let secret = app.holder_of(&secret_of(&admin, id(&key)).await);
    secret.whoami().await.ok();
    assert_eq!(admin.create("key").await["id"], key["id"]);
    assert_eq!(secret.whoami().await.status, 401);
}

#[actix_web::test]
async fn a_key_acts_as_a_user_who_reaches_no_more() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("guest", Role::Guest).await;
    // By the policies that an installation begins with, users may do the last two, and view entities.
    let key = app.key_with(&[ImpersonateUsers, GeneratePersonalAccessTokens, ViewAnalytics]).await;
    let found = key.client.get("/auth/admin/realms/default/users?username=guest").await.ok();
    let guest = id(&found[0]).to_owned();
    let child = impersonate(&app, &key, &guest).await.ok();
    let user = app.holder_of(text(&child["access_token"]));
    assert_eq!(user.whoami().await.ok()["username"], "guest");
    for (key, user) in [(&key, id_of(&admin).await), (&app.key_with(&[ManageApiKeys]).await, guest.clone())] {
        let refused = impersonate(&app, key, &user).await;
        assert_eq!((refused.status, &refused.json["error"]), (400, &json!("unauthorized_client")));
    }
    let nobody = impersonate(&app, &key, "nobody").await;
    assert_eq!((nobody.status, &nobody.json["error"]), (400, &json!("unauthorized_client")));
}

#[actix_web::test]
async fn nobody_gets_back_by_impersonation_what_a_child_does_not_carry() {
    let app = App::start().await;
    app.admin().await;
    let session = app.anonymous();
    let session = session.post("/api/service/sessions", &json!({"username": "admin", "password": PASSWORD})).await.ok();
    let exchange = async |subject: &str, more: &[(&str, &str)]| {
        let kind = ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token");
        let grant = [("grant_type", EXCHANGE), ("subject_token", subject), kind];
        realm(&app, TOKEN, &[&grant[..], more].concat()).await
    };
    let narrow = [("scope", "IMPERSONATE_USERS GENERATE_PERSONAL_ACCESS_TOKENS")];
    let child = exchange(text(&session["token"]), &narrow).await.ok();
    let child = text(&child["access_token"]);
    let refused = exchange(child, &[("requested_subject", "admin")]).await;
    assert_eq!((refused.status, &refused.json["error"]), (400, &json!("unauthorized_client")));
    let input = json!({"type": "PERSONAL", "actorUrn": urn("admin"), "name": "a", "duration": "ONE_HOUR"});
    let refused = ask(&app.holder_of(child), CREATE, json!({"input": input})).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], 403, "{refused}");
}

#[actix_web::test]
async fn users_are_found_by_whoever_sees_them() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("bob", Role::Member).await;
    let find = async |who: &Client, name: &str| {
        let path = "/auth/admin/realms/default/users";
        let found = who.list(path, &[("username", name)]).await.ok();
        found.as_array().unwrap().iter().map(|user| text(&user["username"]).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(find(&admin, "bob").await, ["bob"]);
    for nobody in ["nobody", " ", "", "bo", "\"", "%"] {
        assert_eq!(find(&admin, nobody).await, [""; 0], "{nobody:?}");
    }
    assert_eq!(find(&app.key_with(&[]).await.client, "bob").await, [""; 0]);
    admin.get("/auth/admin/realms/default/users?search=bob").await.violates("search");
}

#[actix_web::test]
async fn an_oauth_client_is_an_api_key() {
    let app = App::start().await;
    let admin = app.admin().await;
    let persona = admin.persona("analysts").await;
    let body = json!({"displayName": "etl", "description": "nightly", "role": "$member",
                      "personaQNs": [persona["qualifiedName"]]});
    let made = admin.post(CLIENTS, &body).await.ok();
    let (guid, secret) = (id(&made).to_owned(), text(&made["clientSecret"]).to_owned());
    let client_id = format!("oauth-client-{guid}");
    let key = admin.key(&guid).await.ok();
    assert_eq!(key["attributes"]["workspacePermissions"], json!(["VIEW_APIKEYS", "VIEW_USERS"]));
    assert_eq!(key["attributes"]["personaQualifiedName"][0]["personaQualifiedName"], persona["qualifiedName"]);
    assert_eq!(id_of(&app.holder_of(&secret)).await, guid);
    let told = json!({
        "id": guid, "clientId": client_id, "displayName": "etl", "description": "nightly", "role": "$member",
        "personaQNs": [persona["qualifiedName"]], "tokenExpirySeconds": 600, "createdBy": "admin",
        "createdAt": key["attributes"]["createdAt"], "updatedAt": key["attributes"]["updatedAt"],
    });
    assert_eq!(admin.get(&format!("{CLIENTS}/{client_id}")).await.ok(), told);
    let filter = json!({"clientId": client_id}).to_string();
    let listed = admin.list(CLIENTS, &[("count", "true"), ("filter", &filter)]).await;
    assert_eq!(listed.totals(), [1, 1]);
    assert_eq!(listed.json["records"], json!([told]));
    // Each way to update changes what is there and leaves the rest.
    let path = format!("{CLIENTS}/{client_id}");
    let admin_json = admin.with("content-type", "application/json");
    let put = admin_json.send(Method::PUT, &path, Some(r#"{"displayName": "etl 2"}"#)).await.ok();
    assert_eq!((text(&put["displayName"]), text(&put["description"])), ("etl 2", "nightly"));
    let post = admin.post(&path, &json!({"displayName": "etl 3", "description": ""})).await.ok();
    assert_eq!((text(&post["displayName"]), text(&post["description"])), ("etl 3", ""));
    assert_eq!(post["personaQNs"], told["personaQNs"]);
    assert_eq!(admin.key(&guid).await.ok()["attributes"]["workspacePermissions"].as_array().unwrap().len(), 2);
    admin.delete(&path).await.ok();
    admin.key(&guid).await.refused("TESSERA-404-001");
    assert_eq!(app.holder_of(&secret).whoami().await.status, 401);
}

#[actix_web::test]
async fn an_oauth_client_gets_no_more_than_its_maker_has() {
    let app = App::start().await;
    let with = |role: &str| json!({"displayName": "new", "role": role});
    let key = app.key_with(&[ManageApiKeys]).await;
    for (role, status) in [("$admin", 403), ("$member", 403), ("$guest", 200)] {
        assert_eq!(key.client.post(CLIENTS, &with(role)).await.status, status, "{role}");
    }
    let whole = app.key_with(&Permission::ALL).await;
    let made = whole.client.post(CLIENTS, &with("$admin")).await.ok();
    let read = whole.client.get(&format!("{CLIENTS}/{}", text(&made["clientId"]))).await.ok();
    assert_eq!(read["role"], "$admin");
    for wrong in ["Admin", "", "$api-token-default-access"] {
        let message = whole.client.post(CLIENTS, &with(wrong)).await.violates("role");
        assert_eq!(message, "must be one of `$admin`, `$member`, `$guest`");
    }
    let unknown = json!({"displayName": "new", "role": "$guest", "personaQNs": ["default/none"]});
    assert_eq!(whole.client.post(CLIENTS, &unknown).await.status, 400);
    for (path, status) in [("oauth-client-nonsense", 404), ("nonsense", 404)] {
        assert_eq!(whole.client.get(&format!("{CLIENTS}/{path}")).await.status, status);
    }
}

#[actix_web::test]
async fn an_oauth_client_exchanges_its_secret_for_a_token() {
    let app = App::start().await;
    let admin = app.admin().await;
    let made = admin.post(CLIENTS, &json!({"displayName": "etl", "role": "$guest"})).await.ok();
    let (path, client) = (format!("{CLIENTS}/token"), app.anonymous().with("host", "tessera.test"));
    let body = json!({"clientId": made["clientId"], "clientSecret": made["clientSecret"]});
    let token = client.post(&path, &body).await.ok();
    assert_eq!((&token["tokenType"], token["expiresIn"].as_i64()), (&json!("Bearer"), Some(600)));
    let child = app.holder_of(text(&token["accessToken"]));
    assert_eq!(id_of(&child).await, id(&made));
    let other = admin.create("other").await;
    for wrong in [
        json!({"clientId": made["clientId"], "clientSecret": other["attributes"]["accessToken"]}),
        json!({"clientId": other["clientId"], "clientSecret": made["clientSecret"]}),
        json!({"clientId": made["clientId"], "clientSecret": "x"}),
    ] {
        let refused = client.post(&path, &wrong).await;
        assert_eq!((refused.status, &refused.json["error"]), (401, &json!("invalid_client")));
    }
    assert_eq!(client.post(&path, &json!({"clientId": "x"})).await.status, 400);
    admin.delete(&format!("{CLIENTS}/{}", text(&made["clientId"]))).await.ok();
    assert_eq!(child.whoami().await.status, 401);
}

#[actix_web::test]
async fn a_structure_is_defined_for_sdks_that_wait_for_one() {
    let app = App::start().await;
    let key = app.key_with(&[]).await.client;
    let path = "/api/meta/types/typedefs";
    for query in ["/?type=STRUCT", "?type=ENUM&type=struct", ""] {
        let defined = key.get(&format!("{path}{query}")).await.ok();
        assert_eq!(defined["structDefs"][0]["name"], "RateLimit", "{query}");
    }
    let none = key.get(&format!("{path}/?type=ENUM")).await.ok();
    assert_eq!((&none["structDefs"], &none["enumDefs"]), (&json!([]), &json!([])));
    key.get(&format!("{path}?type=PLANET")).await.violates("type");
}
