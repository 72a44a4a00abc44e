//! Device authorization grant (RFC 8628): a program requests a session, a user decides in a browser, the program
//! fetches the session.
//!
//! The program's session ends no later than the session in which the user approved it, so approving does not prolong a
//! session. It is issued only while that session still exists, so whatever ends the user's sessions (a new password,
//! disabling, back-channel logout) also voids an approval that has not been fetched.

use tracing::Instrument;

use crate::domain::actor::Actor;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::credential::{Credential, KnownCredential};
use crate::domain::device::{
    CodeDigest, DeviceAuthorization, DeviceCode, DeviceDecision, INTERVAL, LIFETIME, UserCode,
};
use crate::domain::error::{Error, Result};
use crate::domain::jwk::Thumbprint;
use crate::domain::network::Network;
use crate::domain::party::Party;
use crate::domain::permission::Permissions;
use crate::domain::principal::PrincipalState;
use crate::domain::session::SessionKind;
use crate::domain::token::KeyId;
use crate::service::authn::attempt::Attempt;
use crate::service::authn::bearer_tokens;
use crate::service::authn::polls::Poll;
use crate::service::authn::refresh::{self, Granted, Prepared};
use crate::service::authn::sessions::NewSession;
use crate::service::authn::sign_ins::Origin;
use crate::service::children::{NotMinted, Wanted};
use crate::service::{Service, Transaction};
use crate::storage::credentials;
use crate::storage::database::AnyConnection;
use crate::storage::device_authorizations::{self, Waiting};
use crate::storage::holds::{hold_credential, hold_standing};
use crate::storage::principals::Existed;

/// The most device authorizations that have not expired: per network, per largest group of networks, and in total.
const MOST: Waiting = Waiting { of_network: 16, of_group: 256, in_all: 10_000 };

/// A new device authorization, for the program.
pub struct Begun {
    /// The secret for fetching the session.
    pub device_code: DeviceCode,
    /// The code that the user types.
    pub user_code: UserCode,
    /// Lifetime of both codes, in milliseconds.
    pub lifetime: i64,
    /// Minimum time between two polls, in milliseconds.
    pub interval: i64,
}

/// Creates a device authorization for a program; `offline` if it asks for a refresh token.
///
/// # Errors
/// [`Error::Busy`] at the limits of their number.
pub async fn begin(service: &Service, client: String, offline: bool, origin: Origin) -> Result<Begun> {
    let network = Network::of(origin.address);
    let now = service.clock.now();
    let has_room = move |connection: &mut AnyConnection, of_more: i64| {
        let waiting = device_authorizations::waiting(connection, network, now)?;
        let full = waiting.of_network + of_more > MOST.of_network
            || waiting.of_group + of_more > MOST.of_group
            || waiting.in_all + of_more > MOST.in_all;
        if full { Err(Error::Busy) } else { Ok(()) }
    };
    // Checked before the write, so that clients beyond their limit do not occupy writers.
    let turn = service.look_ups.turn(Party::Network(network)).await?;
    service.look_up(move |connection| has_room(connection, 1)).await?;
    drop(turn);
    let (device_code, user_code) = (DeviceCode::generate(service.entropy)?, UserCode::generate(service.entropy)?);
    let digests = [device_code.digest(&service.peppers), user_code.digest(&service.peppers)];
    let asked = DeviceAuthorization {
        client,
        offline,
        address: origin.address,
        created_at: now,
        expires_at: now + LIFETIME,
        decision: DeviceDecision::Pending,
    };
    let program = Actor::built_in(PROGRAM, now).from(origin.address).requesting(origin.request);
    service
        .write(&program, move |transaction| {
            let [device, user] = &digests;
            device_authorizations::insert(transaction.connection, [device, user], &asked)?;
            has_room(transaction.connection, 0)
        })
        .await?;
    Ok(Begun { device_code, user_code, lifetime: LIFETIME, interval: INTERVAL })
}

/// The actor's name for an unauthenticated program whose request records nothing.
pub(super) const PROGRAM: &str = "(program)";

/// A pending device authorization, as shown to the deciding user.
pub struct PendingSignIn {
    /// The program's request.
    pub asked: DeviceAuthorization,
    /// The user code, normalized.
    pub user_code: UserCode,
    /// The end of the session that an approval would give, in epoch milliseconds.
    pub until: i64,
}

/// Finds the pending device authorization with this user code, for a signed-in user. Wrong codes are throttled like
/// wrong passwords. A right code does not reset the count, because an attacker can obtain right codes by starting
/// programs.
///
/// # Errors
/// [`Error::NotFound`] for a wrong code; [`Error::SlowedDown`] after too many; [`Error::Forbidden`] for an actor
/// without a user's session.
pub async fn pending_sign_in(service: &Service, actor: &Actor, typed: &str) -> Result<PendingSignIn> {
    let (service, actor, typed) = (service.clone(), actor.clone(), typed.to_owned());
    counted(async move { pending(&service, &actor, &typed).await }).await
}

/// Runs an attempt to its end even if the client disconnects, so that no client avoids the count of wrong codes.
async fn counted<T: Send + 'static>(attempt: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let task = tokio::spawn(attempt.in_current_span());
    task.await.map_err(|error| Error::Internal(error.into()))?
}

async fn pending(service: &Service, actor: &Actor, typed: &str) -> Result<PendingSignIn> {
    let session = bearer_tokens::user_session(actor)?;
    let attempt = admit(service, actor)?;
    let now = service.clock.now();
    let user_code = UserCode::parse(typed);
    let asked = match user_code.map(|code| code.digest(&service.peppers)) {
        Some(digest) => {
            service.read(move |connection| device_authorizations::find_pending(connection, &digest, now)).await?
        }
        None => None,
    };
    let (Some(asked), Some(user_code)) = (asked, user_code) else { return Err(wrong_code(service, &attempt)) };
    Ok(PendingSignIn { asked, user_code, until: bearer_tokens::latest_expiry(service, session, now) })
}

/// A user's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The program gets a session of this user.
    Approve,
    /// The program gets nothing.
    Deny,
}

/// Approves or denies the pending device authorization with this user code. The decision is final.
///
/// # Errors
/// Those of [`pending_sign_in`]; [`Error::Conflict`] for an approval by a user with too many sessions.
pub async fn decide(service: &Service, actor: &Actor, typed: &str, verdict: Verdict) -> Result<()> {
    let (service, actor, typed) = (service.clone(), actor.clone(), typed.to_owned());
    counted(async move { write_decision(&service, &actor, &typed, verdict).await }).await
}

async fn write_decision(service: &Service, actor: &Actor, typed: &str, verdict: Verdict) -> Result<()> {
    let session = bearer_tokens::user_session(actor)?;
    let attempt = admit(service, actor)?;
    let Some(digest) = UserCode::parse(typed).map(|code| code.digest(&service.peppers)) else {
        return Err(wrong_code(service, &attempt));
    };
    let (decision, action) = match verdict {
        Verdict::Approve => (DeviceDecision::Approved(session.key_id), Action::DeviceApproved),
        Verdict::Deny => (DeviceDecision::Denied, Action::DeviceDenied),
    };
    let existed = service
        .write_first(actor, move |transaction| {
            let now = transaction.now;
            if verdict == Verdict::Approve {
                bearer_tokens::check_room(transaction)?;
            }
            let existed = device_authorizations::decide(transaction.connection, &digest, decision, now)?;
            if existed == Existed::Yes {
                let (id, name) = (transaction.actor.id(), transaction.actor.username().to_string());
                transaction.record(action, ChangeSubject::Principal(id.uuid()), &name)?;
            }
            Ok(existed)
        })
        .await?;
    if existed == Existed::Yes { Ok(()) } else { Err(wrong_code(service, &attempt)) }
}

fn admit(service: &Service, actor: &Actor) -> Result<Attempt> {
    let attempt = Attempt::new(&actor.username().to_string(), actor.address, &service.peppers);
    service.sign_ins.user_codes.admit(&attempt, service.clock.now())?;
    Ok(attempt)
}

/// Counts a wrong code. The error does not quote it, because users paste secrets by mistake.
fn wrong_code(service: &Service, attempt: &Attempt) -> Error {
    service.sign_ins.user_codes.failed(attempt, service.clock.now());
    Error::NotFound { kind: "waiting sign-in", id: "code".to_owned() }
}

/// What an approved program gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issue {
    /// A session, which has no scope, no other audience and no key.
    Session,
    /// A child of a session, and a refresh token.
    Child,
}

/// The outcome of a poll. `E` is why the request is refused.
pub enum Polled<E> {
    /// The session, with the permissions of its user.
    Session(NewSession, Permissions),
    /// A child of a session, and a refresh token, for a program that asked for one.
    Granted(Box<Granted>),
    /// A session without a refresh token cannot be bound to the key that the request proves.
    Unbindable,
    /// The proof of a key is refused, or the request asks for something that a session does not have.
    Refused(E),
    /// The child cannot be made.
    NotMinted(NotMinted),
    /// Not decided yet.
    Pending,
    /// The poll came before the interval was over.
    TooSoon,
    /// Denied, or the approving session has ended since.
    Denied,
    /// The lifetime is over.
    Expired,
    /// The code was not issued to this client, or its session has been fetched.
    Unknown,
}

/// Fetches the decision. An approved session is issued once, also to concurrent polls. `wanted` is the first child of a program that
/// asked for a refresh token. `prove` is asked for the key that the request proves, and whether the request fits what it gets, once
/// the request is approved.
///
/// # Errors
/// When the storage fails, or too many look-ups wait.
pub async fn poll<E>(
    service: &Service,
    device_code: &str,
    wanted: Wanted,
    origin: Origin,
    prove: impl FnOnce(Party, Issue) -> Result<Option<Thumbprint>, E>,
) -> Result<Polled<E>> {
    let Some(digest) = DeviceCode::parse(device_code).map(|code| code.digest(&service.peppers)) else {
        return Ok(Polled::Unknown);
    };
    if service.sign_ins.polls.record(&digest, service.clock.uptime()) == Poll::TooSoon {
        return Ok(Polled::TooSoon);
    }
    let turn = service.look_ups.turn(Party::Network(Network::of(origin.address))).await?;
    let (reading, looking) = (service.clone(), digest.clone());
    let found = service
        .look_up(move |connection| {
            let Some(found) = device_authorizations::find(connection, &looking)? else { return Ok(None) };
            let DeviceDecision::Approved(session) = found.decision else { return Ok(Some((found, None))) };
            let approver = match credentials::find(connection, session)? {
                Some(known) => {
                    let standing = reading.with_policies(connection, known.standing)?;
                    Some(KnownCredential { standing, ..known })
                }
                None => None,
            };
            Ok(Some((found, approver)))
        })
        .await?;
    drop(turn);
    let Some((found, approver)) = found.filter(|(found, _)| found.client == wanted.client) else {
        return Ok(Polled::Unknown);
    };
    match (found.decision, approver) {
        _ if found.expires_at <= service.clock.now() => Ok(Polled::Expired),
        (DeviceDecision::Pending, _) => {
            service.sign_ins.polls.remember(digest, service.clock.uptime());
            Ok(Polled::Pending)
        }
        (DeviceDecision::Denied, _) | (DeviceDecision::Approved(_), None) => Ok(Polled::Denied),
        (DeviceDecision::Approved(_), Some(approver)) => {
            let issue = if found.offline { Issue::Child } else { Issue::Session };
            let proof_key = match prove(Party::Actor(approver.standing.principal.id), issue) {
                Ok(proof_key) => proof_key,
                Err(refused) => return Ok(Polled::Refused(refused)),
            };
            match (issue, proof_key) {
                (Issue::Child, proof_key) => {
                    granted(service, digest, approver, Wanted { proof_key, ..wanted }, origin).await
                }
                (Issue::Session, Some(_)) => Ok(Polled::Unbindable),
                (Issue::Session, None) => session(service, digest, approver, origin).await,
            }
        }
    }
}

/// Issues a session.
async fn session<E>(
    service: &Service,
    digest: CodeDigest,
    approver: KnownCredential,
    origin: Origin,
) -> Result<Polled<E>> {
    let KnownCredential { standing, credential, .. } = approver;
    let permissions = standing.permissions;
    let actor = Actor::user(standing.principal).from(origin.address).requesting(origin.request);
    let work = move |transaction: &mut Transaction<'_>| {
        fetch(transaction, &digest, credential.key_id, |transaction, approver| {
            let until = latest_end(transaction.service, approver, transaction.now);
            bearer_tokens::insert(transaction, approver, until, SessionKind::Program)
        })
    };
    let fetched = service.write_first(&actor, work).await?;
    Ok(fetched.polled(|begun| Polled::Session(begun, permissions)))
}

/// Issues a refresh token with its first child.
async fn granted<E>(
    service: &Service,
    digest: CodeDigest,
    approver: KnownCredential,
    wanted: Wanted,
    origin: Origin,
) -> Result<Polled<E>> {
    let KnownCredential { standing, credential, .. } = approver;
    let actor = Actor::user(standing.principal.clone()).from(origin.address).requesting(origin.request);
    let ends_at = latest_end(service, &credential, service.clock.now());
    let Prepared { granted, session, family } = match refresh::prepare(service, standing, wanted, ends_at).await {
        Ok(prepared) => prepared,
        Err(reason) => return Ok(Polled::NotMinted(reason)),
    };
    let work = move |transaction: &mut Transaction<'_>| {
        fetch(transaction, &digest, credential.key_id, |transaction, approver| {
            refresh::begin(transaction, approver, &session, &family)
        })
    };
    let fetched = service.write_first(&actor, work).await?;
    Ok(fetched.polled(|()| Polled::Granted(Box::new(granted))))
}

/// The latest expiry, in epoch milliseconds, of a session issued by an approval in this session.
fn latest_end(service: &Service, approver: &Credential, now: i64) -> i64 {
    approver.expires_at.min(now + service.session_millis)
}

/// The result of fetching an approval.
enum Fetched<T> {
    /// The approval was taken, and this was issued for it.
    Approved(T),
    /// Another poll has taken the approval.
    Unknown,
    /// The approving session has ended, or its user is disabled.
    Denied,
}

impl<T> Fetched<T> {
    fn polled<E>(self, approved: impl FnOnce(T) -> Polled<E>) -> Polled<E> {
        match self {
            Self::Approved(issued) => approved(issued),
            Self::Unknown => Polled::Unknown,
            Self::Denied => Polled::Denied,
        }
    }
}

/// Takes an approval, and issues something for it. The session in which it was given is held until the commit.
fn fetch<T>(
    transaction: &mut Transaction<'_>,
    digest: &CodeDigest,
    session: KeyId,
    issue: impl FnOnce(&mut Transaction<'_>, &Credential) -> Result<T>,
) -> Result<Fetched<T>> {
    let now = transaction.now;
    if device_authorizations::take_approved(transaction.connection, digest, now)? == Existed::No {
        return Ok(Fetched::Unknown);
    }
    // Locked until the commit, in the order in which a deletion locks them, which avoids deadlocks.
    let principal = hold_standing(transaction.connection, transaction.actor.id())?;
    let is_there = hold_credential(transaction.connection, session)?;
    let approver = credentials::find(transaction.connection, session)?.filter(|_| is_there);
    let alive = approver.filter(|known| known.credential.expires_at > now);
    match alive.filter(|_| principal == Some(PrincipalState::Enabled)) {
        Some(approver) => issue(transaction, &approver.credential).map(Fetched::Approved),
        None => Ok(Fetched::Denied),
    }
}
