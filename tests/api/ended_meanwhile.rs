//! What ends the credentials of a principal also ends those that another process has made and not yet committed.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tessera::clock::HOUR;
use tessera::domain::child::Presentation;
use tessera::domain::credential::Credential;
use tessera::domain::entropy::Entropy;
use tessera::domain::error::Result;
use tessera::domain::ids::PrincipalId;
use tessera::domain::principal::{PrincipalState, Role};
use tessera::domain::token::{ParsedToken, TokenKind};
use tessera::service::authn::sessions;
use tessera::service::authn::sign_ins::Origin;
use tessera::service::people::users::{self, PersonalTokens};
use tessera::storage::database::AnyConnection;
use tessera::storage::{credentials, principals};

use crate::support::{Options, PASSWORD, World};

/// Runs `making` in a transaction of another process, and `ending` before it commits.
pub async fn made_meanwhile<T>(
    world: &World,
    making: impl Fn(&mut AnyConnection) -> Result<()> + Send + 'static,
    ending: impl Future<Output = Result<T>>,
) -> T {
    let (other, (made, is_made)) = (world.storage.connect(), mpsc::channel());
    let committing = thread::spawn(move || {
        other.write(|connection| {
            making(connection)?;
            made.send(()).unwrap();
            thread::sleep(Duration::from_millis(700));
            Ok(())
        })
    });
    is_made.recv().unwrap();
    let ended = ending.await.unwrap();
    committing.join().unwrap().unwrap();
    ended
}

/// A credential that is not stored.
pub fn credential(world: &World, principal: PrincipalId, kind: TokenKind) -> Credential {
    let (parsed, peppers) = (ParsedToken::mint(kind, Entropy::SYSTEM).unwrap(), &world.service.peppers);
    let (now, pepper) = (world.service.clock.now(), peppers.current());
    let digest = peppers.digest(&parsed, pepper).unwrap();
    Credential { key_id: parsed.key_id, kind, principal, digest, pepper, created_at: now, expires_at: now + HOUR }
}

pub fn alive(world: &World, principal: PrincipalId, kind: TokenKind) -> usize {
    let now = world.service.clock.now();
    let count = |connection: &mut AnyConnection| credentials::count_alive(connection, principal, kind, now);
    world.service.database.read(count).unwrap()
}

async fn with_ada() -> (World, PrincipalId) {
    let world = World::new(&Options::default());
    world.user("ada", Role::Admin).await;
    let ada = world.service.database.read(|connection| principals::find_by_username(connection, "ada"));
    let id = ada.unwrap().unwrap().id;
    (world, id)
}

/// Another process makes a credential of ada.
fn making(world: &World, ada: PrincipalId, kind: TokenKind) -> impl Fn(&mut AnyConnection) -> Result<()> + use<> {
    let made = credential(world, ada, kind);
    move |connection| credentials::insert(connection, &made)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_ends_the_tokens_and_sessions_that_are_being_made() {
    let (world, ada) = with_ada().await;
    for kind in [TokenKind::Personal, TokenKind::Session] {
        let operator = world.operator();
        let set = users::set_password(&world.service, &operator, "ada".into(), None, PersonalTokens::Revoke);
        made_meanwhile(&world, making(&world, ada, kind), set).await;
        assert_eq!(alive(&world, ada, kind), 0, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disabling_ends_the_sessions_that_are_being_made() {
    let (world, ada) = with_ada().await;
    let operator = world.operator();
    let disable = users::set_state(&world.service, &operator, "ada".into(), PrincipalState::Disabled);
    made_meanwhile(&world, making(&world, ada, TokenKind::Session), disable).await;
    assert_eq!(alive(&world, ada, TokenKind::Session), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_ends_all_other_sessions_ends_those_that_are_being_made() {
    let (world, ada) = with_ada().await;
    let own = sessions::create(&world.service, "ada".into(), PASSWORD.into(), Origin::default()).await.unwrap();
    let token = own.token.expose();
    let actor = world.service.authenticate(Presentation::bearer(&token, None)).await.unwrap();
    let making = making(&world, ada, TokenKind::Session);
    made_meanwhile(&world, making, sessions::end_others(&world.service, &actor)).await;
    assert_eq!(alive(&world, ada, TokenKind::Session), 1);
    world.service.authenticate(Presentation::bearer(&token, None)).await.unwrap();
}
