//! The REST calls of DataHub's SDK and command line.

use serde_json::{Value, json};
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use super::{ask, created, data, is_let_in, urn, user_with};
use crate::support::{Answer, App, BEGIN, Client};

async fn ingest(client: &Client, name: &str, aspect: &str, value: &Value) -> Answer {
    let aspect = json!({"proposal": {"entityType": "corpuser", "entityUrn": urn(name), "changeType": "UPSERT", "aspectName": aspect,
        "aspect": {"value": value.to_string(), "contentType": "application/json"}, "systemMetadata": {"runId": "x"}}, "async": "false"});
    client.post("/aspects?action=ingestProposal", &aspect).await
}

#[actix_web::test]
async fn the_configuration_is_told_whatever_the_credential() {
    let app = App::start().await;
    for client in [app.anonymous(), app.holder_of("nonsense"), app.anonymous().with("authorization", "Basic x")] {
        for path in ["/config", "/api/gms/config"] {
            let told = client.get(path).await.ok();
            assert_eq!((&told["noCode"], &told["datahub"]["serverEnv"]), (&json!("true"), &json!("core")));
            assert_eq!(told["versions"]["acryldata/datahub"], Value::Null, "no version is better than a wrong one");
        }
        assert_eq!(client.get("/health").await.status, 200);
        assert_eq!(client.get("/admin").await.text, "GOOD");
    }
}

#[actix_web::test]
async fn the_addresses_that_the_client_guesses_lead_here() {
    let app = App::start().await;
    let admin = app.admin().await;
    let body = json!({"query": "{ me { corpUser { username } } }"});
    for path in ["/api/gms/api/graphql", "/api/api/v2/graphql", "/api/graphql/"] {
        assert_eq!(admin.post(path, &body).await.ok()["data"]["me"]["corpUser"]["username"], "admin", "{path}");
    }
    assert_eq!(admin.get("/api/gms/openapi/operations/identity/user/urn").await.ok()["urn"], urn("admin"));
    assert_eq!(admin.get("/api/gms/entitiesV2/urn%3Ali%3Acorpuser%3Aadmin").await.status, 200);
    let answer =
        app.anonymous().post("/api/logIn", &json!({"username": "admin", "password": crate::support::PASSWORD})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(admin.get("/api/gms/api/service/apikeys").await.status, 404);
}

#[actix_web::test]
async fn users_service_accounts_and_tokens_are_read_by_their_urns() {
    let app = App::start().await;
    let admin = app.admin().await;
    for path in ["/entitiesV2/urn%3Ali%3Acorpuser%3Aadmin", "/entitiesV2/urn:li:corpuser:admin"] {
        let entity = admin.get(path).await.ok();
        assert_eq!((&entity["urn"], &entity["entityName"]), (&json!(urn("admin")), &json!("corpuser")));
        assert_eq!(
            entity["aspects"]["corpUserKey"],
            json!({"name": "corpUserKey", "type": "VERSIONED", "version": 0, "value": {"username": "admin"},
                   "created": {"actor": urn("admin"), "time": BEGIN}})
        );
    }
    let one = admin.get("/entitiesV2/urn:li:corpuser:admin?aspects=List(corpUserInfo)").await.ok();
    assert_eq!(one["aspects"].as_object().unwrap().len(), 1);
    let snapshot = admin.get("/entities/urn:li:corpuser:admin").await.ok();
    let snapshot = &snapshot["value"]["com.linkedin.metadata.snapshot.CorpUserSnapshot"];
    assert_eq!(snapshot["aspects"][0], json!({"com.linkedin.metadata.key.CorpUserKey": {"username": "admin"}}));
    let account = ask(&admin, "mutation { createServiceAccount(input: {}) { urn } }", Value::Null).await;
    let entity = admin.get(&format!("/entitiesV2/{}", data(&account)["urn"].as_str().unwrap())).await.ok();
    assert_eq!(entity["aspects"]["subTypes"]["value"], json!({"typeNames": ["SERVICE_ACCOUNT"]}));

    app.user("ada", Role::Member).await;
    let (_, id) = created(&admin, "ada", "given").await;
    let encoded: String =
        form_urlencoded::byte_serialize(format!("urn:li:dataHubAccessToken:{id}").as_bytes()).collect();
    let path = format!("/aspects/{encoded}?aspect=dataHubAccessTokenInfo&version=0");
    let aspect = admin.get(&path).await.ok();
    let info = &aspect["aspect"]["com.linkedin.access.token.DataHubAccessTokenInfo"];
    assert_eq!(
        (&info["name"], &info["actorUrn"], &info["createdAt"]),
        (&json!("given"), &json!(urn("ada")), &json!(BEGIN))
    );
    let ada = app.session_of("ada").await;
    assert_eq!(ada.get(&path).await.status, 404, "others' tokens look like none");
    for none in [
        "/entitiesV2/urn:li:corpuser:nobody",
        "/entities/urn:li:dataset:x",
        "/aspects/urn:li:corpuser:admin?aspect=status",
    ] {
        let answer = admin.get(none).await;
        assert_eq!((answer.status, &answer.json["status"]), (404, &json!("404")), "{none}");
        assert_eq!(app.anonymous().get(none).await.status, 401);
    }
}

#[actix_web::test]
async fn removal_and_suspension_hold_at_once_and_are_taken_back() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ada", Role::Member).await;
    let (token, _) = created(&app.session_of("ada").await, "ada", "own").await;
    let (removed, back) = (json!({"removed": true}), json!({"removed": false}));
    let (suspended, active) = (
        json!({"status": "SUSPENDED", "lastModified": {"time": 1, "actor": "urn:li:corpuser:unknown"}}),
        json!({"status": "ACTIVE"}),
    );
    for (aspect, value, let_in) in [
        ("status", &removed, false),
        ("status", &back, true),
        ("corpUserStatus", &suspended, false),
        ("status", &removed, false),
        ("corpUserStatus", &active, false),
        ("status", &back, true),
    ] {
        ingest(&admin, "ada", aspect, value).await.ok();
        assert_eq!(is_let_in(&app, &token).await, let_in, "{aspect} {value}");
        let told = admin.get(&format!("/aspects/urn:li:corpuser:ada?aspect={aspect}")).await.ok();
        assert_eq!(told["aspect"].as_object().unwrap().values().next(), Some(value), "kept as it was written");
    }
}

#[actix_web::test]
async fn names_and_titles_are_kept_and_make_a_user_without_a_password() {
    let app = App::start().await;
    let admin = app.admin().await;
    let info = json!({"active": true, "displayName": "Grace Hopper", "title": "Admiral", "email": "g@example.org"});
    ingest(&admin, "grace", "corpUserInfo", &info).await.ok();
    let user = ask(
        &admin,
        "{ corpUser(urn: \"urn:li:corpuser:grace\") { username properties { displayName title email } } }",
        Value::Null,
    )
    .await;
    assert_eq!(
        data(&user)["properties"],
        json!({"displayName": "Grace Hopper", "title": "Admiral", "email": "g@example.org"})
    );
    for password in ["", "x"] {
        let answer = app.anonymous().post("/logIn", &json!({"username": "grace", "password": password})).await;
        assert_eq!(answer.status, 400);
    }
    let (token, _) = created(&admin, "grace", "for grace").await;
    assert!(is_let_in(&app, &token).await);
    assert_eq!(ingest(&admin, "service_x", "corpUserInfo", &info).await.status, 400);
    assert_eq!(ingest(&admin, "nobody", "status", &json!({"removed": true})).await.status, 404);
    assert_eq!(ingest(&admin, "grace", "corpUserKey", &json!({"username": "grace"})).await.status, 200);
    let batch = json!({"proposals": [{"entityUrn": urn("grace"), "changeType": "UPSERT", "aspectName": "status", "aspect": {"value": "{\"removed\":true}"}}]});
    admin.post("/aspects?action=ingestProposalBatch", &batch).await.ok();
    assert!(!is_let_in(&app, &token).await);
}

#[actix_web::test]
async fn who_does_not_manage_users_writes_and_deletes_nothing() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("bob", Role::Member).await;
    let account = ask(&admin, "mutation { createServiceAccount(input: {}) { name } }", Value::Null).await;
    let account = data(&account)["name"].as_str().unwrap();
    let tokens = user_with(&app, &admin, "mia", &[Permission::ManageAccessTokens]).await;
    for name in ["bob", "nobody", "mia", account] {
        assert_eq!(ingest(&tokens, name, "status", &json!({"removed": true})).await.status, 403, "{name}");
        assert_eq!(tokens.post("/entities?action=delete", &json!({"urn": urn(name)})).await.status, 403, "{name}");
    }
    let people = user_with(&app, &admin, "gus", &[Permission::ManageUsersAndGroups]).await;
    ingest(&people, "bob", "status", &json!({"removed": true})).await.ok();
    assert_eq!(ingest(&people, account, "status", &json!({"removed": true})).await.status, 403);
    assert_eq!(people.post("/entities?action=delete", &json!({"urn": urn(account)})).await.status, 403);
}

#[actix_web::test]
async fn what_is_deleted_is_counted_and_gone() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ada", Role::Member).await;
    let (token, id) = created(&app.session_of("ada").await, "ada", "own").await;
    let (other, _) = created(&app.session_of("ada").await, "ada", "other").await;
    let delete = async |urn: &str| {
        admin.post("/entities?action=delete", &json!({"urn": urn})).await.ok()["value"]["rows"].clone()
    };
    assert_eq!(delete(&format!("urn:li:dataHubAccessToken:{id}")).await, 1);
    assert!(!is_let_in(&app, &token).await && is_let_in(&app, &other).await);
    assert_eq!(delete(&urn("ada")).await, 1);
    assert!(!is_let_in(&app, &other).await);
    assert_eq!(delete(&urn("ada")).await, 0);
    let account = ask(&admin, "mutation { createServiceAccount(input: {}) { urn } }", Value::Null).await;
    let account = data(&account)["urn"].as_str().unwrap();
    assert_eq!((delete(account).await, delete(account).await), (json!(1), json!(0)));
    let references = json!({"urn": urn("ada"), "dryRun": false});
    assert_eq!(admin.post("/entities?action=deleteReferences", &references).await.ok()["value"]["total"], 0);
    for (path, body) in [
        ("/entities?action=ingest", json!({"urn": "x"})),
        ("/entities?action=delete", json!({"urn": "x"})),
        ("/entities?action=delete", json!({})),
    ] {
        assert_eq!(admin.post(path, &body).await.status, 400);
    }
}

#[actix_web::test]
async fn proposals_that_make_no_sense_are_refused() {
    let app = App::start().await;
    let admin = app.admin().await;
    for (aspect, value) in [
        ("status", json!({})),
        ("status", json!("removed")),
        ("corpUserStatus", json!({"status": 1})),
        ("corpUserInfo", json!([])),
        ("datasetProperties", json!({})),
    ] {
        assert_eq!(ingest(&admin, "admin", aspect, &value).await.status, 400, "{aspect} {value}");
    }
    for body in [
        "",
        "{}",
        "{\"proposal\":{}}",
        "{\"proposal\":{\"entityUrn\":\"urn:li:corpuser:admin\",\"aspectName\":\"status\"}}",
    ] {
        assert_eq!(admin.post_text("/aspects?action=ingestProposal", body).await.status, 400, "{body}");
    }
    assert_eq!(admin.post_text("/aspects?action=ingestProposal&action=x", "{}").await.status, 400);
    let delete = json!({"proposal": {"entityUrn": urn("admin"), "changeType": "DELETE", "aspectName": "status", "aspect": {"value": "{}"}}});
    assert_eq!(admin.post("/aspects?action=ingestProposal", &delete).await.status, 400);
}
