//! Refresh tokens: a program that a user has approved gets children of a session with them, until the session ends.
//!
//! The session is one of the user's: whatever ends the user's sessions ends the family, and its children on their next
//! request. Its token was never handed out. A child is made before anything is written, so that a failure uses up no
//! refresh token.

use std::time::Instant;

use crate::domain::actor::{Actor, PresentedCredential, Standing};
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::credential::{Credential, KnownCredential};
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::jwk::Thumbprint;
use crate::domain::network::Network;
use crate::domain::party::Party;
use crate::domain::permission::Permission;
use crate::domain::refresh::Family;
use crate::domain::session::SessionKind;
use crate::domain::token::{ParsedToken, Token, TokenKind};
use crate::service::authn::authenticate::delay_refusal;
use crate::service::authn::bearer_tokens;
use crate::service::authn::sign_ins::Origin;
use crate::service::children::{Minted, NotMinted, Wanted, mint};
use crate::service::{Service, Transaction};
use crate::storage::holds::hold_standing;
use crate::storage::principals::Existed;
use crate::storage::{credentials, refresh_tokens};

/// A child of a user's session, and the refresh token for the next one.
pub struct Granted {
    /// The child.
    pub minted: Minted,
    /// The user.
    pub user: Actor,
    /// The refresh token, shown once.
    pub refresh_token: Token,
}

/// Why a refresh token gets nothing. `E` is why the proof of a key is refused.
pub enum NotRenewed<E> {
    /// The refresh token is not accepted.
    Grant(&'static str),
    /// The proof of a key is refused.
    Proof(E),
    /// The child that is asked for cannot be made.
    NotMinted(NotMinted),
}

impl<E> From<Error> for NotRenewed<E> {
    fn from(error: Error) -> Self {
        Self::NotMinted(error.into())
    }
}

/// The message for every refused refresh token: one text for all reasons, so it tells an attacker nothing.
const DEAD: &str =
    "`refresh_token` is unknown, has been used, has expired or was revoked, or is another client's: sign in again";
/// The message for a refresh token that is bound to a key, sent without a proof.
const UNPROVED: &str = "`refresh_token` is bound to a key: send a `DPoP` proof of that key";

/// A family that has not been stored yet, with its session and its first child.
pub(super) struct Prepared {
    pub(super) granted: Granted,
    pub(super) session: Credential,
    pub(super) family: Family,
}

/// Makes a family of refresh tokens for a user with that standing.
pub(super) async fn prepare(
    service: &Service,
    user: Standing,
    wanted: Wanted,
    ends_at: i64,
) -> Result<Prepared, NotMinted> {
    let (now, id) = (service.clock.now(), user.principal.id);
    let until = Family::idle_end(ends_at, now, service.session_millis);
    let (_unseen_token, session) = service.mint(TokenKind::Session, id, now, until)?;
    let (refresh_token, refresh) = service.mint(TokenKind::Refresh, id, now, ends_at)?;
    let family = Family {
        id: refresh.key_id,
        session: session.key_id,
        client: wanted.client.clone(),
        proof_key: wanted.proof_key,
        digest: refresh.digest,
        pepper: refresh.pepper,
        ends_at,
    };
    let user = in_session(user, &family, until);
    let minted = mint(service, &user, None, wanted).await?;
    Ok(Prepared { granted: Granted { minted, user, refresh_token }, session, family })
}

/// Stores a family and its session, derived from the session in which the user approved it, which the transaction holds.
pub(super) fn begin(
    transaction: &mut Transaction<'_>,
    approver: &Credential,
    session: &Credential,
    family: &Family,
) -> Result<()> {
    bearer_tokens::keep(transaction, approver, session, SessionKind::Program)?;
    refresh_tokens::insert(transaction.connection, family)
}

fn in_session(user: Standing, family: &Family, expires_at: i64) -> Actor {
    let mut actor = Actor::trusted(user);
    actor.credential = Some(PresentedCredential { kind: TokenKind::Session, key_id: family.session, expires_at });
    actor
}

/// Uses up a refresh token of a client: for a child of its session, and the next refresh token. `prove` is asked for
/// the key that the request proves, once the refresh token is known to be genuine.
///
/// # Errors
/// See [`NotRenewed`]. A refresh token that has been used before ends its family.
pub async fn renew<E>(
    service: &Service,
    text: &str,
    wanted: Wanted,
    origin: Origin,
    prove: impl FnOnce(Party) -> Result<Option<Thumbprint>, E>,
) -> Result<Granted, NotRenewed<E>> {
    let dead = || NotRenewed::Grant(DEAD);
    let known = find(service, text, Party::Network(Network::of(origin.address))).await?.ok_or_else(dead)?;
    if !known.is_latest {
        known.end_reused(service, origin).await?;
        return Err(dead());
    }
    let (family, now) = (&known.family, service.clock.now());
    if family.client != wanted.client || !known.is_alive(now) {
        return Err(dead());
    }
    let proof_key = prove(Party::Actor(known.session.standing.principal.id)).map_err(NotRenewed::Proof)?;
    if family.proof_key.is_some() && proof_key != family.proof_key {
        return Err(NotRenewed::Grant(UNPROVED));
    }
    let until = Family::idle_end(family.ends_at, now, service.session_millis);
    let user = in_session(known.session.standing.clone(), family, until);
    let user = user.from(origin.address).requesting(origin.request.clone());
    let minted = mint(service, &user, None, Wanted { proof_key, ..wanted }).await.map_err(NotRenewed::NotMinted)?;
    let (refresh_token, digest, pepper) = service.written(&known.token.next(service.entropy)?)?;
    let (spent, next) = (family.digest, Family { digest, pepper, ..family.clone() });
    let renewed = service
        .write_first(&user, move |transaction| {
            // In the order in which a deletion locks them, which avoids deadlocks.
            hold_standing(transaction.connection, transaction.actor.id())?;
            if refresh_tokens::rotate(transaction.connection, &spent, &next)? == Existed::No {
                return Ok(Existed::No);
            }
            transaction.changes_own_expiry(until);
            if credentials::set_expiry(transaction.connection, next.session, until)? == Existed::No {
                return Err(Error::Unauthenticated(Refusal::Invalid));
            }
            let (id, name) = (transaction.actor.id(), transaction.actor.username().to_string());
            transaction.record(Action::SessionRefreshed, ChangeSubject::Principal(id.uuid()), &name)?;
            Ok(Existed::Yes)
        })
        .await;
    match renewed {
        Ok(Existed::Yes) => Ok(Granted { minted, user, refresh_token }),
        // Another request was first with the same token.
        Ok(Existed::No) => {
            known.end_reused(service, origin).await?;
            Err(dead())
        }
        Err(Error::Unauthenticated(_)) => Err(dead()),
        Err(error) => Err(error.into()),
    }
}

/// Ends the family of a refresh token of this client, whether or not it is the latest. The answer for any other text is
/// the same.
///
/// # Errors
/// When the storage fails.
pub async fn revoke(service: &Service, client: &str, text: &str, origin: Origin) -> Result<()> {
    match find(service, text, Party::Network(Network::of(origin.address))).await? {
        Some(known) if known.family.client == client => {
            let user = known.user(origin);
            known.end(service, &user, Action::SessionEnded).await
        }
        _ => Ok(()),
    }
}

/// The state of a living refresh token, for introspection.
pub struct Introspected {
    /// The user, with the session's expiry.
    pub user: Actor,
    /// The client that it was issued to.
    pub client: String,
}

/// The state of a refresh token; `None` if it is not alive. For actors that may verify any token, and for its own user.
///
/// # Errors
/// [`Error::Forbidden`]
pub async fn introspect(service: &Service, asking: &Actor, text: &str) -> Result<Option<Introspected>> {
    let began = Instant::now();
    let known = find(service, text, Party::Actor(asking.id())).await?;
    let is_own = known.as_ref().is_some_and(|known| known.session.standing.principal.id == asking.id());
    if !is_own && let Err(refused) = service.require(asking, Permission::VerifyTokens) {
        delay_refusal(began).await;
        return Err(refused);
    }
    let alive = known.filter(|known| known.is_latest && known.is_alive(service.clock.now()));
    Ok(alive.map(|Known { family, session, .. }| Introspected {
        user: in_session(session.standing, &family, session.credential.expires_at),
        client: family.client,
    }))
}

/// Whether a text has the form of a refresh token.
#[must_use]
pub fn is_refresh_token(service: &Service, text: &str) -> bool {
    ParsedToken::parse_refresh(text, &service.prefixes).is_some()
}

/// A token of a family that has not ended.
pub(super) struct Known {
    token: ParsedToken,
    family: Family,
    session: KnownCredential,
    /// Whether the token is the latest of its family, the only unused one.
    is_latest: bool,
}

/// The family of a refresh token, and its session; `None` if there is none.
pub(super) async fn find(service: &Service, text: &str, party: Party) -> Result<Option<Known>> {
    let Some(token) = ParsedToken::parse_refresh(text, &service.prefixes) else { return Ok(None) };
    let reading = service.clone();
    let _turn = service.look_ups.turn(party).await?;
    let found = service
        .look_up(move |connection| {
            let Some(family) = refresh_tokens::find(connection, token.key_id)? else { return Ok(None) };
            let Some(session) = credentials::find(connection, family.session)? else { return Ok(None) };
            let standing = reading.with_policies(connection, session.standing)?;
            Ok(Some((family, KnownCredential { standing, ..session })))
        })
        .await?;
    Ok(found.and_then(|(family, session)| {
        // Without its pepper nothing is known of a token, not even that it was used before.
        let presented = service.peppers.digest(&token, family.pepper)?;
        let is_latest = family.digest.matches(&presented);
        Some(Known { token, family, session, is_latest })
    }))
}

impl Known {
    fn is_alive(&self, now: i64) -> bool {
        self.session.credential.expires_at > now && self.session.standing.principal.enabled
    }

    fn user(&self, origin: Origin) -> Actor {
        Actor::user(self.session.standing.principal.clone()).from(origin.address).requesting(origin.request)
    }

    /// Ends the family, because one of its tokens was used twice.
    async fn end_reused(&self, service: &Service, origin: Origin) -> Result<()> {
        tracing::warn!(user = %self.session.standing.principal.id, client = self.family.client, "a refresh token was used twice");
        self.end(service, &self.user(origin), Action::RefreshTokenReused).await
    }

    /// Ends the session, and with it the family and every child.
    pub(super) async fn end(&self, service: &Service, actor: &Actor, action: Action) -> Result<()> {
        let (session, user) = (self.family.session, self.session.standing.principal.clone());
        service
            .write_first(actor, move |transaction| {
                if credentials::delete(transaction.connection, session)? == Existed::No {
                    return Ok(());
                }
                transaction.record(action, ChangeSubject::Principal(user.id.uuid()), &user.username().to_string())
            })
            .await
    }
}
