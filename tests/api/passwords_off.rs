//! Where the operator has turned passwords off, people sign in with a provider only.

use serde_json::{Value, json};
use tessera::clock::MINUTE;
use tessera::domain::password::PasswordSignIn;
use tessera::domain::principal::Role;
use tessera::service::authn::sessions;
use tessera::service::authn::sign_ins::Origin;
use tessera::service::people::invitation_links;

use crate::console::{post, with};
use crate::datahub::ask;
use crate::sign_in::one_provider;
use crate::support::{App, Client, Options, PASSWORD};

const REFUSED: &str = "TESSERA-403-003";

/// An application without passwords, and a client of the user `ada`, who has signed in with one at a node where they
/// were not turned off yet.
async fn without_passwords() -> (App, String) {
    let options = Options { sign_in: one_provider(""), password_sign_in: PasswordSignIn::Off, ..Options::default() };
    let app = App::start_with(options).await;
    app.user("ada", Role::Admin).await;
    let before = app.neighbour(&app.pepper);
    let session = sessions::create(&before, "ada".into(), PASSWORD.into(), Origin::default()).await.unwrap();
    (app, session.token.expose())
}

#[actix_web::test]
async fn no_door_takes_a_password() {
    let (app, _) = without_passwords().await;
    for password in [PASSWORD, "wrong"] {
        let body = json!({"username": "ada", "password": password});
        let answer = app.anonymous().post("/api/service/sessions", &body).await;
        assert!(answer.text.contains("sign in with a provider"), "{}", answer.text);
        answer.refused(REFUSED);
        let answer = app.anonymous().post("/logIn", &body).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None));
        assert!(answer.json["message"].as_str().unwrap().contains("passwords are turned off"), "{}", answer.text);
        let answer = post(&app.anonymous(), "/login", &[("username", "ada"), ("password", password)]).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None));
        assert!(answer.text.contains("Passwords are turned off"), "{}", answer.text);
    }
}

#[actix_web::test]
async fn the_page_asks_for_no_password_and_offers_the_provider() {
    let (app, _) = without_passwords().await;
    for path in ["/login", "/login?because=out", "/login?next=keys"] {
        let page = app.anonymous().get(path).await;
        assert!(page.text.contains("Continue with Company"), "{}", page.text);
        for absent in ["<form", "<input", "set-password"] {
            assert!(!page.text.contains(absent), "{path}: {absent}");
        }
    }
}

#[actix_web::test]
async fn nobody_is_invited_to_choose_a_password() {
    let (app, session) = without_passwords().await;
    let admin = app.holder_of(&session);
    for query in
        ["{ getInviteToken(input: {}) { inviteToken } }", "mutation { createInviteToken(input: {}) { inviteToken } }"]
    {
        let answer = ask(&admin, query, Value::Null).await;
        let error = &answer["errors"][0];
        assert!(error["message"].as_str().unwrap().contains("passwords are turned off"), "{answer}");
        assert_eq!(error["extensions"]["code"], 403);
    }
    let before = app.neighbour(&app.pepper);
    let invite = invitation_links::get(&before, &app.operator(), Role::Guest).await.unwrap();
    let form = json!({"fullName": "B", "email": "bob", "password": PASSWORD, "title": "B", "inviteToken": invite});
    let answer = app.anonymous().post("/signUp", &form).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert!(answer.json["message"].as_str().unwrap().contains("passwords are turned off"), "{}", answer.text);
    let find = |connection: &mut _| tessera::storage::principals::find_by_username(connection, "bob");
    assert!(app.service.database.read(find).unwrap().is_none());
}

#[actix_web::test]
async fn what_is_dangerous_is_confirmed_at_the_provider() {
    let (app, session) = without_passwords().await;
    let browser = with(&app, &format!("PLAY_SESSION={session}; actor=urn:li:corpuser:ada")).await;
    app.advance(16 * MINUTE);
    let form = [("name", "etl"), ("persona", ""), ("lifetime", "30")];
    let asked = browser.post("/keys/new", &form).await;
    assert!(asked.status == 200 && asked.text.contains("Sign in again with Company"), "{}", asked.text);
    assert!(asked.text.contains("../login/company?next=keys%2Fnew&amp;again=true"), "{}", asked.text);
    // What was entered is sent after signing in, in another tab: the form is then one of the session before.
    assert!(asked.text.contains("name=\"name\" value=\"etl\"") && asked.text.contains(">Send it</button>"));
    assert!(!asked.text.contains("confirm_password") && !asked.text.contains("tsk_"), "{}", asked.text);
    let insisted = browser.post("/keys/new", &[&form[..], &[("confirm_password", PASSWORD)]].concat()).await;
    assert_eq!(insisted.status, 403, "{}", insisted.text);
    assert!(insisted.text.contains("Passwords are turned off") && !insisted.text.contains("tsk_"), "{}", insisted.text);
    let key_count = |client: Client| async move { client.keys(&[]).await.totals()[0] };
    assert_eq!(key_count(app.holder_of(&session)).await, 0);
}
