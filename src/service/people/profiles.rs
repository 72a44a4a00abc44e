//! Profiles: what DataHub's clients read and write about principals.

use std::time::Instant;

use crate::domain::actor::Actor;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::filter::Filter;
use crate::domain::ids::{Id, PrincipalId};
use crate::domain::principal::{Principal, PrincipalKind, PrincipalState, Role, SERVICE_ACCOUNT_PREFIX};
use crate::domain::profile::{self, Aspect, AspectName, AspectWrite, Profile, ProfileField};
use crate::domain::sight::SeenPrincipals;
use crate::domain::user::{NamedBy, User, check_username};
use crate::service::authn::passwords::UNUSABLE_HASH;
use crate::service::authz::people::require_managing;
use crate::service::authz::{administrators, containment, giving, sight};
use crate::service::people::users::{Sessions, write_state};
use crate::service::{Service, Transaction};
use crate::storage::database::AnyConnection;
use crate::storage::{aspects, principals, profiles as stored, service_accounts, users};

/// The profiles of these principals, in order, without those that do not exist or that the actor does not see.
///
/// # Errors
/// When the storage fails.
pub async fn list(service: &Service, actor: &Actor, ids: Vec<PrincipalId>) -> Result<Vec<Profile>> {
    let sight = sight::principals(actor);
    service.read(move |connection| of(connection, &ids, &sight)).await
}

/// The profile of the principal with this user name; `None` also if the actor does not see it.
///
/// # Errors
/// When the storage fails.
pub async fn find(service: &Service, actor: &Actor, username: String) -> Result<Option<Profile>> {
    let (began, sight) = (Instant::now(), sight::principals(actor));
    let found = service
        .read(move |connection| match principals::find_seen(connection, &username, &sight)? {
            Some(principal) => Ok(of(connection, &[principal.id], &sight)?.pop()),
            None => Ok(None),
        })
        .await?;
    sight::delay_if_missing(began, found, Option::is_none).await
}

/// A page of profiles that a search found.
pub struct ProfilePage {
    /// The profiles.
    pub profiles: Vec<Profile>,
    /// The total number of matches.
    pub total: i64,
    /// Where the search stopped, if there are more.
    pub end: Option<PrincipalId>,
}

/// Searches users, and service accounts that are not API keys, oldest first, beginning after `after` (keyset
/// pagination).
///
/// # Errors
/// When the storage fails.
pub async fn search(
    service: &Service,
    actor: &Actor,
    filter: Filter<ProfileField>,
    after: Option<PrincipalId>,
    limit: i64,
) -> Result<ProfilePage> {
    let (began, sight, now) = (Instant::now(), sight::principals(actor), service.clock.now());
    let found = service
        .list(actor, move |connection| {
            let after = after.map(|id| id.to_string()).unwrap_or_default();
            let mut ids = stored::after(connection, &filter, &sight, &after, limit + 1, now)?;
            let length = usize::try_from(limit).unwrap_or(usize::MAX);
            let more = ids.len() > length;
            ids.truncate(length);
            let profiles = of(connection, &ids, &sight)?;
            let total = stored::count(connection, &filter, &sight, now)?;
            Ok(ProfilePage { profiles, total, end: ids.last().copied().filter(|_| more) })
        })
        .await?;
    sight::delay_if_missing(began, found, |found| found.profiles.is_empty()).await
}

fn of(connection: &mut AnyConnection, ids: &[PrincipalId], sight: &SeenPrincipals) -> Result<Vec<Profile>> {
    let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let mut known = principals::find_many(connection, &texts, sight)?;
    let people = users::names(connection, &texts)?;
    let programs = service_accounts::display_names(connection, &texts)?;
    let mut written = aspects::of(connection, &texts)?;
    let mut profiles = Vec::with_capacity(texts.len());
    for id in texts {
        let Some(at) = known.iter().position(|principal| principal.id.to_string() == id) else { continue };
        let principal = known.swap_remove(at);
        let person = people.iter().find(|[person, ..]| *person == id);
        let program = programs.iter().find(|(program, _)| *program == id).map(|(_, name)| name.clone());
        let display_name = person.map(|[_, name, _]| name.clone()).or(program);
        profiles.push(Profile {
            display_name: display_name.unwrap_or_else(|| principal.username().to_string()),
            principal,
            email: person.map(|[.., email]| email.clone()).unwrap_or_default(),
            aspects: written.remove(&id).unwrap_or_default(),
        });
    }
    Ok(profiles)
}

/// Writes aspects of users, and of service accounts that are not API keys: all or none. Removal and suspension take
/// effect at once, for sessions as for tokens. Unlike `tessera users disable` this deletes no session, because
/// DataHub's smoke tests expect the cookies of a readmitted user to work again. Writing the name or title of a missing
/// user creates the user, without a password.
///
/// # Errors
/// [`Error::Forbidden`], also for a principal that reaches more than the actor; violations, [`Error::NotFound`], and
/// [`Error::Conflict`] for the last administrator.
pub async fn write(service: &Service, actor: &Actor, mut writings: Vec<AspectWrite>) -> Result<()> {
    for writing in &writings {
        require_managing(service, actor, &writing.username)?;
    }
    // Grouped by principal and in a fixed order, because two batches may concern the same principals (prevents
    // deadlocks), but the actor's own last: who suspends itself decides nothing any more. Aspects that create a user come first.
    let own = actor.username().to_string();
    writings.sort_by_cached_key(|writing| {
        (writing.username == own, writing.username.clone(), !writing.name.creates_user())
    });
    let began = Instant::now();
    let outcome = service
        .write(actor, move |transaction| {
            writings
                .chunk_by(|one, other| one.username == other.username)
                .try_for_each(|about_one| write_about(transaction, about_one))
        })
        .await;
    sight::delay_if_refused(began, outcome).await
}

/// Writes the aspects of one principal.
fn write_about(transaction: &mut Transaction<'_>, writings: &[AspectWrite]) -> Result<()> {
    let Some(first) = writings.first() else { return Ok(()) };
    let username = first.username.as_str();
    let principal = match principals::lock(transaction.connection, username)? {
        Some(principal) if principal.chosen_name.is_some() => {
            containment::may_change(transaction, principal.id)?;
            principal
        }
        // A missing name in the form of an API key's is refused like an existing API key.
        None if first.name.creates_user() && !username.starts_with(SERVICE_ACCOUNT_PREFIX) => {
            giving::may_invite(transaction, Role::Guest)?;
            create(transaction, username)?
        }
        _ => return Err(Error::NotFound { kind: "user", id: username.to_owned() }),
    };
    for writing in writings {
        let aspect = Aspect {
            name: writing.name.name().to_owned(),
            value: writing.value.clone(),
            created_by: transaction.actor.username().to_string(),
            created_at: transaction.now,
        };
        aspects::replace(transaction.connection, principal.id, &aspect)?;
    }
    let mut action = Action::UserDescribed;
    if writings.iter().any(|writing| matches!(writing.name, AspectName::Status | AspectName::CorpUserStatus)) {
        let id = principal.id.to_string();
        let written = aspects::of(transaction.connection, std::slice::from_ref(&id))?;
        let state = profile::state(written.get(&id).map(Vec::as_slice).unwrap_or_default());
        if state == PrincipalState::Disabled {
            administrators::check_not_last(transaction, &principal)?;
        } else if !principal.enabled {
            containment::may_readmit(transaction, principal.id)?;
        }
        write_state(transaction, principal.id, state, Sessions::Keep)?;
        if principal.enabled != (state == PrincipalState::Enabled) {
            action = Action::UserUpdated;
        }
    }
    transaction.record(action, ChangeSubject::Principal(principal.id.uuid()), username)
}

fn create(transaction: &mut Transaction<'_>, username: &str) -> Result<Principal> {
    check_username(username, NamedBy::Client).map_err(|message| Violation::new("entityUrn", message))?;
    let principal = Principal {
        id: Id::new(transaction.now, transaction.service.entropy)?,
        kind: PrincipalKind::User,
        chosen_name: Some(username.into()),
        role: Role::Guest,
        enabled: true,
        created_at: transaction.now,
    };
    principals::insert(transaction.connection, &principal)?;
    let user = User { principal: principal.clone(), display_name: username.to_owned(), email: String::new() };
    users::insert(transaction.connection, &user, UNUSABLE_HASH)?;
    transaction.record(Action::UserCreated, ChangeSubject::Principal(principal.id.uuid()), username)?;
    Ok(principal)
}
