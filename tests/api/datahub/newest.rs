//! What DataHub's newest pages, and seeds of its oldest, ask for.

use serde_json::{Value, json};
use tessera::domain::principal::Role;

use super::{ask, browser, created, data, problem, urn};
use crate::support::{App, PASSWORD};

const ME: &str = "{ me { corpUser { username } } }";

#[actix_web::test]
async fn tokens_have_the_names_of_a_pre_release_too() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (_, id) = created(&admin, "admin", "ci").await;
    let query = "{ listAccessTokens(input: {filters: [{field: \"ownerUrn\", values: [\"urn:li:corpuser:admin\"]}]}) \
                 { tokens { id tokenId name tokenName } } }";
    let answer = ask(&admin, query, Value::Null).await;
    assert_eq!(data(&answer)["tokens"], json!([{"id": id, "tokenId": id, "name": "ci", "tokenName": "ci"}]));
    let schema = tessera::http::datahub::graphql::sdl();
    assert_eq!(schema.matches("! @deprecated(").count(), 2, "{schema}");
}

#[actix_web::test]
async fn pages_are_told_which_lifetimes_there_are() {
    let app = App::start().await;
    let admin = app.admin().await;
    let query = "{ appConfig { authConfig { tokenAuthEnabled allowNoExpiry allowedAccessTokenDurations } } }";
    let answer = ask(&admin, query, Value::Null).await;
    let told = &data(&answer)["authConfig"];
    assert_eq!(told["allowNoExpiry"], true);
    assert_eq!(told["allowedAccessTokenDurations"], json!(["PT1H", "P1D", "P7D", "P30D", "P90D", "P180D", "P365D"]));
}

#[actix_web::test]
async fn a_picture_is_where_it_was_said_to_be() {
    let app = App::start().await;
    let admin = app.admin().await;
    app.user("ada", Role::Member).await;
    let aspect = json!({"pictureLink": "https://example.org/ada.png", "aboutMe": "counts"}).to_string();
    let proposal = json!({"proposal": {
        "entityType": "corpuser", "entityUrn": urn("ada"), "changeType": "UPSERT", "aspectName": "corpUserEditableInfo",
        "aspect": {"contentType": "application/json", "value": aspect},
    }});
    admin.post("/aspects?action=ingestProposal", &proposal).await.ok();
    let query = "{ corpUser(urn: \"urn:li:corpuser:ada\") { editableProperties { pictureLink aboutMe } } }";
    let answer = ask(&admin, query, Value::Null).await;
    assert_eq!(
        data(&answer)["editableProperties"],
        json!({"pictureLink": "https://example.org/ada.png", "aboutMe": "counts"})
    );
}

#[actix_web::test]
async fn a_refused_change_of_service_accounts_leaves_no_data() {
    let app = App::start().await;
    app.admin().await;
    let ada = app.session_with("ada", Role::Guest).await;
    for mutation in [
        "mutation { createServiceAccount(input: {}) { urn } }",
        "mutation { deleteServiceAccount(urn: \"urn:li:corpuser:service_x\") }",
    ] {
        let answer = ask(&ada, mutation, Value::Null).await;
        assert_eq!(answer["data"], Value::Null, "{answer}");
        assert_eq!(problem(&answer).0, 403, "{answer}");
    }
}

#[actix_web::test]
async fn signing_out_ends_the_session_of_the_cookies_and_no_other() {
    let app = App::start().await;
    app.admin().await;
    for name in ["ada", "bob"] {
        app.user(name, Role::Member).await;
    }
    let body = json!({"username": "ada", "password": PASSWORD});
    let session = app.anonymous().post("/api/service/sessions", &body).await.ok();
    let bearer = format!("Bearer {}", session["token"].as_str().unwrap());
    let ada = app.anonymous().with("authorization", &bearer);
    let bob = browser(&app, "bob").await;
    assert_eq!(*data(&ask(&bob, ME, Value::Null).await), json!({"corpUser": {"username": "bob"}}));
    for client in [ada.clone(), bob.with("authorization", &bearer)] {
        assert_eq!(client.get("/logOut").await.status, 303);
        ada.whoami().await.ok();
    }
    assert_eq!(bob.get("/openapi/operations/identity/user/urn").await.status, 401);
    let page = app.admin().await.list("/api/service/audit", &[("filter", r#"{"action":"session.ended"}"#)]).await;
    let ended = &page.json["records"];
    assert_eq!((ended.as_array().unwrap().len(), &ended[0]["actor"]), (1, &json!("bob")), "{}", page.text);
    assert!(ended[0]["requestId"].as_str().is_some_and(|id| !id.is_empty()), "{}", page.text);
}
