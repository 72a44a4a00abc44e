//! Edges: processes next to gateways that verify without a database. An edge is a node whose looks go over HTTP: it is
//! registered, has a lease, acknowledges and is silenced like a server. `looks.rs` has the answers to its looks.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use hmac::Mac as _;
use subtle::ConstantTimeEq as _;
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

use crate::domain::actor::Actor;
use crate::domain::edge::{
    LOOK_TIMEOUT, LookId, MOST_EDGES, MOST_EDGES_OF_OWNER, Names, OLDEST_USE, USES_REPORTED, UsedToken,
};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{Id, PrincipalId};
use crate::domain::listing::clip;
use crate::domain::node::Node;
use crate::domain::permission::Permission;
use crate::queue::Urgency;
use crate::service::Service;
use crate::service::looks::LookAnswer;
use crate::storage::feed::FeedPosition;
use crate::storage::nodes::{self, Existed};

/// The purpose of the key of the secrets of edges.
const SECRETS: &str = "edge secret";
/// The purpose of the key of the names that edges know principals by.
const NAMES: &str = "edge names";
/// The purpose of the seal of handles.
const HANDLES: &str = "edge-uses";
/// The most uses of one token that one report may count.
const MOST_USES: i64 = 1_000_000;

/// The shortest time between two looks that edges bring about, besides those that this node begins itself.
const WAKE_EVERY: Duration = Duration::from_millis(20);

/// The edges that look at this process.
#[derive(Default)]
pub struct Edges {
    passes: Mutex<HashMap<Uuid, Pass>>,
    /// The time at which edges last made this node look, or will make it look.
    woken: Mutex<Option<Instant>>,
}

/// The pass that an edge shows with the requests that it forwards. Only the process that made the pass accepts it, so
/// no other process than the one that answered the last look tells the edge that it may keep an answer.
#[derive(Clone)]
struct Pass {
    secret: [u8; 32],
    owner: PrincipalId,
}

/// An edge that has been registered.
pub struct Registered {
    /// The id of the edge as a node.
    pub id: Uuid,
    /// The secret that the edge shows with every request about itself.
    pub secret: String,
    /// The length of the edge's lease, in milliseconds.
    pub lease: i64,
}

/// An edge, as a request names it: by its id and its secret. Only the process that registered the edge has the secret;
/// others may have a copy of its token.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The id.
    pub id: &'a str,
    /// The secret; empty if none is shown.
    pub secret: &'a str,
}

/// The answer to a look of an edge, with the edge's pass.
pub struct EdgeLookAnswer {
    /// The look, and what has changed.
    pub answer: LookAnswer,
    /// The pass of the edge at this process.
    pub pass: String,
}

/// How often a token was used, as an edge reports it.
#[derive(Debug, Clone)]
pub struct ReportedUse {
    /// The handle that a node gave with the answer.
    pub handle: String,
    /// The number of uses.
    pub count: i64,
    /// How long ago the last use was, in milliseconds.
    pub ago: i64,
}

impl Edges {
    /// The pass of that edge, made if there is none yet.
    fn pass(&self, service: &Service, id: Uuid, owner: PrincipalId) -> Result<String> {
        let mut drawn = [0; 32];
        service.entropy.fill(&mut drawn)?;
        let mut passes = self.lock();
        let pass = passes.entry(id).or_insert(Pass { secret: drawn, owner });
        Ok(format!("{id}.{}", HEXLOWER.encode(&pass.secret)))
    }

    /// The edge that shows that pass.
    fn holder(&self, text: &str) -> Option<Uuid> {
        let (id, secret) = text.split_once('.')?;
        let (id, secret) = (Uuid::parse_str(id).ok()?, HEXLOWER.decode(secret.as_bytes()).ok()?);
        let passes = self.lock();
        let pass = passes.get(&id)?;
        bool::from(pass.secret.as_slice().ct_eq(&secret)).then_some(id)
    }

    /// Forgets the passes of edges that are not registered, or are silenced.
    pub(in crate::service) fn retain(&self, nodes: &[Node]) {
        self.lock().retain(|id, pass| {
            nodes.iter().any(|node| node.id == *id && node.owner == Some(pass.owner) && !node.silenced)
        });
    }

    /// When this node may look for an edge that waits. All edges that wait share that look.
    fn wake_at(&self, now: Instant) -> Instant {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let at = match *woken {
            Some(planned) if planned > now => planned,
            last => last.map_or(now, |last| now.max(last + WAKE_EVERY)),
        };
        *woken = Some(at);
        at
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Pass>> {
        self.passes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Registers an edge of the actor. `replaces`: the former registration of the edge, for which it has no lease any more.
/// If that edge is unknown, or shows another secret, nothing is removed.
///
/// # Errors
/// [`Error::Forbidden`] without `VERIFY_TOKENS`; [`Error::Conflict`] for too many edges; [`Error::Unavailable`] while
/// this server does not follow the changes.
pub async fn register(
    service: &Service,
    actor: &Actor,
    name: String,
    replaces: Option<Shown<'_>>,
) -> Result<Registered> {
    service.require(actor, Permission::VerifyTokens)?;
    let replaces = replaces.and_then(|shown| proved(service, shown).ok());
    let now = service.clock.now();
    let id = Id::<Node>::new(now, service.entropy)?.uuid();
    // The edge has nothing in memory yet, so it knows every change until now.
    let position = latest(service)?;
    let (lease, owner) = (service.directory.lease_millis(), actor.id());
    let node = Node {
        id,
        name,
        started_at: now,
        lease,
        acknowledged: position.text(),
        acknowledged_at: now,
        silenced: false,
        owner: Some(owner),
    };
    let write = move |connection: &mut _| {
        if let Some(old) = replaces {
            nodes::delete_owned(connection, old, owner)?;
        }
        nodes::insert(connection, &node)?;
        if !position.is_of_living_session(connection)? {
            return Err(Error::Unavailable("the connection of the last look has ended".into()));
        }
        let owners: Vec<PrincipalId> = nodes::all(connection)?.into_iter().filter_map(|node| node.owner).collect();
        if owners.len() > MOST_EDGES {
            return Err(Error::Conflict(format!("there are {MOST_EDGES} edges already: stop one first")));
        }
        if owners.iter().filter(|other| **other == owner).count() > MOST_EDGES_OF_OWNER {
            return Err(Error::Conflict(format!(
                "this principal has {MOST_EDGES_OF_OWNER} edges already: stop one first"
            )));
        }
        Ok(())
    };
    let written = service.run_write(actor, Urgency::InTurn, move |database, task| database.write_for(task, write));
    written.await?;
    Ok(Registered { id, secret: secret(service, id), lease })
}

/// Removes an edge of the actor. The edge must have stopped answering from memory before.
///
/// # Errors
/// [`Error::Forbidden`] without `VERIFY_TOKENS`; [`Error::NotFound`], also for an edge of another principal or with another
/// secret.
pub async fn remove(service: &Service, actor: &Actor, shown: Shown<'_>) -> Result<()> {
    service.require(actor, Permission::VerifyTokens)?;
    let (id, owner) = (proved(service, shown)?, actor.id());
    let delete = move |connection: &mut _| nodes::delete_owned(connection, id, owner);
    let deleted = service.run_write(actor, Urgency::First, move |database, task| database.write_for(task, delete));
    match deleted.await?.0 {
        Existed::Yes => Ok(()),
        Existed::No => Err(unknown(shown.id)),
    }
}

/// Waits for the first look of this node that begins now or later, and returns what has changed since the look `known`.
/// The edge of the actor has applied that look, so it is acknowledged.
///
/// # Errors
/// [`Error::Forbidden`] without `VERIFY_TOKENS`; [`Error::NotFound`] for an edge that is not registered, is silenced, is
/// another principal's or has another secret: it has no lease; [`Error::Unavailable`] if this node's look fails.
pub async fn look(service: &Service, actor: &Actor, shown: Shown<'_>, known: Option<LookId>) -> Result<EdgeLookAnswer> {
    // Before anything else: what is committed from here on is found by the look that answers, or by a later one.
    let begun = service.looks.begun();
    service.require(actor, Permission::VerifyTokens)?;
    let (id, owner) = (proved(service, shown)?, actor.id());
    // A process that does not look knows of no changes.
    latest(service)?;
    let now = Instant::now();
    let mut wake_at = service.looks.is_behind(known).then(|| service.edges.wake_at(now));
    if wake_at.take_if(|at| *at <= now).is_some() {
        service.nodes.look();
    }
    let own = |node: &Node| node.id == id && node.owner == Some(owner);
    let wake = async {
        if let Some(at) = wake_at {
            sleep_until(at).await;
            // Another edge that has waited for the same time may have triggered the look.
            if service.looks.begun() == begun {
                service.nodes.look();
            }
        }
        pending::<LookAnswer>().await
    };
    let answer = async {
        if let Some(known) = known
            && let Some(node) = service.looks.node(id).filter(own)
            && let Some(position) = service.looks.to_acknowledge(known, &node.acknowledged)
        {
            service.acknowledge(id, position).await?;
        }
        let answer = tokio::select! {
            answer = service.looks.after(begun, known) => answer,
            never = wake => never,
        };
        Ok::<_, Error>(answer)
    };
    let answer = timeout(LOOK_TIMEOUT, answer).await.map_err(|late| Error::Unavailable(late.into()))??;
    if !answer.nodes.iter().any(|node| own(node) && !node.silenced) {
        return Err(unknown(shown.id));
    }
    let pass = service.edges.pass(service, id, owner)?;
    Ok(EdgeLookAnswer { answer, pass })
}

/// The edge that forwards a request with that pass; `None` if no edge has it.
#[must_use]
pub fn forwarder(service: &Service, pass: &str) -> Option<Uuid> {
    service.edges.holder(pass)
}

/// The handle under which an edge reports uses of a token.
///
/// # Errors
/// When there is no randomness.
pub fn handle(service: &Service, edge: Uuid, used: &UsedToken) -> Result<String> {
    let seal = service.peppers.seal(HANDLES, service.peppers.current())?;
    let seal = seal.ok_or_else(|| Error::Internal("the current pepper is not configured".into()))?;
    Ok(BASE64URL_NOPAD.encode(&seal.seal(used.text().as_bytes(), edge.as_bytes(), service.entropy)?))
}

/// Checks that an edge of the actor may still look.
///
/// # Errors
/// [`Error::Forbidden`] without `VERIFY_TOKENS`.
pub fn may_look(service: &Service, actor: &Actor) -> Result<()> {
    service.require(actor, Permission::VerifyTokens)
}

/// Counts uses that an edge reports. Those under handles of other edges, and old ones, are left out.
///
/// # Errors
/// [`Error::NotFound`] for an id that is none.
pub fn count_uses(service: &Service, id: &str, reported: &[ReportedUse]) -> Result<()> {
    let edge = parse(id)?;
    let now = service.clock.now();
    for each in reported.iter().take(USES_REPORTED) {
        let Some(used) = opened(service, edge, &each.handle)? else { continue };
        let last_used_at = now - each.ago.clamp(0, OLDEST_USE);
        if now - used.at > 2 * OLDEST_USE {
            continue;
        }
        service.directory.record_counted(&used, each.count.clamp(1, MOST_USES), last_used_at);
    }
    Ok(())
}

/// The token of a handle that a node has given that edge.
fn opened(service: &Service, edge: Uuid, handle: &str) -> Result<Option<UsedToken>> {
    let Ok(sealed) = BASE64URL_NOPAD.decode(handle.as_bytes()) else { return Ok(None) };
    for pepper in service.peppers.ids() {
        let seal = service.peppers.seal(HANDLES, pepper)?;
        if let Some(text) = seal.and_then(|seal| seal.open(&sealed, edge.as_bytes())) {
            return Ok(std::str::from_utf8(&text).ok().and_then(UsedToken::parse));
        }
    }
    Ok(None)
}

/// The position of the last look of this node.
fn latest(service: &Service) -> Result<FeedPosition> {
    service.looks.position().ok_or_else(|| Error::Unavailable("this process has not looked at the changes yet".into()))
}

/// The names by which the edges of this process know principals.
#[must_use]
pub fn names(service: &Service) -> Names {
    Names::new(service.peppers.derive(NAMES), service.looks.source().unwrap_or_default())
}

/// The secret of the edge with that id: an HMAC under a key that is derived from the pepper, so that every server can check it,
/// and a copy of the database does not show it.
#[must_use]
pub fn secret(service: &Service, id: Uuid) -> String {
    let mut keyed = service.peppers.derive(SECRETS);
    keyed.update(id.as_bytes());
    HEXLOWER.encode(&keyed.finalize().into_bytes())
}

/// The id of an edge that shows its secret. To another secret the answer is the one to an edge that is not known.
fn proved(service: &Service, shown: Shown<'_>) -> Result<Uuid> {
    let id = parse(shown.id)?;
    let secret = HEXLOWER.decode(shown.secret.as_bytes()).map_err(|_| unknown(shown.id))?;
    let mut keys = service.peppers.derive_each(SECRETS);
    let is_right = keys.any(|mut keyed| {
        keyed.update(id.as_bytes());
        keyed.verify_slice(&secret).is_ok()
    });
    if is_right { Ok(id) } else { Err(unknown(shown.id)) }
}

fn parse(id: &str) -> Result<Uuid> {
    Id::<Node>::parse(id).map(Id::uuid).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Error {
    Error::NotFound { kind: "edge", id: clip(id) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_bring_about_one_look_in_a_while_however_often_they_ask() {
        let (edges, start) = (Edges::default(), Instant::now());
        let after = |millis| start + Duration::from_millis(millis);
        let asked = [0, 0, 1, 19, 20, 21, 39, 100, 101].map(|millis| edges.wake_at(after(millis)));
        assert_eq!(asked, [0, 20, 20, 20, 40, 40, 40, 100, 120].map(after));
    }
}
