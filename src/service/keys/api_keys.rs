//! API keys: create, list, get, update, delete.

use std::time::Instant;

use crate::clock::{DAY, SECOND};
use crate::domain::actor::Actor;
use crate::domain::api_key::{ApiKey, ApiKeyUpdate, CreatedApiKey, Maker, NEVER, NewApiKey, Rate, Status, Validity};
use crate::domain::bounds::Bounds;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::edition::Expected;
use crate::domain::error::{Error, Result};
use crate::domain::fields::ApiKeyField;
use crate::domain::filter::Filter;
use crate::domain::ids::{Id, PrincipalId};
use crate::domain::limits::Limits;
use crate::domain::listing::{Page, Query};
use crate::domain::oauth_client::ClientSecret;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::persona::PersonaRef;
use crate::domain::policy::Effect;
use crate::domain::principal::{Principal, PrincipalKind, Role, service_account_username};
use crate::domain::token::{Token, TokenKind};
use crate::service::authz::authority::may_release;
use crate::service::authz::credentials::require_no_child;
use crate::service::authz::{containment, key_lineage, outgrown, sight};
use crate::service::{Service, Transaction, blocking};
use crate::storage::create_requests::{self, CreateRequest};
use crate::storage::database::AnyConnection;
use crate::storage::principals::{self, Existed};
use crate::storage::removals;
use crate::storage::{api_keys, credentials, oauth_clients, personas, policies};

/// For how many milliseconds a create request can be repeated without making a second key.
const REPEATABLE: i64 = DAY;

/// Creates an API key: a service account with its credential, permissions and persona links.
///
/// `request_key` is the idempotency key. Repeating a request under it within a day returns the key that the first one
/// made, with a new token in place of the lost one: only the digest of the first token is known.
///
/// # Errors
/// [`Error::Forbidden`] when the actor may not create keys, acts with a child or grants what it does not hold, [`Error::Conflict`] when
/// the idempotency key was used for another request or its API key is deleted or has given up its token, violations for unknown personas.
pub async fn create(
    service: &Service,
    actor: &Actor,
    new: NewApiKey,
    request_key: Option<String>,
) -> Result<CreatedApiKey> {
    service.require(actor, Permission::ManageApiKeys)?;
    require_no_child(actor)?;
    service
        .write(actor, move |transaction| {
            let id = Id::new(transaction.now, transaction.service.entropy)?;
            let Some(request_key) = request_key.clone() else { return insert(transaction, id, &new) };
            let request = CreateRequest {
                owner_id: transaction.actor.id().to_string(),
                request_key,
                body_digest: new.fingerprint(),
                api_key_id: id.to_string(),
                created_at: transaction.now,
            };
            create_requests::forget_old(transaction.connection, &request, transaction.now - REPEATABLE)?;
            match create_requests::insert(transaction.connection, &request)? {
                Existed::No => insert(transaction, id, &new),
                Existed::Yes => repeat(transaction, &request),
            }
        })
        .await
}

fn insert(transaction: &mut Transaction<'_>, id: PrincipalId, new: &NewApiKey) -> Result<CreatedApiKey> {
    let now = transaction.now;
    let principal = Principal {
        id,
        kind: PrincipalKind::ServiceAccount,
        chosen_name: None,
        role: Role::ApiToken,
        enabled: true,
        created_at: now,
    };
    principals::insert(transaction.connection, &principal)?;
    let personas = resolve(transaction, &new.personas)?;
    let asked = Bounds { expires_at: new.validity.ends(now), limits: new.limits.clone() };
    let bounds = containment::inherit(transaction, &asked)?;
    let validity = if bounds.expires_at == asked.expires_at { new.validity } else { until(bounds.expires_at, now)? };
    let maker = Maker { id: Some(transaction.actor.id()), kind: transaction.actor.principal().kind };
    let api_key = ApiKey {
        id,
        display_name: new.display_name.as_str().to_owned(),
        description: new.description.as_str().to_owned(),
        validity,
        created_by: transaction.actor.username().to_string(),
        created_at: now,
        updated_at: now,
        expires_at: bounds.expires_at,
        last_used_at: 0,
        use_count: 0,
        limits: bounds.limits,
        permissions: new.permissions,
        personas,
    };
    api_keys::insert(transaction.connection, &api_key, maker)?;
    containment::may_make(transaction, id)?;
    let token = issue(transaction, id)?;
    transaction.record(Action::ApiKeyCreated, ChangeSubject::Principal(id.uuid()), &api_key.display_name)?;
    Ok(CreatedApiKey { api_key, token })
}

/// The validity of a key that expires together with its maker.
fn until(instant: i64, now: i64) -> Result<Validity> {
    let seconds = ((instant - now) / SECOND).max(1);
    Validity::parse(seconds).map_err(|message| Error::Internal(message.into()))
}

pub(super) fn bounds(api_key: &ApiKey) -> Bounds {
    Bounds { expires_at: api_key.expires_at, limits: api_key.limits.clone() }
}

fn repeat(transaction: &mut Transaction<'_>, request: &CreateRequest) -> Result<CreatedApiKey> {
    let gone = || Error::Conflict("the API key that this request created has been deleted".to_owned());
    let known = create_requests::lock(transaction.connection, request)?.ok_or_else(gone)?;
    if known.body_digest != request.body_digest {
        let reason = format!("the request id `{}` was used for a different request", request.request_key);
        return Err(Error::Conflict(reason));
    }
    let id = known.api_key()?;
    if api_keys::touch(transaction.connection, id, transaction.now)? == Existed::No {
        return Err(gone());
    }
    let api_key = api_keys::find(transaction.connection, id)?.ok_or_else(gone)?;
    // Checks what the key reaches now, not what it was created with.
    containment::may_take_over(transaction, id, &bounds(&api_key))?;
    require_secret(transaction.connection, id)?;
    credentials::delete_all(transaction.connection, id, TokenKind::ApiKey)?;
    let token = issue(transaction, id)?;
    transaction.record(Action::ApiKeyTokenReplaced, ChangeSubject::Principal(id.uuid()), &api_key.display_name)?;
    Ok(CreatedApiKey { api_key, token })
}

/// Gives an API key its credential, which has no expiry of its own: it ends with the key.
pub(super) fn issue(transaction: &mut Transaction<'_>, principal: PrincipalId) -> Result<Token> {
    let (token, credential) = transaction.service.mint(TokenKind::ApiKey, principal, transaction.now, NEVER)?;
    credentials::insert(transaction.connection, &credential)?;
    Ok(token)
}

/// Fails for an API key that has given up its token.
///
/// # Errors
/// [`Error::Conflict`]
pub(super) fn require_secret(connection: &mut AnyConnection, key: PrincipalId) -> Result<()> {
    match oauth_clients::get(connection, key)?.secret {
        ClientSecret::Token => Ok(()),
        ClientSecret::None => {
            let message = "the API key has no token: it proves itself with its public keys, or as a workload, and in no other way";
            Err(Error::Conflict(message.to_owned()))
        }
    }
}

/// One page of the API keys that the actor sees.
///
/// # Errors
/// When the storage fails.
pub async fn list(service: &Service, actor: &Actor, query: Query<ApiKeyField>) -> Result<Page<ApiKey>> {
    let used = ApiKeyField::LastUsedAt;
    if query.filter.mentions(used) || query.sort.0.iter().any(|(field, _)| *field == used) {
        crate::service::upkeep::maintenance::save_uses(service).await?;
    }
    let (began, seen) = (Instant::now(), sight::api_keys(service, actor));
    let hides_some = seen != Filter::EVERYTHING;
    let listed = service.page(actor, query, seen).await?;
    // The cursor comes from stored values, before unsaved uses are added.
    let listed = listed.map(|key| with_unsaved_use(service, key));
    sight::delay_if_missing(began, listed, |page| hides_some && page.records.is_empty()).await
}

/// One API key.
///
/// # Errors
/// [`Error::NotFound`], also for a key that the actor does not see.
pub async fn get(service: &Service, actor: &Actor, id: PrincipalId) -> Result<ApiKey> {
    let (began, seen, now, reading) =
        (Instant::now(), sight::api_keys(service, actor), service.clock.now(), service.clone());
    let found = service
        .read(move |connection| {
            let found = api_keys::find_seen(connection, id, &seen, now)?;
            Ok(found.map(|key| with_unsaved_use(&reading, key)))
        })
        .await?;
    sight::delay_if_refused(began, found.ok_or_else(|| not_found(id))).await
}

/// Adds uses that are not saved yet. Blocks while the directory sorts the uses since the last call.
fn with_unsaved_use(service: &Service, mut key: ApiKey) -> ApiKey {
    if let Some(unsaved) = service.directory.unsaved_use(key.id) {
        key.last_used_at = key.last_used_at.max(unsaved.last_used_at);
        key.use_count += unsaved.count;
    }
    key
}

/// Updates an API key. Its persona links are replaced wholesale: a persona left out is unlinked.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`] when the actor may not update keys or grants what it does not hold,
/// [`Error::Changed`] when the edition is not the expected one, [`Error::Conflict`] for a new validity of an expired
/// key, violations for unknown personas.
pub async fn update(
    service: &Service,
    actor: &Actor,
    id: PrincipalId,
    update: ApiKeyUpdate,
    expected: Expected,
) -> Result<ApiKey> {
    service.require(actor, Permission::ManageApiKeys)?;
    let updated = service
        .write(actor, move |transaction| {
            let now = transaction.now;
            if api_keys::touch(transaction.connection, id, now)? == Existed::No {
                return Err(not_found(id));
            }
            let before = api_keys::find(transaction.connection, id)?.ok_or_else(|| not_found(id))?;
            key_lineage::may_manage_key(transaction, id)?;
            let changing = containment::may_change(transaction, id)?;
            expected.check(&before.edition())?;
            let personas = resolve(transaction, &update.personas)?;
            let after = ApiKey {
                display_name: update.display_name.as_str().to_owned(),
                description: update.description.as_str().to_owned(),
                validity: update.validity.unwrap_or(before.validity),
                expires_at: update.validity.map_or(before.expires_at, |validity| validity.ends(now)),
                permissions: update.permissions.unwrap_or(before.permissions),
                limits: Limits {
                    addresses: update.addresses.clone().unwrap_or_else(|| before.limits.addresses.clone()),
                    rate: update.rate.map_or(before.limits.rate, Rate::limit),
                },
                personas,
                ..before.clone()
            };
            if after.expires_at != before.expires_at && Status::of(before.expires_at, now) == Status::Expired {
                let reason = "the API key has expired, and an expired key stays expired";
                return Err(Error::Conflict(reason.to_owned()));
            }
            // Unlinking a persona with denies needs a check only if the actor is not linked to it: otherwise the same
            // denies bind the actor, so it cannot give the key what they deny.
            let is_free =
                |persona: &&PersonaRef| !after.personas.contains(persona) && !transaction.actor.has_persona(persona.id);
            let released: Vec<_> = before.personas.iter().filter(is_free).map(|persona| persona.id).collect();
            released.into_iter().try_for_each(|persona| may_release(transaction, persona))?;
            api_keys::replace(transaction.connection, &after)?;
            changing.finish(transaction, [&bounds(&before), &bounds(&after)])?;
            end_outgrown(transaction, &before, &after)?;
            transaction.record(Action::ApiKeyUpdated, ChangeSubject::Principal(id.uuid()), &after.display_name)?;
            Ok(after)
        })
        .await?;
    let service = service.clone();
    blocking(move || Ok(with_unsaved_use(&service, updated))).await
}

/// Looks for public keys and trust rules that an API key outgrows, if an update gives the key something: a permission, a persona,
/// or what a persona denied.
fn end_outgrown(transaction: &mut Transaction<'_>, before: &ApiKey, after: &ApiKey) -> Result<()> {
    let gains_permission = after.permissions.without(before.permissions) != Permissions::NONE;
    let only_in = |these: &ApiKey, those: &ApiKey| -> Vec<String> {
        let personas =
            these.personas.iter().filter(|persona| those.personas.iter().all(|other| other.id != persona.id));
        personas.map(|persona| persona.id.to_string()).collect()
    };
    let (linked, unlinked) = (only_in(after, before), only_in(before, after));
    let extents = policies::extents_of_personas(transaction.connection, &unlinked)?;
    if !gains_permission && linked.is_empty() && extents.iter().all(|each| each.effect != Effect::Deny) {
        return Ok(());
    }
    let found = principals::find_by_username(transaction.connection, &service_account_username(after.id))?;
    let principal = found.ok_or_else(|| not_found(after.id))?;
    outgrown::end_or_refuse(transaction, &principal)
}

/// Deletes an API key permanently. Every key may delete itself.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]
pub async fn delete(service: &Service, actor: &Actor, id: PrincipalId) -> Result<()> {
    delete_edition(service, actor, id, Expected::Any).await
}

/// Deletes an API key permanently, as it was shown.
///
/// # Errors
/// Those of [`delete`]; [`Error::Changed`] when it has another edition than expected.
pub async fn delete_edition(service: &Service, actor: &Actor, id: PrincipalId, expected: Expected) -> Result<()> {
    if actor.id() == id {
        actor.require_unrestricted()?;
    } else {
        service.require(actor, Permission::ManageApiKeys)?;
    }
    service
        .write_first(actor, move |transaction| {
            // Locks in the same order as an update, which prevents deadlocks.
            if api_keys::touch(transaction.connection, id, transaction.now)? == Existed::No {
                return Err(not_found(id));
            }
            if transaction.actor.id() == id {
                transaction.ends_own_credential();
            } else {
                key_lineage::may_manage_key(transaction, id)?;
                containment::may_change(transaction, id)?;
            }
            if expected != Expected::Any {
                let key = api_keys::find(transaction.connection, id)?.ok_or_else(|| not_found(id))?;
                expected.check(&key.edition())?;
            }
            removals::principal(transaction.connection, id, PrincipalKind::ServiceAccount)?;
            transaction.record(
                Action::ApiKeyDeleted,
                ChangeSubject::Principal(id.uuid()),
                &service_account_username(id),
            )
        })
        .await
}

pub(super) fn not_found(id: PrincipalId) -> Error {
    Error::NotFound { kind: "API key", id: id.to_string() }
}

/// The personas with these qualified names, or a violation that lists the missing ones.
fn resolve(transaction: &mut Transaction<'_>, names: &[String]) -> Result<Vec<PersonaRef>> {
    let found = personas::hold_by_qualified_names(transaction.connection, names)?;
    if found.len() == names.len() {
        return Ok(found);
    }
    let missing = names.iter().filter(|name| found.iter().all(|persona| persona.qualified_name != **name));
    Err(personas::unknown(missing.map(String::as_str)).into())
}
