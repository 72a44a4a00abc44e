//! Restored backups: a process notices that the database is older than what it saw.

use std::sync::{Arc, Mutex};

use actix_web::http::Method;
use diesel::RunQueryDsl;
use diesel::sql_query;
use serde_json::json;
use tessera::domain::change::{Action, Change, ChangeSubject};
use tessera::domain::entropy::Entropy;
use tessera::domain::error::Error;
use tessera::domain::ids::Id;
use tessera::domain::installation::Seen;
use tessera::domain::journal::{Journal, JournalEntry};
use tessera::domain::principal::{PrincipalState, Role};
use tessera::service::children::signing_keys;
use tessera::service::people::users;
use tessera::service::upkeep::follow::Follower;
use tessera::service::upkeep::reapply::Done;
use tessera::service::upkeep::restore::{self, Continuity};
use tessera::service::upkeep::time;
use tessera::storage::{self, principals};
use uuid::Uuid;

use crate::create::KEYS;
use crate::support::rules::allow;
use crate::support::{App, Options, World};

/// The state that a process remembers after some changes.
async fn seen_of(world: &World) -> Seen {
    let installation = time::begin(&world.service).await.unwrap();
    let mut follower = Follower::start(&world.service).await.unwrap();
    world.key("a", &[]).await;
    let changes = follower.step(&world.service).await.unwrap();
    assert_eq!(changes.len(), 1);
    Seen::of(installation.id, &changes)
}

/// Removes the last change, like a backup from before it.
fn go_back(world: &World, seen: &Seen) {
    let back = format!("DELETE FROM changes WHERE id = '{}'", seen.changes[0]);
    let gone = world.service.database.write(|connection| Ok(sql_query(&back).execute(connection)?));
    assert_eq!(gone.unwrap(), 1);
}

fn is_refused(outcome: &Result<Continuity, Error>) -> bool {
    matches!(outcome, Err(Error::Conflict(_)))
}

#[actix_web::test]
async fn what_was_taken_away_is_outside_the_database_before_it_is_answered() {
    let app = App::start().await;
    let admin = app.admin().await;
    let kept: Arc<Mutex<Vec<Change>>> = Arc::default();
    let keeping = Arc::clone(&kept);
    app.service.taken.keep_with(move |changes| keeping.lock().unwrap().extend_from_slice(changes));
    let key = admin.create("k").await;
    assert!(kept.lock().unwrap().is_empty(), "nothing has been taken away");
    admin.delete(&format!("{KEYS}/{}", key["id"].as_str().unwrap())).await.ok();
    let kept = kept.lock().unwrap();
    assert_eq!(kept.iter().map(|change| change.action.as_str()).collect::<Vec<_>>(), ["apikey.deleted"]);
}

#[actix_web::test]
async fn the_database_and_later_states_of_it_are_taken() {
    let world = World::new(&Options::default());
    world.user("ada", Role::Member).await;
    let seen = seen_of(&world).await;
    assert!(restore::check(&world.service, seen.clone()).await.is_ok());
    world.key("b", &[]).await;
    assert_eq!(restore::check(&world.service, seen).await.unwrap(), Continuity::Continued);
    let empty = World::new(&Options::default());
    let elsewhere = seen_of(&world).await;
    assert!(restore::check(&empty.service, elsewhere).await.is_ok(), "nothing has happened there");
}

#[actix_web::test]
async fn an_older_copy_is_refused_also_if_much_has_been_done_with_it_since() {
    let world = World::new(&Options::default());
    world.user("ada", Role::Member).await;
    let seen = seen_of(&world).await;
    go_back(&world, &seen);
    assert!(is_refused(&restore::check(&world.service, seen.clone()).await));
    world.service.clock.advance(1000);
    for _ in 0..3 {
        world.key("b", &[]).await;
    }
    assert!(is_refused(&restore::check(&world.service, seen).await));
}

#[actix_web::test]
async fn another_database_is_refused() {
    let (world, other) = (World::new(&Options::default()), World::new(&Options::default()));
    let seen = seen_of(&world).await;
    seen_of(&other).await;
    assert!(is_refused(&restore::check(&other.service, seen).await));
}

#[actix_web::test]
async fn accepting_a_copy_ends_every_session_tells_what_is_unknown_and_holds_for_every_machine() {
    let app = App::start().await;
    let admin = app.admin().await;
    let key = app.key_with(&[]).await;
    let seen = seen_of(&app).await;
    go_back(&app, &seen);
    let accepted = restore::accept(&app.service, Some(seen.clone()), Arc::default()).await.unwrap();
    assert_eq!((accepted.sessions, accepted.credentials.len()), (1, 2));
    assert!(accepted.credentials.iter().any(|each| each.principal == key.id && each.display_name.is_some()));
    admin.whoami().await.refused("TESSERA-401-002");
    key.whoami().await.ok();
    assert_eq!(restore::check(&app.service, seen.clone()).await.unwrap(), Continuity::Restored);
    let later = Seen { at: app.now() + 1, ..seen };
    assert!(is_refused(&restore::check(&app.service, later).await), "it was accepted before that was seen");
    assert!(crate::storage::actions(&app.service).contains(&"installation.restore_accepted".to_owned()));
}

#[actix_web::test]
async fn what_is_kept_reads_as_it_was_written_and_nothing_else_does() {
    let world = World::new(&Options::default());
    let seen = seen_of(&world).await;
    assert_eq!(Seen::parse(&seen.to_string()), Some(seen.clone()));
    let installation = time::begin(&world.service).await.unwrap();
    assert_eq!(restore::latest_seen(&world.service, &installation).await.unwrap(), seen);
    let text = seen.to_string();
    for length in 0..text.len() - 1 {
        assert_eq!(Seen::parse(&text[..length]), None, "{length}");
    }
    assert_eq!(Seen::parse(&text[1..]), None);
}

/// An id of nothing in the database.
fn fresh_id() -> Uuid {
    Id::<JournalEntry>::new(1, Entropy::SYSTEM).unwrap().uuid()
}

/// An entry of the journal about a change that is not in the database.
fn lost(action: Action, subject: ChangeSubject) -> JournalEntry {
    let action = action.name().to_owned();
    JournalEntry { change: fresh_id(), changed_at: 1, action, subject, subject_name: "it".to_owned() }
}

#[actix_web::test]
async fn revocations_that_a_copy_lacks_are_made_again() {
    let app = App::start().await;
    let admin = app.admin().await;
    let subject = |id: &str| ChangeSubject::Principal(id.parse().unwrap());
    let mut keys = Vec::new();
    for _ in 0..4 {
        keys.push(app.key_with(&[]).await);
    }
    let [deleted, replaced, leaked, registered] = &keys[..] else { unreachable!() };
    let persona = ChangeSubject::Persona(admin.persona("p").await["id"].as_str().unwrap().parse().unwrap());
    let child = fresh_id().to_string();
    let settings = r#"{"audiences": ["https://tools.example.org/"], "jwks": {"keys": []}, "trust": []}"#;
    let settings_of = format!("/api/service/apikeys/{}/oauth", registered.id);
    admin.send(Method::PUT, &settings_of, Some(settings)).await.ok();
    let mut users = Vec::new();
    for name in ["suspended", "renewed", "token_holder", "removed"] {
        app.user(name, Role::Member).await;
        let found = app.service.database.read(move |connection| principals::find_by_username(connection, name));
        users.push(found.unwrap().unwrap().id.to_string());
    }
    let policy = app.policy(allow(&["renewed"], &["tools/call"], &[])).await;
    let holder = app.session_of("token_holder").await;
    let create = "mutation { createAccessToken(input: {type: PERSONAL, actorUrn: \"urn:li:corpuser:token_holder\", \
                  duration: ONE_DAY, name: \"t\"}) { accessToken } }";
    let created = holder.post("/api/graphql", &json!({"query": create})).await.ok();
    let token = app.holder_of(created["data"]["createAccessToken"]["accessToken"].as_str().unwrap());
    token.whoami().await.ok();
    let journal = vec![
        lost(Action::ApiKeyDeleted, subject(&deleted.id)),
        lost(Action::ApiKeyTokenReplaced, subject(&replaced.id)),
        lost(Action::LeakedTokenRevoked, subject(&leaked.id)),
        lost(Action::ApiKeyOauthReplaced, subject(&registered.id)),
        lost(Action::UserUpdated, subject(&users[0])),
        lost(Action::UserPasswordSet, subject(&users[1])),
        lost(Action::AccessTokenRevoked, subject(&users[2])),
        lost(Action::UserDeleted, subject(&users[3])),
        lost(Action::PersonaDeleted, persona),
        lost(Action::PolicyDeleted, ChangeSubject::Policy(policy.id.uuid())),
        JournalEntry { subject_name: child, ..lost(Action::ChildRevoked, subject(&users[2])) },
        lost(Action::PersonaUpdated, ChangeSubject::Persona(fresh_id())),
        // Created after the copy was made, and deleted: the copy has never known it.
        lost(Action::ApiKeyDeleted, ChangeSubject::Principal(fresh_id())),
    ];
    let accepted = restore::accept(&app.service, None, [journal.clone()].into()).await.unwrap();
    let done: Vec<Done> = accepted.reapplied.iter().map(|(done, ..)| *done).collect();
    let expected = [
        Done::Deleted,
        Done::Deleted,
        Done::Deleted,
        Done::Deleted,
        Done::TokensEnded,
        Done::TokensEnded,
        Done::TokensEnded,
        Done::SettingsEmptied,
        Done::Disabled,
        Done::PasswordEnded,
        Done::ChildRevoked,
        Done::Unknown,
    ];
    assert_eq!(done, expected);
    for dead in [&deleted.client, &replaced.client, &leaked.client, &token] {
        assert_eq!(dead.whoami().await.status, 401);
    }
    registered.whoami().await.ok();
    for name in ["suspended", "renewed", "removed"] {
        let body = json!({"username": name, "password": crate::support::PASSWORD});
        assert_eq!(app.anonymous().post("/api/service/sessions", &body).await.status, 401, "{name}");
    }
    let admin = app.session_of("admin").await;
    assert_eq!(admin.get(&settings_of).await.ok()["audiences"], json!([]));
    // What is settled is not repeated: users whom an administrator has enabled since stay so.
    let again = restore::accept(&app.service, None, [journal].into()).await.unwrap();
    assert!(again.reapplied.is_empty());
}

/// A key that signs children is told by its id: one that was removed must not come back, because it was stolen.
#[actix_web::test]
async fn a_removed_signing_key_does_not_come_back_and_the_others_stay() {
    let app = App::start().await;
    let operator = app.operator();
    signing_keys::rotate(&app.service, &operator, true).await.unwrap();
    signing_keys::rotate(&app.service, &operator, true).await.unwrap();
    let ids = || app.service.database.read(storage::signing_keys::all).unwrap();
    let before: Vec<String> = ids().into_iter().map(|key| key.id).collect();
    let removed = JournalEntry {
        subject_name: before[0].clone(),
        ..lost(Action::SigningKeyChanged, ChangeSubject::Principal(Uuid::nil()))
    };
    let accepted = restore::accept(&app.service, None, [vec![removed]].into()).await.unwrap();
    assert_eq!(accepted.reapplied.iter().map(|(done, ..)| *done).collect::<Vec<_>>(), [Done::Deleted]);
    assert_eq!(ids().into_iter().map(|key| key.id).collect::<Vec<_>>(), before[1..]);
}

/// A leaked personal token was revoked with the password; the role was given after the copy was made.
#[actix_web::test]
async fn the_access_tokens_of_a_changed_user_end() {
    for action in [Action::UserPasswordSet, Action::UserUpdated] {
        let app = App::start().await;
        app.admin().await;
        let holder = app.session_with("bob", Role::Member).await;
        let create = "mutation { createAccessToken(input: {type: PERSONAL, actorUrn: \"urn:li:corpuser:bob\", \
                      duration: ONE_DAY, name: \"t\"}) { accessToken } }";
        let created = holder.post("/api/graphql", &json!({"query": create})).await.ok();
        let token = app.holder_of(created["data"]["createAccessToken"]["accessToken"].as_str().unwrap());
        let found = app.service.database.read(|connection| principals::find_by_username(connection, "bob"));
        let bob = ChangeSubject::Principal(found.unwrap().unwrap().id.uuid());
        restore::accept(&app.service, None, [vec![lost(action, bob)]].into()).await.unwrap();
        let enabled = users::set_state(&app.service, &app.operator(), "bob".to_owned(), PrincipalState::Enabled).await;
        enabled.unwrap();
        assert_eq!(token.whoami().await.status, 401, "{action:?}");
    }
}

/// The administrator of the copy was deleted later, because the password had leaked. The installation must not be set up
/// anew with it.
#[actix_web::test]
async fn a_deleted_last_administrator_is_shut_out_and_leaves_no_empty_installation() {
    let app = App::start().await;
    app.admin().await;
    let found = app.service.database.read(|connection| principals::find_by_username(connection, "admin"));
    let id = ChangeSubject::Principal(found.unwrap().unwrap().id.uuid());
    restore::accept(&app.service, None, [vec![lost(Action::UserDeleted, id)]].into()).await.unwrap();
    let body = json!({"username": "admin", "password": crate::support::PASSWORD});
    assert_eq!(app.anonymous().post("/api/service/sessions", &body).await.status, 401);
    assert!(!app.service.database.read(storage::users::is_empty).unwrap());
}

#[actix_web::test]
async fn a_restore_leaves_the_last_administrator() {
    let app = App::start().await;
    app.admin().await;
    let found = app.service.database.read(|connection| principals::find_by_username(connection, "admin"));
    let id = ChangeSubject::Principal(found.unwrap().unwrap().id.uuid());
    let journal = vec![lost(Action::UserUpdated, id), lost(Action::UserPasswordSet, id)];
    let accepted = restore::accept(&app.service, None, [journal].into()).await.unwrap();
    assert!(accepted.reapplied.iter().all(|(done, ..)| *done == Done::Unknown));
    app.session_of("admin").await.whoami().await.ok();
}

#[actix_web::test]
async fn a_journal_catches_up_with_what_its_machine_has_not_followed() {
    let app = App::start().await;
    let key = app.key_with(&[]).await;
    app.admin().await.delete_key(&key.id).await.ok();
    let installation = time::begin(&app.service).await.unwrap().id;
    let mut journal = Journal { installation, begins_at: app.now(), entries: Vec::new() };
    let missed = restore::not_in(&app.service, &journal).await.unwrap();
    journal.entries = missed.iter().filter_map(JournalEntry::of).collect();
    let deleted: Vec<_> = journal.entries.iter().filter(|entry| entry.action == Action::ApiKeyDeleted.name()).collect();
    assert_eq!(
        deleted.iter().map(|entry| entry.subject.id().to_string()).collect::<Vec<_>>(),
        std::slice::from_ref(&key.id)
    );
    let none = restore::not_in(&app.service, &journal).await.unwrap();
    assert!(none.iter().find_map(JournalEntry::of).is_none());
}
