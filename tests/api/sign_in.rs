//! Signing in with a provider, after the ID token has been validated. `tests/clients/oauth` tests the validation.

mod pages;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use tessera::clock::MINUTE;
use tessera::domain::child::Presentation;
use tessera::domain::error::Error;
use tessera::domain::identity::{Identity, Mapping, ProviderClaims};
use tessera::domain::principal::{PrincipalState, Role};
use tessera::http::doors::SignInSettings;
use tessera::http::oauth::sign_in::settings;
use tessera::service::authn::bearer_tokens;
use tessera::service::authn::sign_ins::Origin;
use tessera::service::people::sign_in::{self, AnsweredOnce, ProviderSignIn, SignInRefused};
use tessera::service::people::sign_out::{self, LoggedOut};
use tessera::service::people::users::{self, PersonalTokens};
use tessera::storage::{identities, personas};

use crate::support::{App, Client, PASSWORD};

const ISSUER: &str = "https://id.example.org";

/// The claims of a user in these groups.
fn claims(subject: &str, username: &str, groups: &[&str]) -> ProviderClaims {
    ProviderClaims {
        identity: Identity { issuer: ISSUER.into(), subject: subject.into() },
        sid: format!("sid-{subject}"),
        authenticated_at: 0,
        username: username.into(),
        display_name: "Ada L.".into(),
        email: "ada@example.org".into(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect::<BTreeSet<_>>(),
    }
}

fn mapping(personas: &[(&str, &str)]) -> Arc<Mapping> {
    let roles = [("admins", Role::Admin), ("staff", Role::Member)].map(|(group, role)| (group.to_owned(), role));
    let personas = personas.iter().map(|(group, name)| ((*group).to_owned(), vec![(*name).to_owned()]));
    Arc::new(Mapping { roles: roles.into(), otherwise: None, personas: personas.collect() })
}

/// The answer to a sign-in of its own.
fn from_provider(app: &App, claims: ProviderClaims, mapping: &Arc<Mapping>) -> ProviderSignIn {
    let mut nonce = [0; 16];
    app.service.entropy.fill(&mut nonce).unwrap();
    let answered = AnsweredOnce { nonce: format!("{nonce:?}"), until: app.service.clock.now() + MINUTE };
    ProviderSignIn { provider: "company".into(), claims, mapping: Arc::clone(mapping), answered }
}

async fn arrive(app: &App, claims: ProviderClaims, mapping: &Arc<Mapping>) -> Result<Client, SignInRefused> {
    let at_provider = from_provider(app, claims, mapping);
    let outcome = sign_in::sign_in(&app.service, at_provider, Origin::default()).await.unwrap();
    outcome.map(|signed_in| app.holder_of(&signed_in.session.token.expose()))
}

/// Signs a user in with a provider, and ends another session by back-channel logout.
pub async fn come_and_go(app: &App) {
    let arrived = arrive(app, claims("1", "of-the-provider", &["staff"]), &mapping(&[])).await;
    assert!(arrived.is_ok());
    sign_out::sign_out(&app.service, ended(Some("another"), None, "1"), Origin::default()).await.unwrap();
}

fn role(app: &App, username: &str) -> Role {
    let username = username.to_owned();
    let find = move |connection: &mut _| tessera::storage::principals::find_by_username(connection, &username);
    app.service.database.read(find).unwrap().unwrap().role
}

fn ended(sid: Option<&str>, subject: Option<&str>, jti: &str) -> LoggedOut {
    LoggedOut {
        issuer: ISSUER.into(),
        sid: sid.map(str::to_owned),
        subject: subject.map(str::to_owned),
        jti: jti.into(),
        expires_at: i64::MAX,
        tokens: PersonalTokens::Keep,
    }
}

#[actix_web::test]
async fn a_person_is_known_by_issuer_and_subject_and_by_nothing_else() {
    let (app, mapping) = (App::start().await, mapping(&[]));
    let ada = arrive(&app, claims("1", "ada", &["staff"]), &mapping).await.unwrap();
    let id = ada.whoami().await.ok()["id"].clone();
    let renamed = arrive(&app, claims("1", "somebody", &["staff"]), &mapping).await.unwrap();
    assert_eq!(renamed.whoami().await.ok()["id"], id);
    // Another subject, and the same subject of another provider, with the same address.
    let other = arrive(&app, claims("2", "bob", &["staff"]), &mapping).await.unwrap();
    assert_ne!(other.whoami().await.ok()["id"], id);
    let mut elsewhere = claims("1", "carol", &["staff"]);
    elsewhere.identity.issuer = "https://other.example.org".into();
    let other = arrive(&app, elsewhere, &mapping).await.unwrap();
    assert_ne!(other.whoami().await.ok()["id"], id);
}

#[actix_web::test]
async fn a_name_that_is_taken_is_a_refusal_and_never_a_merge() {
    let (app, mapping) = (App::start().await, mapping(&[]));
    app.user("ada", Role::Admin).await;
    for name in ["ada", "ADA", "Ada"] {
        let refused = arrive(&app, claims("1", &name.to_lowercase(), &["admins"]), &mapping).await;
        assert_eq!(refused.err(), Some(SignInRefused::NameTaken), "{name}");
    }
    arrive(&app, claims("2", "bob", &["staff"]), &mapping).await.unwrap();
    assert_eq!(arrive(&app, claims("3", "bob", &["staff"]), &mapping).await.err(), Some(SignInRefused::NameTaken));
    for name in ["", "admin", "adm1n", "operator", "service-account-x", "__sign_in", "a b", "äda"] {
        let refused = arrive(&app, claims("4", name, &["admins"]), &mapping).await;
        assert_eq!(refused.err(), Some(SignInRefused::BadName), "{name}");
    }
}

#[actix_web::test]
async fn a_password_opens_no_user_of_a_provider() {
    let (app, mapping) = (App::start().await, mapping(&[]));
    arrive(&app, claims("1", "ada", &["staff"]), &mapping).await.unwrap();
    for password in ["", "correct horse battery staple"] {
        let body = json!({"username": "ada", "password": password});
        app.anonymous().post("/api/service/sessions", &body).await.refused("TESSERA-401-005");
    }
}

#[actix_web::test]
async fn no_password_is_given_to_a_user_of_a_provider() {
    let (app, mapping) = (App::start().await, mapping(&[]));
    let ada = arrive(&app, claims("1", "ada", &["staff"]), &mapping).await.unwrap();
    let password = Some(PASSWORD.to_owned());
    let set = users::set_password(&app.service, &app.operator(), "ada".into(), password, PersonalTokens::Keep).await;
    assert!(matches!(&set, Err(Error::Conflict(message)) if message.contains("a provider")), "{set:?}");
    ada.whoami().await.ok();
    let body = json!({"username": "ada", "password": PASSWORD});
    app.anonymous().post("/api/service/sessions", &body).await.refused("TESSERA-401-005");
}

#[actix_web::test]
async fn losing_the_group_loses_the_role_and_what_it_opened() {
    let (app, mapping) = (App::start().await, mapping(&[]));
    app.user("root2", Role::Admin).await;
    let first = arrive(&app, claims("1", "ada", &["staff", "admins"]), &mapping).await.unwrap();
    assert_eq!(role(&app, "ada"), Role::Admin);
    first.create("while an administrator").await;
    let second = arrive(&app, claims("1", "ada", &["staff"]), &mapping).await.unwrap();
    assert_eq!(role(&app, "ada"), Role::Member);
    for session in [&first, &second] {
        session.try_create(&json!({"displayName": "no more"})).await.refused("TESSERA-403-001");
    }
    let refused = arrive(&app, claims("1", "ada", &["strangers"]), &mapping).await;
    assert_eq!(refused.err(), Some(SignInRefused::NoRole));
    assert_eq!(role(&app, "ada"), Role::Guest);
    for session in [&first, &second] {
        session.whoami().await.refused("TESSERA-401-002");
    }
    let again = arrive(&app, claims("1", "ada", &["admins"]), &mapping).await.unwrap();
    again.create("an administrator again").await;
}

#[actix_web::test]
async fn a_role_given_here_lasts_until_the_next_sign_in() {
    let (app, mapping) = (App::start().await, mapping(&[]));
    arrive(&app, claims("1", "ada", &["staff"]), &mapping).await.unwrap();
    app.user("root2", Role::Admin).await;
    app.set_role("ada", Role::Admin).await;
    arrive(&app, claims("1", "ada", &["staff"]), &mapping).await.unwrap();
    assert_eq!(role(&app, "ada"), Role::Member);
}

#[actix_web::test]
async fn the_last_administrator_loses_nothing_and_is_not_let_in() {
    let (app, mapping) = (App::start().await, mapping(&[]));
    let ada = arrive(&app, claims("1", "ada", &["admins"]), &mapping).await.unwrap();
    for groups in [&["staff"][..], &[]] {
        let refused = arrive(&app, claims("1", "ada", groups), &mapping).await;
        assert_eq!(refused.err(), Some(SignInRefused::LastAdministrator));
        assert_eq!(role(&app, "ada"), Role::Admin);
    }
    ada.create("still an administrator").await;
    arrive(&app, claims("2", "bob", &["admins"]), &mapping).await.unwrap();
    arrive(&app, claims("1", "ada", &["staff"]), &mapping).await.unwrap();
    assert_eq!(role(&app, "ada"), Role::Member);
    let refused = arrive(&app, claims("2", "bob", &["staff"]), &mapping).await;
    assert_eq!(refused.err(), Some(SignInRefused::LastAdministrator), "ada does not count any more");
}

#[actix_web::test]
async fn who_has_no_role_is_made_no_user() {
    let (app, mapping) = (App::start().await, mapping(&[]));
    for groups in [&[][..], &["Staff", "staff ", "admin"]] {
        assert_eq!(arrive(&app, claims("1", "ada", groups), &mapping).await.err(), Some(SignInRefused::NoRole));
    }
    let identity = claims("1", "ada", &[]).identity;
    assert!(app.service.database.read(|connection| identities::find(connection, &identity)).unwrap().is_none());
}

#[actix_web::test]
async fn a_disabled_user_stays_out_whatever_the_provider_says() {
    let (app, mapping) = (App::start().await, mapping(&[]));
    let ada = arrive(&app, claims("1", "ada", &["staff"]), &mapping).await.unwrap();
    users::set_state(&app.service, &app.operator(), "ada".into(), PrincipalState::Disabled).await.unwrap();
    ada.whoami().await.refused("TESSERA-401-002");
    assert_eq!(arrive(&app, claims("1", "ada", &["admins"]), &mapping).await.err(), Some(SignInRefused::Disabled));
    assert_eq!(role(&app, "ada"), Role::Member, "nothing is given to who is disabled");
}

#[actix_web::test]
async fn groups_give_and_take_personas_and_leave_those_that_others_gave() {
    let app = App::start().await;
    let admin = app.session_with("admin", Role::Admin).await;
    let mut names = Vec::new();
    for name in ["of analysts", "of writers", "by hand"] {
        names.push(admin.persona(name).await["qualifiedName"].as_str().unwrap().to_owned());
    }
    let mapping = mapping(&[("analysts", &names[0]), ("writers", &names[1]), ("ghosts", "default/nowhere")]);
    let linked = |claims: ProviderClaims| {
        let (app, mapping) = (&app, &mapping);
        async move {
            let user = arrive(app, claims.clone(), mapping).await.unwrap();
            let id = user.whoami().await.ok()["id"].as_str().unwrap().to_owned();
            let id = tessera::domain::ids::PrincipalId::parse(&id).unwrap();
            let links = app.service.database.read(|connection| personas::linked_to_one(connection, id)).unwrap();
            links.into_iter().map(|persona| persona.qualified_name).collect::<BTreeSet<_>>()
        }
    };
    let some = |places: &[usize]| places.iter().map(|place| names[*place].clone()).collect::<BTreeSet<_>>();
    assert_eq!(linked(claims("1", "ada", &["staff", "analysts", "ghosts"])).await, some(&[0]));
    let by_hand = json!({"typeName": "Persona", "attributes":
        {"qualifiedName": names[2], "name": "by hand", "personaUsers": ["ada"]}});
    admin.bulk(&[by_hand]).await.ok();
    assert_eq!(linked(claims("1", "ada", &["staff", "analysts", "writers"])).await, some(&[0, 1, 2]));
    assert_eq!(linked(claims("1", "ada", &["staff", "writers"])).await, some(&[1, 2]));
    // A persona granted by hand stays when the group is lost, although the group gave it, too.
    let first = json!({"typeName": "Persona", "attributes":
        {"qualifiedName": names[0], "name": "of analysts", "personaUsers": ["ada"]}});
    admin.bulk(&[first]).await.ok();
    assert_eq!(linked(claims("1", "ada", &["staff", "analysts"])).await, some(&[0, 2]));
    assert_eq!(linked(claims("1", "ada", &["staff"])).await, some(&[0, 2]));
}

#[actix_web::test]
async fn a_provider_ends_a_session_or_all_of_a_subject_at_once() {
    let (app, mapping) = (App::start().await, mapping(&[]));
    let ada = arrive(&app, claims("1", "ada", &["staff"]), &mapping).await.unwrap();
    let bob = arrive(&app, claims("2", "bob", &["staff"]), &mapping).await.unwrap();
    let end = |ended: LoggedOut| sign_out::sign_out(&app.service, ended, Origin::default());
    end(ended(Some("sid-1"), Some("2"), "a")).await.unwrap();
    ada.whoami().await.ok();
    end(ended(Some("sid-1"), None, "b")).await.unwrap();
    ada.whoami().await.refused("TESSERA-401-002");
    bob.whoami().await.ok();
    assert!(matches!(end(ended(None, Some("2"), "b")).await, Err(Error::Conflict(_))), "a token counts once");
    bob.whoami().await.ok();
    end(ended(None, Some("2"), "c")).await.unwrap();
    bob.whoami().await.refused("TESSERA-401-002");
    end(ended(None, Some("nobody"), "d")).await.unwrap();
}

#[actix_web::test]
async fn a_logout_token_with_sid_and_subject_ends_sessions_whose_sid_is_unknown() {
    let (app, mapping) = (App::start().await, mapping(&[]));
    let unknown = ProviderClaims { sid: String::new(), ..claims("1", "ada", &["staff"]) };
    let without = arrive(&app, unknown, &mapping).await.unwrap();
    let another =
        arrive(&app, ProviderClaims { sid: "b".into(), ..claims("1", "ada", &["staff"]) }, &mapping).await.unwrap();
    let bob =
        arrive(&app, ProviderClaims { sid: String::new(), ..claims("2", "bob", &["staff"]) }, &mapping).await.unwrap();
    sign_out::sign_out(&app.service, ended(Some("a"), Some("1"), "t"), Origin::default()).await.unwrap();
    without.whoami().await.refused("TESSERA-401-002");
    another.whoami().await.ok();
    bob.whoami().await.ok();
}

#[actix_web::test]
async fn a_provider_that_ends_sessions_ends_access_tokens_only_if_it_is_told_to() {
    let (app, mapping) = (App::start().await, mapping(&[]));
    let mut tokens = Vec::new();
    for (subject, name) in [("1", "ada"), ("2", "bob")] {
        let arrived = arrive(&app, claims(subject, name, &["staff"]), &mapping).await.unwrap();
        let (token, _) = crate::datahub::created(&arrived, name, "of a program").await;
        tokens.push(app.holder_of(&token));
    }
    let end = |ended: LoggedOut| sign_out::sign_out(&app.service, ended, Origin::default());
    end(ended(Some("sid-1"), Some("1"), "a")).await.unwrap();
    tokens[0].whoami().await.ok();
    // No session of the subject is left.
    end(LoggedOut { tokens: PersonalTokens::Revoke, ..ended(Some("sid-1"), Some("1"), "b") }).await.unwrap();
    tokens[0].whoami().await.refused("TESSERA-401-002");
    tokens[1].whoami().await.ok();
    end(LoggedOut { tokens: PersonalTokens::Revoke, ..ended(Some("sid-2"), None, "c") }).await.unwrap();
    tokens[1].whoami().await.refused("TESSERA-401-002");
}

/// Everybody behind one address shares the count of a provider.
#[actix_web::test]
async fn failures_at_a_provider_slow_a_network_down_but_never_lock_it_out() {
    let app = App::start().await;
    let turn = async || app.service.turn_at_provider("company", &Origin::default()).await;
    for failure in 0..100 {
        let turn = turn().await.unwrap_or_else(|error| panic!("{failure}: {error}"));
        let _audited = app.service.failed_at_provider(&turn);
        // Who is known to the provider and not let in counts for nothing.
        let _audited = app.service.refused_at_provider(&turn);
    }
    for _ in 0..3 {
        let Err(Error::SlowedDown { retry_after }) = turn().await.map(drop) else { panic!("not slowed down") };
        assert!(retry_after <= 5, "{retry_after}");
        app.advance(5_000);
        let turn = turn().await.unwrap();
        let _audited = app.service.failed_at_provider(&turn);
    }
}

#[actix_web::test]
async fn what_came_of_a_session_ends_with_it_at_the_provider() {
    let app = App::start().await;
    let at_provider = from_provider(&app, claims("1", "ada", &["staff"]), &mapping(&[]));
    let signed_in = sign_in::sign_in(&app.service, at_provider, Origin::default()).await.unwrap().unwrap();
    let actor = app.service.authenticate(Presentation::bearer(&signed_in.session.token.expose(), None)).await.unwrap();
    let another = bearer_tokens::create(&app.service, &actor, 600).await.unwrap();
    let another = app.holder_of(&another.token.expose());
    another.whoami().await.ok();
    sign_out::sign_out(&app.service, ended(Some("sid-1"), None, "a"), Origin::default()).await.unwrap();
    another.whoami().await.refused("TESSERA-401-002");
}

#[actix_web::test]
async fn an_answer_is_accepted_once_also_if_the_provider_would_take_its_code_again() {
    let app = App::start().await;
    let answer = from_provider(&app, claims("1", "ada", &["staff"]), &mapping(&[]));
    let first = sign_in::sign_in(&app.service, answer.clone(), Origin::default()).await.unwrap();
    assert!(first.is_ok());
    for _ in 0..2 {
        let again = sign_in::sign_in(&app.service, answer.clone(), Origin::default()).await.unwrap();
        assert_eq!(again.err(), Some(SignInRefused::Replayed));
    }
}

#[actix_web::test]
async fn two_first_sign_ins_at_once_make_one_user() {
    let (app, mapping) = (App::start().await, mapping(&[]));
    let come = || arrive(&app, claims("1", "ada", &["staff"]), &mapping);
    let (one, other, third) = futures_util::join!(come(), come(), come());
    let mut ids = BTreeSet::new();
    for session in [one, other, third] {
        ids.insert(session.unwrap().whoami().await.ok()["id"].to_string());
    }
    assert_eq!(ids.len(), 1);
}

/// The settings of an unreachable provider.
pub fn one_provider(base: &str) -> SignInSettings {
    let text = "[[provider]]\nid = 'company'\nlabel = 'Company'\nissuer = 'http://127.0.0.1:1'\nclient_id = 't'\n\
                default_role = '$guest'\n";
    let providers = settings::parse(text, |_| Ok("s".to_owned())).unwrap();
    SignInSettings { providers, base: base.to_owned() }
}
