//! What DataHub's clients read and write about principals.

use std::time::Instant;

use serde_json::Value as Json;

use crate::domain::actor::Actor;
use crate::domain::change::{Action, Subject};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::ids::{Id, PrincipalId};
use crate::domain::permission::Permission;
use crate::domain::principal::{Principal, PrincipalKind, PrincipalState, Role, SERVICE_ACCOUNT_PREFIX};
use crate::domain::profile::{self, Aspect, AspectName, Profile};
use crate::domain::service_account::PREFIX;
use crate::domain::sight::SeenPrincipals;
use crate::domain::user::{NamedBy, User, check_username};
use crate::service::authn::passwords::NOBODY;
use crate::service::authz::{administrators, containment, giving, sight};
use crate::service::{Service, Transaction};
use crate::storage::database::AnyConnection;
use crate::storage::{aspects, principals, service_accounts, users};

/// The profiles of those principals that exist and that the actor sees, in that order.
///
/// # Errors
/// When the storage fails.
pub async fn list(service: &Service, actor: &Actor, ids: Vec<PrincipalId>) -> Result<Vec<Profile>> {
    let sight = sight::principals(actor);
    service.read(move |connection| of(connection, &ids, &sight)).await
}

/// The profile of the principal with that user name; `None` also for one that the actor does not see.
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
    sight::tell_found(began, found, Option::is_none).await
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

/// Writes an aspect of a user or of a service account that is no API key. What it says of removal and suspension
/// holds from now on, for sessions as for tokens: DataHub's smoke tests expect the cookies of a user who is readmitted to
/// work again, so unlike `tessera users disable` this deletes none. Names and titles of a user who does not exist make one, who has no password.
///
/// # Errors
/// [`Error::Forbidden`], also for who reaches more than the actor; violations, [`Error::NotFound`], and
/// [`Error::Conflict`] for the last administrator.
pub async fn write(service: &Service, actor: &Actor, username: String, name: AspectName, value: Json) -> Result<()> {
    require_managing(service, actor, &username)?;
    name.check(&value).map_err(|message| Violation::new("aspect", message))?;
    service
        .write(actor, move |transaction| {
            let principal = match principals::lock(transaction.connection, &username)? {
                Some(principal) if principal.chosen_name.is_some() => {
                    containment::may_change(transaction, principal.id)?;
                    principal
                }
                // An API key's name is refused like one that an API key has.
                None if name == AspectName::CorpUserInfo && !username.starts_with(SERVICE_ACCOUNT_PREFIX) => {
                    let (service, actor) = (transaction.service, transaction.actor);
                    giving::may_invite(service, transaction.connection, actor, Role::Guest)?;
                    create(transaction, &username)?
                }
                _ => return Err(Error::NotFound { kind: "user", id: username.clone() }),
            };
            let aspect = Aspect {
                name: name.name().to_owned(),
                value: value.clone(),
                created_by: transaction.actor.username().to_string(),
                created_at: transaction.now,
            };
            aspects::replace(transaction.connection, principal.id, &aspect)?;
            if matches!(name, AspectName::Status | AspectName::CorpUserStatus) {
                let id = principal.id.to_string();
                let written = aspects::of(transaction.connection, std::slice::from_ref(&id))?;
                let state = profile::state(written.get(&id).map(Vec::as_slice).unwrap_or_default());
                if state == PrincipalState::Disabled {
                    administrators::keep_one(transaction, &principal)?;
                } else if !principal.enabled {
                    containment::may_readmit(transaction, principal.id)?;
                }
                principals::set_state(transaction.connection, principal.id, state)?;
            }
            transaction.record(Action::UserUpdated, Subject::Principal(principal.id.uuid()), &username)
        })
        .await
}

/// Who decides about people, and who about programs. The name tells which it is, and nothing tells whether it exists.
fn require_managing(service: &Service, actor: &Actor, username: &str) -> Result<()> {
    let program = username.starts_with(PREFIX);
    let needed = if program { Permission::ManageServiceAccounts } else { Permission::ManageUsersAndGroups };
    service.require(actor, needed)
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
    users::insert(transaction.connection, &user, NOBODY)?;
    transaction.record(Action::UserCreated, Subject::Principal(principal.id.uuid()), username)?;
    Ok(principal)
}
