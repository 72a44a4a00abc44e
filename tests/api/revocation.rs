//! Revocation on real threads: once a revocation is answered, every later request is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use tessera::domain::api_key::ApiKeyUpdate;
use tessera::domain::child::Presentation;
use tessera::domain::edition::Expected;
use tessera::domain::error::{Error, Refusal, Result};
use tessera::domain::permission::{Permission, Permissions};
use tessera::domain::principal::Role;
use tessera::domain::text::{Description, DisplayName};
use tessera::service::authn::sessions;
use tessera::service::authn::sign_ins::Origin;
use tessera::service::keys::api_keys;
use tessera::service::people::users::{self, PersonalTokens};

use crate::concurrency::{at_once, children, world};
use crate::support::{PASSWORD, new_key};

fn is_invalid<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(Error::Unauthenticated(Refusal::Invalid)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_let_in_who_asks_after_a_delete_has_returned() {
    let world = world();
    for _ in 0..40 {
        let created = world.key("a", &[]).await;
        let (id, token) = (created.api_key.id, created.token.expose());
        let deleted = Arc::new(AtomicBool::new(false));
        let askers = (0..4).map(|_| {
            let (service, token, deleted) = (world.service.clone(), token.clone(), Arc::clone(&deleted));
            tokio::spawn(async move {
                loop {
                    let before = deleted.load(Ordering::SeqCst);
                    let outcome = service.authenticate(Presentation::bearer(&token, None)).await;
                    if before {
                        return outcome;
                    }
                    // With a cold cache every request reads storage, which a delete can overtake.
                    service.directory.forget_all();
                }
            })
        });
        let askers: Vec<_> = askers.collect();
        api_keys::delete(&world.service, &world.operator(), id).await.unwrap();
        deleted.store(true, Ordering::SeqCst);
        for outcome in join_all(askers).await {
            assert!(is_invalid(&outcome.unwrap()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_an_update_takes_away_is_gone_for_who_asks_after_it() {
    let world = world();
    let created = world.key("a", &[]).await;
    let (id, token) = (created.api_key.id, created.token.expose());
    for round in 0..40 {
        let permissions: Permissions = Permission::ALL.into_iter().take(round % 2).collect();
        let updated = Arc::new(AtomicBool::new(false));
        let askers: Vec<_> = (0..4)
            .map(|_| {
                let (service, token, updated) = (world.service.clone(), token.clone(), Arc::clone(&updated));
                tokio::spawn(async move {
                    loop {
                        let before = updated.load(Ordering::SeqCst);
                        let actor = service.authenticate(Presentation::bearer(&token, None)).await.unwrap();
                        if before {
                            return actor.permissions();
                        }
                    }
                })
            })
            .collect();
        let update = ApiKeyUpdate {
            display_name: DisplayName::parse("a").unwrap(),
            description: Description::default(),
            validity: None,
            personas: Vec::new(),
            permissions: Some(permissions),
            addresses: None,
            rate: None,
        };
        api_keys::update(&world.service, &world.operator(), id, update, Expected::Any).await.unwrap();
        updated.store(true, Ordering::SeqCst);
        for held in join_all(askers).await {
            assert_eq!(held.unwrap(), permissions);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_misses_are_one_read() {
    let world = world();
    let token = world.key("a", &[]).await.token.expose();
    let outcomes = at_once((0..32).map(|_| {
        let (service, token) = (world.service.clone(), token.clone());
        async move { service.authenticate(Presentation::bearer(&token, None)).await }
    }))
    .await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(world.service.directory.counts.misses.get(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_creates_nothing_after_its_deletion_has_returned() {
    let world = world();
    for _ in 0..20 {
        let created = world.key("parent", &[Permission::ManageApiKeys]).await;
        let actor = world.service.authenticate(Presentation::bearer(&created.token.expose(), None)).await.unwrap();
        let deleted = Arc::new(AtomicBool::new(false));
        let creators: Vec<_> = (0..4)
            .map(|_| {
                let (service, actor, deleted) = (world.service.clone(), actor.clone(), Arc::clone(&deleted));
                tokio::spawn(async move {
                    loop {
                        let last = deleted.load(Ordering::SeqCst);
                        let outcome = api_keys::create(&service, &actor, new_key("child"), None).await;
                        if last || outcome.is_err() {
                            return outcome;
                        }
                    }
                })
            })
            .collect();
        api_keys::delete(&world.service, &world.operator(), created.api_key.id).await.unwrap();
        let before = children(&world.service, &world.operator()).await;
        deleted.store(true, Ordering::SeqCst);
        for creator in join_all(creators).await {
            let outcome = creator.unwrap();
            assert!(is_invalid(&outcome), "refused for the credential, and for nothing else: {:?}", outcome.err());
        }
        assert_eq!(children(&world.service, &world.operator()).await, before, "made after the delete had returned");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_session_of_an_old_password_outlives_the_new_one() {
    let world = world();
    world.user("ada", Role::Member).await;
    let mut password = PASSWORD.to_owned();
    for _ in 0..10 {
        let next = format!("{password}!");
        let sign_ins = (0..3).map(|_| {
            let (service, password) = (world.service.clone(), password.clone());
            tokio::spawn(async move { sessions::create(&service, "ada".into(), password, Origin::default()).await })
        });
        let sign_ins: Vec<_> = sign_ins.collect();
        users::set_password(&world.service, &world.operator(), "ada".into(), Some(next.clone()), PersonalTokens::Keep)
            .await
            .unwrap();
        for session in join_all(sign_ins).await {
            match session.unwrap() {
                Ok(session) => assert!(is_invalid(
                    &world.service.authenticate(Presentation::bearer(&session.token.expose(), None)).await
                )),
                Err(error) => assert!(matches!(error, Error::Unauthenticated(Refusal::WrongPassword)), "{error}"),
            }
        }
        password = next;
    }
}
