//! Access tokens: create, list, revoke, and who a token belongs to. Who may do what is DataHub's rule: see `docs/datahub.md`.

use std::time::Instant;

use crate::domain::access_token::{
    AccessToken, AccessTokenField, AccessTokenKind, CreatedAccessToken, NewAccessToken, Party, wire_id,
};
use crate::domain::actor::Actor;
use crate::domain::bounds::Bounds;
use crate::domain::change::{Action, Subject};
use crate::domain::error::{Error, Result, Violation};
use crate::domain::filter::{Filter, Test, Value};
use crate::domain::listing::{Page, Query};
use crate::domain::permission::Permission;
use crate::domain::principal::{Principal, PrincipalKind};
use crate::domain::token::{ParsedToken, TokenKind};
use crate::service::authz::{containment, sight};
use crate::service::{Service, Transaction};
use crate::storage::principals::{self, Existed};
use crate::storage::{access_tokens, credentials, service_accounts};

/// Creates an access token: for oneself, with `MANAGE_ACCESS_TOKENS` for any user and with `MANAGE_SERVICE_ACCOUNTS` for
/// any service account that reaches nothing that the actor does not.
///
/// # Errors
/// [`Error::Forbidden`], the same for names that exist and that do not, but for those who reach more; then
/// [`Error::NotFound`], or a violation when the name is of another kind of principal.
pub async fn create(service: &Service, actor: &Actor, new: NewAccessToken) -> Result<CreatedAccessToken> {
    match new.kind {
        AccessTokenKind::ServiceAccount => service.require(actor, Permission::ManageServiceAccounts)?,
        AccessTokenKind::Personal if new.actor == actor.username().to_string() => require_generating(service, actor)?,
        AccessTokenKind::Personal => service.require(actor, Permission::ManageAccessTokens)?,
    }
    service
        .write(actor, move |transaction| {
            let represented = represented(transaction, &new)?;
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
            };
            access_tokens::insert(transaction.connection, &access_token)?;
            transaction.record(
                Action::AccessTokenCreated,
                Subject::Principal(represented.id.uuid()),
                &access_token.name,
            )?;
            Ok(CreatedAccessToken { access_token, token })
        })
        .await
}

/// The principal that a new token shall authenticate, locked so that it stays.
fn represented(transaction: &mut Transaction<'_>, new: &NewAccessToken) -> Result<Principal> {
    let found = principals::lock(transaction.connection, &new.actor)?;
    // Of others it is not even told that they are no such principal.
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

/// Who counts as the creator of a token: the actor, or who created the token that the actor acts with, so that what was lent
/// is not made one's own by it.
fn creator(transaction: &mut Transaction<'_>) -> Result<Party> {
    let lent = containment::lent(transaction.connection, transaction.actor)?;
    Ok(lent.map_or_else(|| party(transaction.actor.principal()), |token| token.owner))
}

fn party(principal: &Principal) -> Party {
    Party { id: principal.id, username: principal.username().to_string() }
}

fn manages(actor: &Actor) -> bool {
    actor.permissions().contains(Permission::ManageAccessTokens)
}

fn require_generating(service: &Service, actor: &Actor) -> Result<()> {
    if manages(actor) { Ok(()) } else { service.require(actor, Permission::GeneratePersonalAccessTokens) }
}

/// One page of access tokens: of everybody's for who holds `MANAGE_ACCESS_TOKENS`; of those that the actor created,
/// for others, who must ask for just those.
///
/// # Errors
/// [`Error::Forbidden`]
pub async fn list(service: &Service, actor: &Actor, query: Query<AccessTokenField>) -> Result<Page<AccessToken>> {
    if !manages(actor) {
        service.require(actor, Permission::GeneratePersonalAccessTokens)?;
        if !asks_for_own(&query.filter, &actor.username().to_string()) {
            return Err(actor.lacks(Permission::ManageAccessTokens));
        }
    }
    // What is asked for does not decide: a namesake's tokens are not the actor's, nor are those that a negation or another
    // member of the filter would let through.
    service.page(actor, query, sight::access_tokens(actor)).await
}

/// Whether a member of the filter says that the owner is that user, and nobody else.
fn asks_for_own(filter: &Filter<AccessTokenField>, username: &str) -> bool {
    match filter {
        Filter::All(members) => members.iter().any(|member| asks_for_own(member, username)),
        Filter::Test(AccessTokenField::Owner, Test::OneOf(values)) => *values == [Value::Text(username.to_owned())],
        _ => false,
    }
}

/// Revokes an access token: whoever created it may, and who holds `MANAGE_ACCESS_TOKENS`.
///
/// # Errors
/// [`Error::Forbidden`], also to who may not know that there is no such token; [`Error::NotFound`].
pub async fn revoke(service: &Service, actor: &Actor, id: String) -> Result<()> {
    let began = Instant::now();
    let found = find(service, actor, id.clone()).await?;
    if found.is_none() && !manages(actor) {
        return sight::tell(began, Err(actor.lacks(Permission::ManageAccessTokens))).await;
    }
    let not_found = move || Error::NotFound { kind: "access token", id: id.clone() };
    let token = found.ok_or_else(&not_found)?;
    if token.owner.id != actor.id() {
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
            let subject = Subject::Principal(token.actor.id.uuid());
            transaction.record(Action::AccessTokenRevoked, subject, &token.name)
        })
        .await
}

/// The access token with that id, for its owner and for who holds `MANAGE_ACCESS_TOKENS`.
///
/// # Errors
/// [`Error::NotFound`], the same for others' tokens.
pub async fn get(service: &Service, actor: &Actor, id: String) -> Result<AccessToken> {
    let began = Instant::now();
    let found = find(service, actor, id.clone()).await?;
    sight::tell(began, found.ok_or(Error::NotFound { kind: "access token", id })).await
}

/// The access token with that id, if the actor sees it.
async fn find(service: &Service, actor: &Actor, id: String) -> Result<Option<AccessToken>> {
    let (seen, now) = (sight::access_tokens(actor), service.clock.now());
    service.read(move |connection| access_tokens::find_seen(connection, &id, &seen, now)).await
}

/// What is told of a token that somebody holds, also of an expired one.
///
/// # Errors
/// [`Error::Forbidden`] without `MANAGE_ACCESS_TOKENS`; [`Error::NotFound`] for what is no access token.
pub async fn find_by_token(service: &Service, actor: &Actor, token: &str) -> Result<AccessToken> {
    service.require(actor, Permission::ManageAccessTokens)?;
    // Not the token: the message may be logged.
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
