//! The clients that children are issued to.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use tessera::domain::child::NO_CLIENT;
use tessera::domain::permission::Permission;
use tessera::domain::principal::Role;

use super::{ACCESS_TOKEN, EXCHANGE, access_token, as_client, child, exchange, last_change, post, works};
use crate::support::{App, Client, Holder};

const COMMAND_LINE: (&str, &str) = ("client_id", "tessera-cli");

/// The client of a child, as the token and introspection tell it.
async fn client_of(reader: &Holder, token: &str) -> String {
    let claims = BASE64URL_NOPAD.decode(token.split('.').nth(1).unwrap().as_bytes()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let told = post(&reader.client, "/oauth/introspect", &[("token", token)]).await.ok();
    assert_eq!(claims["client_id"], told["client_id"]);
    claims["client_id"].as_str().unwrap().to_owned()
}

async fn revoke(client: &Client, form: &[(&str, &str)]) {
    assert_eq!(post(client, "/oauth/revoke", form).await.status, 200);
}

#[actix_web::test]
async fn a_child_is_of_the_client_that_asks_for_it_and_never_of_a_user_name() {
    let app = App::start().await;
    let (reader, key) = (app.key_with(&[Permission::VerifyTokens]).await, app.key_with(&[]).await);
    let session = app.session_with("bob", Role::Member).await.token();
    let client = format!("apikey-{}", key.id);
    // A public client that names itself, and ends what it was given.
    let named = access_token(exchange(&app, &session, &[COMMAND_LINE]).await);
    assert_eq!(client_of(&reader, &named).await, "tessera-cli");
    // What is made of it without another client stays that client's.
    let derived = access_token(exchange(&app, &named, &[]).await);
    assert_eq!(client_of(&reader, &derived).await, "tessera-cli");
    // No client at all: nobody can be called that.
    let unnamed = access_token(exchange(&app, &session, &[]).await);
    assert_eq!(client_of(&reader, &unnamed).await, NO_CLIENT);
    for token in [&unnamed, &derived, &named] {
        revoke(&app.anonymous(), &[COMMAND_LINE, ("token", token)]).await;
        assert_eq!(works(&app, token).await, *token == unnamed);
    }
    // A key that authenticates, and one whose own token is exchanged.
    let subject = [("grant_type", EXCHANGE), ("subject_token", &session), ("subject_token_type", ACCESS_TOKEN)];
    let by_key = access_token(post(&as_client(&app, &key), "/oauth/token", &subject).await);
    assert_eq!(client_of(&reader, &by_key).await, client);
    for more in [&[][..], &[("client_id", client.as_str())]] {
        assert_eq!(client_of(&reader, &access_token(exchange(&app, &key.token, more).await)).await, client);
    }
    assert_eq!(client_of(&reader, &child(&app, &key, &[]).await).await, client);
    let named = access_token(exchange(&app, &key.token, &[COMMAND_LINE]).await);
    assert_eq!(client_of(&reader, &named).await, "tessera-cli");
}

#[actix_web::test]
async fn what_a_public_client_revokes_is_recorded_as_done_by_the_subject_of_the_child() {
    let app = App::start().await;
    let admin = app.admin().await;
    let (auditor, key) = (app.key_with(&[Permission::ViewAudit]).await, app.key_with(&[]).await);
    let session = app.session_with("bob", Role::Member).await.token();
    for (token, subject) in [(&key.token, format!("service-account-apikey-{}", key.id)), (&session, "bob".to_owned())] {
        let made = access_token(exchange(&app, token, &[COMMAND_LINE]).await);
        app.advance(1_000);
        revoke(&app.anonymous(), &[COMMAND_LINE, ("token", &made)]).await;
        assert!(!works(&app, &made).await && works(&app, token).await);
        let change = last_change(&auditor).await;
        assert_eq!((&change["action"], &change["actor"]), (&json!("child.revoked"), &json!(subject)), "{change}");
        assert_eq!(change["actorId"], change["subjectId"]);
        assert_eq!(change["authenticatedBy"], format!("child:{}", change["subject"].as_str().unwrap()));
    }
    // With its subject the child has ended, too.
    let made = access_token(exchange(&app, &key.token, &[COMMAND_LINE]).await);
    app.advance(1_000);
    admin.delete_key(&key.id).await.ok();
    app.advance(1_000);
    revoke(&app.anonymous(), &[COMMAND_LINE, ("token", &made)]).await;
    assert_eq!(last_change(&auditor).await["action"], "apikey.deleted");
}

#[actix_web::test]
async fn an_exchange_for_an_unknown_client_or_for_a_key_without_its_secret_is_refused() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let session = app.session_with("bob", Role::Member).await.token();
    let (client, alias) = (format!("apikey-{}", key.id), format!("oauth-client-{}", key.id));
    for named in ["nonsense", "bob", NO_CLIENT, "TESSERA-CLI", client.as_str(), alias.as_str()] {
        let answer = exchange(&app, &session, &[("client_id", named)]).await;
        assert_eq!((answer.status, &answer.json["error"]), (401, &json!("invalid_client")), "{named}: {}", answer.text);
    }
    let other = app.key_with(&[]).await;
    assert_eq!(exchange(&app, &other.token, &[("client_id", client.as_str())]).await.status, 401);
}

#[actix_web::test]
async fn only_a_child_and_an_api_key_have_a_time_of_issue() {
    let app = App::start().await;
    let (reader, key) = (app.key_with(&[Permission::VerifyTokens]).await, app.key_with(&[]).await);
    let session = app.session_with("bob", Role::Member).await.token();
    app.advance(5_000);
    let token = access_token(exchange(&app, &session, &[]).await);
    let now = app.now() / 1_000;
    for (token, at) in [(&key.token, Some(now - 5)), (&token, Some(now)), (&session, None)] {
        let told = post(&reader.client, "/oauth/introspect", &[("token", token)]).await.ok();
        assert_eq!((&told["active"], told.get("iat")), (&json!(true), at.map(|at| json!(at)).as_ref()), "{told}");
    }
}

/// RFC 7009, section 2.2, also for tokens of a form that the client never has.
#[actix_web::test]
async fn a_client_that_authenticates_learns_nothing_about_the_tokens_of_others() {
    let app = App::start().await;
    let (key, other) = (app.key_with(&[]).await, app.key_with(&[]).await);
    let session = app.session_with("bob", Role::Member).await.token();
    let refresh = crate::refresh::approved_by(&app, "ada").await[1].clone();
    for token in [&session, &refresh, &other.token, &child(&app, &other, &[]).await] {
        revoke(&as_client(&app, &key), &[("token", token)]).await;
    }
    assert!(works(&app, &session).await && works(&app, &other.token).await);
    let form = [("grant_type", "refresh_token"), COMMAND_LINE, ("refresh_token", &refresh)];
    post(&app.anonymous(), "/oauth/token", &form).await.ok();
}
