//! Access tokens: create, list, revoke, find by token. The permissions follow DataHub's rules: see `docs/datahub.md`.

use std::time::Instant;

use crate::domain::access_token::{
    AccessToken, AccessTokenField, AccessTokenKind, CreatedAccessToken, NamedPrincipal, NewAccessToken, wire_id,
};
use crate::domain::actor::Actor;
use crate::domain::bounds::Bounds;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::filter::{Filter, Test, Value};
use crate::domain::listing::{Page, Query};
use crate::domain::permission::Permission;
use crate::domain::principal::{Principal, PrincipalKind};
use crate::domain::token::{ParsedToken, TokenKind};
use crate::service::authz::credentials::{manages_access_tokens, may_create_access_token, require_access_tokens};
use crate::service::authz::{containment, sight};
use crate::service::{Service, Transaction};
use crate::storage::principals::{self, Existed};
use crate::storage::{access_tokens, credentials, service_accounts};

/// Creates an access token: for the actor itself; with `MANAGE_ACCESS_TOKENS` for any user; with
/// `MANAGE_SERVICE_ACCOUNTS` for any service account. The principal must not reach more than the actor.
///
/// # Errors
/// [`Error::Forbidden`] without the permission or with a child, the same for existing and missing names, and for
/// principals that reach more than the actor; then [`Error::NotFound`], or a violation when the name is of another kind
/// of principal.
pub async fn create(service: &Service, actor: &Actor, new: NewAccessToken) -> Result<CreatedAccessToken> {
    may_create_access_token(service, actor, &new)?;
    let began = Instant::now();
    let outcome = service
        .write(actor, move |transaction| {
            let represented = token_principal(transaction, &new)?;
            let expires_at = new.validity.ends(transaction.now);
            containment::may_take_over(transaction, represented.id, &Bounds::until(expires_at))?;
            let service = transaction.service;
            let (token, credential) = service.mint(TokenKind::Personal, represented.id, transaction.now, expires_at)?;
            credentials::insert(transaction.connection, &credential)?;
            let access_token = AccessToken {
                id: wire_id(credential.key_id),
                key_id: credential.key_id,
                name: new.name.as_str().to_owned(),
                description: new.description.as_str().to_owned(),
                actor: party(&represented),
                owner: creator(transaction)?,
                created_at: transaction.now,
                expires_at,
                last_used_at: 0,
            };
            access_tokens::insert(transaction.connection, &access_token)?;
            transaction.record(
                Action::AccessTokenCreated,
                ChangeSubject::Principal(represented.id.uuid()),
                &access_token.name,
            )?;
            Ok(CreatedAccessToken { access_token, token })
        })
        .await;
    sight::delay_if_refused(began, outcome).await
}

/// The principal of the new token, locked until the commit.
fn token_principal(transaction: &mut Transaction<'_>, new: &NewAccessToken) -> Result<Principal> {
    let found = principals::lock(transaction.connection, &new.actor)?;
    // An unseen principal is answered as unknown: the error must not reveal its kind.
    let found = found.filter(|found| sight::principals(transaction.actor).sees(found));
    match (new.kind, found) {
        (AccessTokenKind::Personal, Some(user)) if user.kind == PrincipalKind::User => Ok(user),
        (AccessTokenKind::Personal, None) => Err(Error::NotFound { kind: "user", id: new.actor.clone() }),
        (AccessTokenKind::ServiceAccount, None) => {
            Err(Error::NotFound { kind: "service account", id: new.actor.clone() })
        }
        (AccessTokenKind::Personal, Some(_)) => {
            Err(Violation::new("actorUrn", "must name a user: a personal token is for a person").into())
        }
        (AccessTokenKind::ServiceAccount, Some(program)) => {
            if service_accounts::find_by_username(transaction.connection, &new.actor)?.is_some() {
                return Ok(program);
            }
            let message = format!("The specified URN is not a service account: urn:li:corpuser:{}", new.actor);
            Err(Violation::new("actorUrn", message).into())
        }
    }
}

/// The creator of a new token: the actor, or the creator of the token that the actor acts with, so that a lent token
/// cannot be turned into one's own.
fn creator(transaction: &mut Transaction<'_>) -> Result<NamedPrincipal> {
    let lent = containment::lent_token(transaction.connection, transaction.actor)?;
    Ok(lent.map_or_else(|| party(transaction.actor.principal()), |token| token.owner))
}

fn party(principal: &Principal) -> NamedPrincipal {
    NamedPrincipal { id: principal.id, username: principal.username().to_string() }
}

/// One page of access tokens: all with `MANAGE_ACCESS_TOKENS`. Other actors must filter for the tokens that they
/// created themselves.
///
/// # Errors
/// [`Error::Forbidden`]
pub async fn list(service: &Service, actor: &Actor, query: Query<AccessTokenField>) -> Result<Page<AccessToken>> {
    require_access_tokens(service, actor)?;
    if !manages_access_tokens(actor) && !asks_for_own(&query.filter, &actor.username().to_string()) {
        return Err(actor.lacks(Permission::ManageAccessTokens));
    }
    seen(service, actor, query).await
}

/// One page of the access tokens that an actor may revoke, for a person who has signed in: all with
/// `MANAGE_ACCESS_TOKENS`, otherwise those that the actor created, even without the permission to generate tokens.
///
/// # Errors
/// [`Error::Forbidden`] for tokens of a smaller scope.
pub async fn list_seen(service: &Service, actor: &Actor, query: Query<AccessTokenField>) -> Result<Page<AccessToken>> {
    actor.require_unrestricted()?;
    seen(service, actor, query).await
}

async fn seen(service: &Service, actor: &Actor, query: Query<AccessTokenField>) -> Result<Page<AccessToken>> {
    // The filter's text does not decide what is seen: a namesake's tokens are not the actor's, and a negation or
    // another member of the filter could let others through.
    let listed = service.page(actor, query, sight::access_tokens(actor)).await?;
    Ok(listed.map(|token| with_unsaved_use(service, token)))
}

/// Whether the filter requires this user, and no other, as the owner.
fn asks_for_own(filter: &Filter<AccessTokenField>, username: &str) -> bool {
    match filter {
        Filter::All(members) => members.iter().any(|member| asks_for_own(member, username)),
        Filter::Test(AccessTokenField::Owner, Test::OneOf(values)) => *values == [Value::Text(username.to_owned())],
        _ => false,
    }
}

/// Revokes an access token: for its creator, or with `MANAGE_ACCESS_TOKENS`.
///
/// # Errors
/// [`Error::Forbidden`], also for a missing token that the actor could not have seen; [`Error::NotFound`].
pub async fn revoke(service: &Service, actor: &Actor, id: String) -> Result<()> {
    let began = Instant::now();
    let found = find(service, actor, id.clone()).await?;
    if found.is_none() && !manages_access_tokens(actor) {
        return sight::delay_if_refused(began, Err(actor.lacks(Permission::ManageAccessTokens))).await;
    }
    let not_found = move || Error::NotFound { kind: "access token", id: id.clone() };
    let Some(token) = found else { return service.write(actor, move |_| Err(not_found())).await };
    if token.owner.id == actor.id() {
        actor.require_unrestricted()?;
    } else {
        service.require(actor, Permission::ManageAccessTokens)?;
    }
    service
        .write_first(actor, move |transaction| {
            if credentials::delete(transaction.connection, token.key_id)? == Existed::No {
                return Err(not_found());
            }
            if transaction.actor.credential.is_some_and(|own| own.key_id == token.key_id) {
                transaction.ends_own_credential();
            }
            let subject = ChangeSubject::Principal(token.actor.id.uuid());
            transaction.record(Action::AccessTokenRevoked, subject, &token.name)
        })
        .await
}

/// The access token with this id, for its owner or with `MANAGE_ACCESS_TOKENS`.
///
/// # Errors
/// [`Error::NotFound`], also for others' tokens.
pub async fn get(service: &Service, actor: &Actor, id: String) -> Result<AccessToken> {
    let began = Instant::now();
    let found = find(service, actor, id.clone()).await?;
    sight::delay_if_refused(began, found.ok_or(Error::NotFound { kind: "access token", id })).await
}

/// The access token with this id, if the actor sees it.
async fn find(service: &Service, actor: &Actor, id: String) -> Result<Option<AccessToken>> {
    let (seen, now) = (sight::access_tokens(actor), service.clock.now());
    let found = service.read(move |connection| access_tokens::find_seen(connection, &id, &seen, now)).await?;
    Ok(found.map(|token| with_unsaved_use(service, token)))
}

/// Adds the last use if it is not saved yet.
fn with_unsaved_use(service: &Service, token: AccessToken) -> AccessToken {
    let unsaved = service.directory.token_uses.unsaved(token.key_id).unwrap_or_default();
    AccessToken { last_used_at: token.last_used_at.max(unsaved), ..token }
}

/// The access token record of a plaintext token, also if it has expired.
///
/// # Errors
/// [`Error::Forbidden`] without `MANAGE_ACCESS_TOKENS`; [`Error::NotFound`] for anything but a genuine access token.
pub async fn find_by_token(service: &Service, actor: &Actor, token: &str) -> Result<AccessToken> {
    service.require(actor, Permission::ManageAccessTokens)?;
    // Without the token itself: the message may be logged.
    let not_found = || Error::NotFound { kind: "access token", id: "of this token".to_owned() };
    let token = ParsedToken::parse(token, &service.prefixes).ok_or_else(not_found)?;
    let key_id = token.key_id;
    let (known, told) = service
        .read(move |connection| {
            Ok((credentials::find(connection, key_id)?, access_tokens::find(connection, &wire_id(key_id))?))
        })
        .await?;
    let genuine = known.is_some_and(|known| {
        let presented = service.peppers.digest(&token, known.credential.pepper);
        presented.is_some_and(|presented| known.credential.digest.matches(&presented))
    });
    told.filter(|_| genuine).ok_or_else(not_found)
}
