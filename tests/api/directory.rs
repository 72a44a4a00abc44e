//! Credentials in the cache and in the database: planted rows, peppers, other processes, last uses.

use diesel::RunQueryDsl;
use diesel::sql_query;
use serde_json::json;
use tessera::domain::child::Presentation;
use tessera::domain::entropy::Entropy;
use tessera::domain::error::{Error, Refusal};
use tessera::domain::pepper::Peppers;
use tessera::domain::principal::PrincipalState;
use tessera::domain::principal::Role;
use tessera::domain::token::{ParsedToken, Prefixes, TokenKind};
use tessera::service::keys::api_keys;
use tessera::service::people::users;
use tessera::service::upkeep::follow::Follower;
use tessera::service::upkeep::maintenance;
use tessera::service::{Service, bootstrap};

use crate::support::{App, Options, World};

fn change(service: &Service, statement: &str) -> usize {
    service.database.write(|connection| Ok(sql_query(statement).execute(connection)?)).unwrap()
}

async fn refusal(service: &Service, token: &str) -> Option<Refusal> {
    match service.authenticate(Presentation::bearer(token, None)).await {
        Ok(_) => None,
        Err(Error::Unauthenticated(refusal)) => Some(refusal),
        Err(error) => panic!("{error}: {error:?}"),
    }
}

#[actix_web::test]
async fn a_digest_copied_to_another_row_authenticates_nobody() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    let genuine = ParsedToken::parse(&key.token, &Prefixes::default()).unwrap();
    let other =
        ParsedToken { key_id: ParsedToken::mint(TokenKind::ApiKey, Entropy::SYSTEM).unwrap().key_id, ..genuine };
    let planted = format!(
        "INSERT INTO credentials SELECT '{}', kind, principal_id, digest, pepper, created_at, expires_at FROM credentials",
        other.key_id
    );
    assert_eq!(change(&app.service, &planted), 1);
    let token = other.plaintext(&Prefixes::default()).unwrap().expose();
    assert_eq!(refusal(&app.service, &token).await, Some(Refusal::Invalid));
    assert_eq!(refusal(&app.service, &key.token).await, None);
}

#[actix_web::test]
async fn a_row_made_with_another_pepper_authenticates_nobody() {
    let (here, there) = (World::new(&Options::default()), World::new(&Options::default()));
    let token = there.key("a", &[]).await.token.expose();
    here.key("a", &[]).await;
    let parsed = ParsedToken::parse(&token, &Prefixes::default()).unwrap();
    let digest = there.service.peppers.digest(&parsed, there.service.peppers.current()).unwrap().hex();
    let planted = format!("UPDATE credentials SET key_id = '{}', digest = '{digest}'", parsed.key_id);
    assert_eq!(change(&here.service, &planted), 1);
    assert_eq!(refusal(&here.service, &token).await, Some(Refusal::Invalid));
    assert_eq!(refusal(&there.service, &token).await, None);
}

#[actix_web::test]
async fn a_start_without_the_pepper_of_the_database_is_refused() {
    let world = World::new(&Options::default());
    bootstrap::check_peppers(&world.service).await.unwrap();
    let other = world.neighbour(&Peppers::generate(Entropy::SYSTEM).unwrap());
    assert!(matches!(bootstrap::check_peppers(&other).await, Err(Error::Conflict(_))));
    bootstrap::check_peppers(&world.neighbour(&world.pepper)).await.unwrap();
}

#[actix_web::test]
async fn a_new_pepper_before_the_old_one_keeps_every_token() {
    let world = World::new(&Options::default());
    bootstrap::check_peppers(&world.service).await.unwrap();
    let old = world.key("old", &[]).await.token.expose();
    let rotated = world.neighbour(&format!("{},{}", Peppers::generate(Entropy::SYSTEM).unwrap(), world.pepper));
    bootstrap::check_peppers(&rotated).await.unwrap();
    let new = api_keys::create(&rotated, &world.operator(), crate::support::new_key("new"), None).await.unwrap();
    let new = new.token.expose();
    assert_eq!((refusal(&rotated, &old).await, refusal(&rotated, &new).await), (None, None));
    assert_eq!(refusal(&world.service, &new).await, Some(Refusal::Invalid), "it has not heard of the new pepper");
}

#[actix_web::test]
async fn the_first_start_makes_an_admin_and_a_key_with_every_permission_once() {
    let world = World::new(&Options::default());
    let first = bootstrap::run(&world.service, None).await.unwrap().unwrap();
    assert_eq!(first.password.unwrap().len(), 22);
    let actor = world.service.authenticate(Presentation::bearer(&first.token.expose(), None)).await.unwrap();
    assert_eq!(actor.permissions(), tessera::domain::permission::Permissions::all());
    assert!(bootstrap::run(&world.service, None).await.unwrap().is_none());
}

#[actix_web::test]
async fn a_password_given_for_the_first_start_is_used_and_not_shown() {
    let app = App::start().await;
    let first = bootstrap::run(&app.service, Some("of my own choice".into())).await.unwrap().unwrap();
    assert_eq!(first.password, None);
    let body = json!({"username": "admin", "password": "of my own choice"});
    app.anonymous().post("/api/service/sessions", &body).await.ok();
}

/// The permissions that the policy about all users grants.
fn everyones() -> serde_json::Value {
    json!(["GENERATE_PERSONAL_ACCESS_TOKENS", "VIEW_ANALYTICS"])
}

#[actix_web::test]
async fn keys_stand_when_their_creator_is_demoted_disabled_or_deleted() {
    let app = App::start().await;
    let ada = app.session_with("ada", Role::Admin).await;
    let body = json!({"displayName": "a", "workspacePermissions": ["MANAGE_APIKEYS"]});
    let created = ada.try_create(&body).await.ok();
    let holder = app.holder_of(created["attributes"]["accessToken"].as_str().unwrap());
    let (service, operator) = (&app.service, app.operator());
    users::set_role(service, &operator, "ada".into(), Role::Guest).await.unwrap();
    assert_eq!(ada.whoami().await.ok()["permissions"], everyones());
    assert_eq!(holder.whoami().await.ok()["permissions"], json!(["MANAGE_APIKEYS"]));
    users::set_state(service, &operator, "ada".into(), PrincipalState::Disabled).await.unwrap();
    holder.create("b").await;
    users::delete(service, &operator, "ada".into()).await.unwrap();
    ada.whoami().await.refused("TESSERA-401-002");
    holder.create("c").await;
}

#[actix_web::test]
async fn a_namesake_of_a_deleted_user_gets_nothing_of_theirs() {
    let app = App::start().await;
    let before = app.session_with("ada", Role::Admin).await;
    let id = before.whoami().await.ok()["id"].clone();
    users::delete(&app.service, &app.operator(), "ada".into()).await.unwrap();
    let after = app.session_with("ada", Role::Guest).await.whoami().await.ok();
    assert_ne!(after["id"], id);
    assert_eq!(after["permissions"], everyones());
    before.whoami().await.refused("TESSERA-401-002");
}

#[actix_web::test]
async fn changes_of_another_process_arrive_with_the_next_look() {
    let world = World::new(&Options::default());
    let other = world.neighbour(&world.pepper);
    let (gone, stays) = (world.key("gone", &[]).await, world.key("stays", &[]).await);
    let (token, kept) = (gone.token.expose(), stays.token.expose());
    let mut follower = Follower::start(&other).await.unwrap();
    assert_eq!((refusal(&other, &token).await, refusal(&other, &kept).await), (None, None));
    api_keys::delete(&world.service, &world.operator(), gone.api_key.id).await.unwrap();
    follower.step(&other).await.unwrap();
    assert_eq!(refusal(&other, &token).await, Some(Refusal::Invalid));
    let misses = other.directory.counts.misses.get();
    assert_eq!(refusal(&other, &kept).await, None);
    assert_eq!(other.directory.counts.misses.get(), misses, "what did not change is still known");
}

#[actix_web::test]
async fn a_process_that_cannot_look_trusts_nothing_it_knew() {
    let world = World::new(&Options::default());
    let token = world.key("a", &[]).await.token.expose();
    let mut follower = Follower::start(&world.service).await.unwrap();
    assert_eq!(refusal(&world.service, &token).await, None);
    world.service.database.revert().unwrap();
    assert!(
        world.service.authenticate(Presentation::bearer(&token, None)).await.is_ok(),
        "known, as nobody has noticed yet"
    );
    follower.step(&world.service).await.unwrap_err();
    assert!(matches!(world.service.authenticate(Presentation::bearer(&token, None)).await, Err(Error::Storage(_))));
}

#[actix_web::test]
async fn a_known_token_costs_no_query_and_an_unknown_one_is_not_remembered() {
    let world = World::new(&Options::default());
    let token = world.key("a", &[]).await.token.expose();
    let unknown = ParsedToken::mint(TokenKind::ApiKey, Entropy::SYSTEM).unwrap();
    let unknown = unknown.plaintext(&Prefixes::default()).unwrap().expose();
    for _ in 0..3 {
        assert_eq!(refusal(&world.service, &token).await, None);
        assert_eq!(refusal(&world.service, &unknown).await, Some(Refusal::Invalid));
        assert_eq!(refusal(&world.service, "tsk_garbage").await, Some(Refusal::Invalid));
    }
    let counts = &world.service.directory.counts;
    assert_eq!((counts.hits.get(), counts.misses.get(), world.service.directory.len()), (2, 4, 1));
}

#[actix_web::test]
async fn a_wrong_secret_of_a_known_token_costs_the_look_up_of_an_unknown_one() {
    let world = World::new(&Options::default());
    let token = world.key("a", &[]).await.token.expose();
    let [known, other] = [&token, &world.key("b", &[]).await.token.expose()]
        .map(|token| ParsedToken::parse(token, &Prefixes::default()).unwrap());
    let wrong = ParsedToken { secret: other.secret, ..known }.plaintext(&Prefixes::default()).unwrap().expose();
    assert_eq!(refusal(&world.service, &token).await, None);
    let misses = &world.service.directory.counts.misses;
    for before in [1, 2, 3] {
        assert_eq!((misses.get(), refusal(&world.service, &wrong).await), (before, Some(Refusal::Invalid)));
    }
    assert_eq!((misses.get(), world.service.directory.len()), (4, 1));
}

#[actix_web::test]
async fn uses_are_saved_in_one_column_and_never_back_in_time() {
    let app = App::start().await;
    let (admin, key) = (app.admin().await, app.key_with(&[]).await);
    let saved = || async {
        maintenance::save_uses(&app.service).await.unwrap();
        app.service.directory.forget_all();
        admin.key(&key.id).await.ok()["attributes"]["lastUsedAt"].as_str().map(|at| at.parse::<i64>().unwrap())
    };
    assert_eq!(saved().await, None);
    app.advance(10);
    key.whoami().await.ok();
    let at = app.now();
    assert_eq!(saved().await, Some(at));
    app.advance(-5);
    key.whoami().await.ok();
    assert_eq!(saved().await, Some(at));
}

#[actix_web::test]
async fn nothing_is_made_without_randomness() {
    let broken = Entropy::from_fn(|_| Err(getrandom::Error::UNSUPPORTED));
    let world = World::new(&Options { entropy: broken, ..Options::default() });
    let outcome = api_keys::create(&world.service, &world.operator(), crate::support::new_key("a"), None).await;
    assert!(matches!(outcome, Err(Error::Internal(_))));
}
