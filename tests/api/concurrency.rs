//! Concurrent use cases on real threads. They call the service directly, because each HTTP worker is one thread.

use futures_util::future::join_all;
use tessera::domain::actor::Actor;
use tessera::domain::api_key::{ApiKey, ApiKeyUpdate, NewApiKey, Validity};
use tessera::domain::child::Presentation;
use tessera::domain::edition::Expected;
use tessera::domain::entity::{AssetDraft, Attributes, Draft, EntityState, Handle, Head};
use tessera::domain::error::{Error, Result};
use tessera::domain::limits::{Limits, RateLimit};
use tessera::domain::permission::{Permission, Permissions};
use tessera::domain::persona::{Persona, PersonaInput};
use tessera::domain::principal::Role;
use tessera::domain::text::{Description, DisplayName};
use tessera::service::Service;
use tessera::service::catalogue::{entities, personas};
use tessera::service::keys::api_keys;
use tessera::service::upkeep::maintenance;
use tessera::storage::principals;

use crate::storage::actions;
use crate::support::{Options, World, new_key};

pub fn world() -> World {
    World::new(&Options::default())
}

async fn persona(world: &World, name: &str) -> Persona {
    let name = DisplayName::parse(name).unwrap();
    let input = PersonaInput { display_name: name.clone(), name, description: Description::default(), enabled: true };
    personas::create(&world.service, &world.operator(), input).await.unwrap()
}

/// Runs each on a task of its own, and waits for all.
pub async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    tasks: impl IntoIterator<Item = F>,
) -> Vec<T> {
    let handles: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    join_all(handles).await.into_iter().map(Result::unwrap).collect()
}

fn count(service: &Service, action: &str) -> usize {
    actions(service).iter().filter(|known| *known == action).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_updates_end_as_one_of_them_and_never_as_a_mixture() {
    let world = world();
    let mut names = Vec::new();
    for index in 0..6 {
        names.push(persona(&world, &index.to_string()).await.qualified_name);
    }
    let id = world.key("a", &[]).await.api_key.id;
    let update = |index: usize| ApiKeyUpdate {
        display_name: DisplayName::parse(&format!("name {index}")).unwrap(),
        description: Description::parse(&format!("description {index}")).unwrap(),
        validity: Some(Validity::parse(1000 + i64::try_from(index).unwrap()).unwrap()),
        personas: vec![names[index].clone(), names[(index + 1) % 6].clone()],
        permissions: Some(Permission::ALL.into_iter().take(index % 3).collect::<Permissions>()),
        addresses: None,
        rate: None,
    };
    for _ in 0..10 {
        let updated = at_once((0..6).map(|index| {
            let (service, operator, update) = (world.service.clone(), world.operator(), update(index));
            async move { api_keys::update(&service, &operator, id, update, Expected::Any).await }
        }))
        .await;
        let updated: Vec<ApiKey> = updated.into_iter().map(Result::unwrap).collect();
        let stored = api_keys::get(&world.service, &world.operator(), id).await.unwrap();
        assert!(updated.contains(&stored), "{stored:?}");
        for key in updated {
            let index: usize = key.display_name.strip_prefix("name ").unwrap().parse().unwrap();
            let mut expected = update(index).personas;
            expected.sort();
            assert_eq!(key.personas.iter().map(|link| link.qualified_name.clone()).collect::<Vec<_>>(), expected);
            assert_eq!(key.description, format!("description {index}"));
            assert_eq!(key.validity.seconds(), 1000 + i64::try_from(index).unwrap());
            assert_eq!(Some(key.permissions), update(index).permissions);
        }
    }
    assert_eq!(count(&world.service, "apikey.updated"), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_deletes_one_succeeds_and_leaves_one_change() {
    let world = world();
    for round in 1..=10 {
        let id = world.key("a", &[]).await.api_key.id;
        let outcomes = at_once((0..6).map(|_| {
            let (service, operator) = (world.service.clone(), world.operator());
            async move { api_keys::delete(&service, &operator, id).await }
        }))
        .await;
        let (done, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!(done.len(), 1);
        assert!(refused.iter().all(|outcome| matches!(outcome, Err(Error::NotFound { .. }))), "{refused:?}");
        assert_eq!(count(&world.service, "apikey.deleted"), round);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_creates_under_one_name_make_one_key_with_one_working_token() {
    let world = world();
    for round in 1..=10 {
        let created = at_once((0..6).map(|_| {
            let (service, operator) = (world.service.clone(), world.operator());
            async move { api_keys::create(&service, &operator, new_key("a"), Some(format!("k{round}"))).await }
        }))
        .await;
        let created: Vec<_> = created.into_iter().map(Result::unwrap).collect();
        let id = created[0].api_key.id;
        assert!(created.iter().all(|each| each.api_key.id == id));
        let mut working = 0;
        for each in created {
            working +=
                usize::from(world.service.authenticate(Presentation::bearer(&each.token.expose(), None)).await.is_ok());
        }
        assert_eq!(working, 1);
        assert_eq!(count(&world.service, "apikey.created"), round);
    }
}

pub async fn children(service: &Service, actor: &Actor) -> i64 {
    use tessera::domain::listing::{Query, Start, Totals};
    let query = Query {
        filter: tessera::domain::filter::Filter::EVERYTHING,
        sort: tessera::domain::listing::Sort::parse("").unwrap(),
        limit: 1,
        start: Start::Offset(0),
        totals: Totals::Exact,
    };
    api_keys::list(service, actor, query).await.unwrap().counts.unwrap().total
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_persona_deleted_while_it_is_linked_is_unknown_or_unlinked_and_no_failure() {
    let world = world();
    for round in 0..15 {
        let Persona { id, qualified_name: name, .. } = persona(&world, &round.to_string()).await;
        let creators: Vec<_> = (0..3)
            .map(|_| {
                let (service, operator, name) = (world.service.clone(), world.operator(), name.clone());
                tokio::spawn(async move {
                    let new = tessera::domain::api_key::NewApiKey { personas: vec![name], ..new_key("a") };
                    api_keys::create(&service, &operator, new, None).await
                })
            })
            .collect();
        personas::delete(&world.service, &world.operator(), id).await.unwrap();
        for outcome in join_all(creators).await {
            match outcome.unwrap() {
                Ok(created) => {
                    let now = api_keys::get(&world.service, &world.operator(), created.api_key.id).await.unwrap();
                    assert_eq!(now.personas, []);
                }
                Err(error) => assert!(matches!(error, Error::Invalid(_)), "{error}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn uses_are_saved_while_keys_are_used_updated_and_deleted() {
    let world = world();
    let stays = world.key("stays", &[]).await;
    let (id, token) = (stays.api_key.id, stays.token.expose());
    let tasks = (0..4).map(|index| {
        let (service, token, operator) = (world.service.clone(), token.clone(), world.operator());
        async move {
            for _ in 0..15 {
                service.authenticate(Presentation::bearer(&token, None)).await.unwrap();
                if index % 2 == 0 {
                    maintenance::save_uses(&service).await.unwrap();
                } else {
                    let created = api_keys::create(&service, &operator, new_key("goes"), None).await.unwrap();
                    service.authenticate(Presentation::bearer(&created.token.expose(), None)).await.unwrap();
                    api_keys::delete(&service, &operator, created.api_key.id).await.unwrap();
                }
            }
        }
    });
    at_once(tasks).await;
    maintenance::save_uses(&world.service).await.unwrap();
    let key = api_keys::get(&world.service, &world.operator(), id).await.unwrap();
    assert_eq!(key.last_used_at, world.service.clock.now());
    assert_eq!(children(&world.service, &world.operator()).await, 1);
}

/// The record is not cached when the first requests arrive, and is invalidated while they run.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_limit_of_a_hundred_lets_a_hundred_of_a_thousand_through() {
    let world = world();
    let rate = RateLimit::parse(100, 3600).unwrap();
    let new = NewApiKey { limits: Limits { rate, ..Limits::default() }, ..new_key("limited") };
    let token = api_keys::create(&world.service, &world.operator(), new, None).await.unwrap().token.expose();
    let outcomes = at_once((0..1000).map(|index| {
        let (service, token) = (world.service.clone(), token.clone());
        async move {
            if index % 100 == 50 {
                service.directory.forget_all();
            }
            service.authenticate(Presentation::bearer(&token, None)).await
        }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 100);
    let limited = |outcome: &&Result<Actor>| matches!(outcome, Err(Error::RateLimited { .. }));
    assert_eq!(outcomes.iter().filter(limited).count(), 900);
}

fn asset(type_name: &str, qualified_name: String) -> Draft {
    let head = Head {
        path: "entities[0]".into(),
        handle: Handle::Unnamed,
        qualified_name: Some(qualified_name),
        name: Some(DisplayName::parse("x").unwrap()),
        attributes: Attributes::new(),
    };
    let (type_name, people) = (type_name.to_owned(), std::collections::BTreeMap::new());
    Draft::Asset(AssetDraft { head, type_name, state: EntityState::Active, people })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_settle_in_one_place_at_once_one_is_first() {
    let world = world();
    let mut actors = Vec::new();
    for name in ["ada", "bob"] {
        world.user(name, Role::Member).await;
        let found = world.service.database.read(|connection| principals::find_by_username(connection, name));
        actors.push(Actor::user(found.unwrap().unwrap()));
    }
    for round in 0..20 {
        let place = format!("lake/{round}");
        let other = if round % 2 == 0 { place.clone() } else { format!("{place}/t") };
        let drafts = [asset("Connection", place), asset("Table", other)];
        let outcomes = at_once(actors.iter().cloned().zip(drafts).map(|(actor, draft)| {
            let service = world.service.clone();
            async move { entities::save(&service, &actor, vec![draft]).await }
        }))
        .await;
        let (done, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), refused.len()), (1, 1), "round {round}");
        assert!(matches!(refused[0], Err(Error::Forbidden(_))), "{refused:?}");
    }
}
