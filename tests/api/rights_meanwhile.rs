//! Rights are read again inside the transaction that they authorise: rights revoked while a request waited do not
//! count, also when another process revoked them.

use tessera::domain::actor::Actor;
use tessera::domain::api_key::{ApiKeyUpdate, NewApiKey, Validity};
use tessera::domain::asset::PeopleList;
use tessera::domain::child::Presentation;
use tessera::domain::edition::Expected;
use tessera::domain::entity::{AssetDraft, Attributes, Draft, EntityState, Handle, Head};
use tessera::domain::error::{Error, Refusal};
use tessera::domain::limits::{AllowedAddresses, Limits};
use tessera::domain::permission::{Permission, Permissions};
use tessera::domain::persona::{Persona, PersonaInput};
use tessera::domain::principal::{PrincipalState, Role};
use tessera::domain::text::{Description, DisplayName};
use tessera::service::Service;
use tessera::service::authn::sessions;
use tessera::service::authn::sign_ins::Origin;
use tessera::service::catalogue::{entities, personas};
use tessera::service::keys::api_keys;
use tessera::service::people::users;
use tessera::storage::principals;

use crate::support::{Options, PASSWORD, World, new_key};

/// An application, and another process on its database, whose changes the first does not poll.
fn worlds() -> (World, Service) {
    let world = World::new(&Options::default());
    let other = world.neighbour(&world.pepper);
    (world, other)
}

/// A key with `MANAGE_APIKEYS`, as authenticated at the start of a request.
async fn manager(world: &World) -> Actor {
    let limits = Limits { addresses: AllowedAddresses::parse(["192.0.2.1"]).unwrap(), rate: None };
    let permissions: Permissions = [Permission::ManageApiKeys].into_iter().collect();
    let new = NewApiKey { permissions, limits, validity: Validity::parse(3600).unwrap(), ..new_key("manager") };
    let created = api_keys::create(&world.service, &world.operator(), new, None).await.unwrap();
    let address = Some("192.0.2.1".parse().unwrap());
    world.service.authenticate(Presentation::bearer(&created.token.expose(), address)).await.unwrap()
}

/// An update that leaves everything as it is.
fn unchanged() -> ApiKeyUpdate {
    ApiKeyUpdate {
        display_name: DisplayName::parse("manager").unwrap(),
        description: Description::default(),
        validity: None,
        personas: Vec::new(),
        permissions: None,
        addresses: None,
        rate: None,
    }
}

async fn persona(service: &Service, operator: &Actor) -> Persona {
    let name = DisplayName::parse("analysts").unwrap();
    let input = PersonaInput { display_name: name.clone(), name, description: Description::default(), enabled: true };
    personas::create(service, operator, input).await.unwrap()
}

/// The error of a write by the actor; asserts that nothing was written.
async fn refused(world: &World, actor: &Actor) -> Error {
    let outcome = api_keys::create(&world.service, actor, new_key("made meanwhile"), None).await;
    let keys = world.storage.connect().read(|connection| {
        use diesel::prelude::*;
        use tessera::storage::schema::api_keys::dsl::{api_keys, display_name};
        Ok(api_keys.select(display_name).load::<String>(connection)?)
    });
    assert!(!keys.unwrap().contains(&"made meanwhile".to_owned()));
    outcome.map(|created| created.api_key).unwrap_err()
}

#[tokio::test]
async fn a_key_that_still_has_its_rights_writes() {
    let (world, _) = worlds();
    let actor = manager(&world).await;
    api_keys::create(&world.service, &actor, NewApiKey { limits: Limits::default(), ..new_key("made") }, None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_permission_taken_away_meanwhile_does_not_count() {
    let (world, other) = worlds();
    let actor = manager(&world).await;
    let update = ApiKeyUpdate { permissions: Some(Permissions::NONE), ..unchanged() };
    api_keys::update(&other, &world.operator(), actor.id(), update, Expected::Any).await.unwrap();
    assert!(matches!(refused(&world, &actor).await, Error::Busy));
}

#[tokio::test]
async fn a_persona_linked_meanwhile_is_not_escaped() {
    let (world, other) = worlds();
    let actor = manager(&world).await;
    let linked = persona(&other, &world.operator()).await;
    let update = ApiKeyUpdate { personas: vec![linked.qualified_name], ..unchanged() };
    api_keys::update(&other, &world.operator(), actor.id(), update, Expected::Any).await.unwrap();
    assert!(matches!(refused(&world, &actor).await, Error::Busy));
}

#[tokio::test]
async fn addresses_set_meanwhile_count() {
    let (world, other) = worlds();
    let actor = manager(&world).await;
    let update = ApiKeyUpdate { addresses: Some(AllowedAddresses::parse(["192.0.2.2"]).unwrap()), ..unchanged() };
    api_keys::update(&other, &world.operator(), actor.id(), update, Expected::Any).await.unwrap();
    assert!(matches!(refused(&world, &actor).await, Error::ForeignAddress));
}

#[tokio::test]
async fn a_key_that_expired_meanwhile_writes_nothing() {
    let (world, _) = worlds();
    let actor = manager(&world).await;
    world.service.clock.advance(3_600_000);
    assert!(matches!(refused(&world, &actor).await, Error::Unauthenticated(Refusal::Expired)));
}

#[tokio::test]
async fn a_key_that_was_deleted_meanwhile_writes_nothing() {
    let (world, other) = worlds();
    let actor = manager(&world).await;
    api_keys::delete(&other, &world.operator(), actor.id()).await.unwrap();
    assert!(matches!(refused(&world, &actor).await, Error::Unauthenticated(Refusal::Invalid)));
}

#[tokio::test]
async fn a_user_who_was_demoted_or_disabled_meanwhile_writes_nothing() {
    let (world, other) = worlds();
    world.user("ada", Role::Admin).await;
    let session = sessions::create(&world.service, "ada".into(), PASSWORD.into(), Origin::default()).await.unwrap();
    let token = session.token.expose();
    let actor = world.service.authenticate(Presentation::bearer(&token, None)).await.unwrap();
    users::set_role(&other, &world.operator(), "ada".into(), Role::Guest).await.unwrap();
    assert!(matches!(refused(&world, &actor).await, Error::Busy));
    // The refusal removes the cached record, so the next request has the present rights.
    let again = world.service.authenticate(Presentation::bearer(&token, None)).await.unwrap();
    assert!(matches!(refused(&world, &again).await, Error::Forbidden(_)));
    users::set_state(&other, &world.operator(), "ada".into(), PrincipalState::Disabled).await.unwrap();
    let outcome = personas::delete(&world.service, &actor, persona(&other, &world.operator()).await.id).await;
    assert!(matches!(outcome.unwrap_err(), Error::Unauthenticated(_)));
}

/// Whoever may change an asset names users in it and removes them at will, which must not stop their writes.
#[tokio::test]
async fn a_user_whom_assets_name_or_name_no_longer_meanwhile_writes() {
    let (world, other) = worlds();
    world.user("ada", Role::Admin).await;
    let session = sessions::create(&world.service, "ada".into(), PASSWORD.into(), Origin::default()).await.unwrap();
    let token = session.token.expose();
    world.user("boss", Role::Admin).await;
    let boss = world.service.database.read(|connection| principals::find_by_username(connection, "boss"));
    let boss = Actor::user(boss.unwrap().unwrap());
    for people in [vec!["ada".to_owned()], Vec::new()] {
        let actor = world.service.authenticate(Presentation::bearer(&token, None)).await.unwrap();
        entities::save(&other, &boss, vec![asset(people.clone())]).await.unwrap();
        let written = api_keys::create(&world.service, &actor, new_key("made meanwhile"), None).await;
        assert!(written.is_ok(), "{people:?}: {:?}", written.err());
    }
}

#[tokio::test]
async fn a_permission_given_meanwhile_stops_nothing() {
    let (world, other) = worlds();
    let actor = manager(&world).await;
    let permissions = [Permission::ManageApiKeys, Permission::ViewAnalytics].into_iter().collect();
    let update = ApiKeyUpdate { permissions: Some(permissions), ..unchanged() };
    api_keys::update(&other, &world.operator(), actor.id(), update, Expected::Any).await.unwrap();
    api_keys::create(&world.service, &actor, NewApiKey { limits: Limits::default(), ..new_key("made") }, None)
        .await
        .unwrap();
}

fn asset(viewers: Vec<String>) -> Draft {
    let head = Head {
        path: "entities[0]".into(),
        handle: Handle::Unnamed,
        qualified_name: Some("lake".into()),
        name: Some(DisplayName::parse("x").unwrap()),
        attributes: Attributes::new(),
    };
    let people = [(PeopleList::ViewerUsers, viewers)].into();
    Draft::Asset(AssetDraft { head, type_name: "Connection".into(), state: EntityState::Active, people })
}
