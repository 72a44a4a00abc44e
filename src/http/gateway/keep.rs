//! `Tessera-Keep`: tells an edge how long it may keep an answer, and what the answer depends on.
//!
//! The header is added only for an edge, which shows its pass with the request. An answer that depends on anything that
//! the header cannot state gets no header, so it is not kept: a refusal, a token with a rate limit or with a proof of a
//! key, a delegated child.

use std::net::IpAddr;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};
use uuid::Uuid;

use crate::domain::actor::Actor;
use crate::domain::edge::{ASSETS, EDGE, KEEP, Keep, LONGEST_KEPT, UsedToken};
use crate::domain::ids::PrincipalId;
use crate::domain::limits::Allowance;
use crate::domain::network::Network;
use crate::domain::principal::PrincipalKind;
use crate::domain::token::TokenKind;
use crate::http::auth::is_dpop;
use crate::http::state::State;
use crate::service::edges;

/// Maximum number of tokens of an answer that may be kept.
const TOKENS: usize = 8;

/// The dependencies of an answer: what ends it in the memory of an edge.
pub struct Depends {
    now: i64,
    on: Vec<Uuid>,
    until: i64,
    used: Vec<UsedToken>,
    left: Option<i64>,
    /// Whether the answer depends on something that the header cannot state, so that it must not be kept.
    on_more: bool,
}

impl Depends {
    /// The dependencies of an answer that is given at `now`: none so far.
    #[must_use]
    pub fn new(now: i64) -> Self {
        Self { now, on: Vec::new(), until: now + LONGEST_KEPT, used: Vec::new(), left: None, on_more: false }
    }

    /// Adds the actor: the answer may be kept only while this actor's credential is accepted.
    #[must_use]
    pub fn on(mut self, actor: &Actor) -> Self {
        self.on.push(actor.id().uuid());
        let scope = actor.child.as_deref().and_then(|child| child.scope.as_ref());
        if scope.is_some_and(|scope| !scope.tools.is_empty()) {
            // A tool is an asset, whose attributes decide who may call it.
            self.on.push(ASSETS);
        }
        let is_delegated = actor.child.as_deref().is_some_and(|child| !child.actors.is_empty());
        self.on_more |= actor.allowance.is_some() || actor.warrant.is_some() || is_delegated;
        match actor.credential {
            None => self.on_more = true,
            Some(credential) => self.until = self.until.min(credential.expires_at),
        }
        self
    }

    /// Adds the actor. If uses of its token are counted, an edge reports a use from `address` each time it gives the
    /// answer again.
    #[must_use]
    pub fn on_use(mut self, actor: &Actor, address: Option<IpAddr>) -> Self {
        let is_counted = actor.principal().kind == PrincipalKind::ServiceAccount;
        let personal = actor.credential.filter(|credential| credential.kind == TokenKind::Personal);
        if is_counted || personal.is_some() {
            self.used.push(UsedToken {
                principal: is_counted.then(|| actor.id()),
                access_token: personal.map(|credential| credential.key_id),
                network: Network::of(address),
                at: self.now,
            });
        }
        self.on(actor)
    }

    /// Adds all assets: the answer depends on policies about a resource, and ends with any change of an asset.
    #[must_use]
    pub fn on_assets(mut self) -> Self {
        self.on.push(ASSETS);
        self
    }

    /// Limits how long the answer may be kept: until `instant`, in epoch milliseconds.
    #[must_use]
    pub fn until(mut self, instant: i64) -> Self {
        self.until = self.until.min(instant);
        self
    }

    /// Makes the header state the time from now until `instant`, which is in epoch milliseconds.
    #[must_use]
    pub fn telling(mut self, instant: Option<i64>) -> Self {
        self.left = instant.map(|instant| instant - self.now);
        self
    }

    /// Adds a principal: the answer ends when this principal changes.
    #[must_use]
    pub fn on_principal(mut self, id: PrincipalId) -> Self {
        self.on.push(id.uuid());
        self
    }
}

/// Adds the header that lets an edge keep the answer. For a request that no edge forwarded, nothing is computed.
pub fn mark(state: &State, request: &HttpRequest, headers: &mut HeaderMap, depends: impl FnOnce(i64) -> Depends) {
    let Some(edge) = edge(state, request) else { return };
    let Depends { now, on, until, used, left, on_more } = depends(state.service.clock.now());
    let is_limited = request.extensions().contains::<Allowance>();
    if on_more || is_limited || is_dpop(request) || until <= now || used.len() > TOKENS {
        return;
    }
    let names = edges::names(&state.service);
    let mut on: Vec<Uuid> = on.into_iter().map(|id| names.of(id)).collect();
    on.sort_unstable();
    on.dedup();
    let Ok(uses) = used.iter().map(|used| edges::handle(&state.service, edge, used)).collect() else { return };
    let keep = serde_json::to_string(&Keep { millis: until - now, on, uses, left });
    if let Some(value) = keep.ok().and_then(|text| HeaderValue::from_str(&text).ok()) {
        headers.insert(HeaderName::from_static(KEEP), value);
    }
}

/// Whether an edge forwards a request.
#[must_use]
pub fn is_for_edge(state: &State, request: &HttpRequest) -> bool {
    edge(state, request).is_some()
}

/// The edge that forwards a request.
fn edge(state: &State, request: &HttpRequest) -> Option<Uuid> {
    let pass = request.headers().get(EDGE)?.to_str().ok()?;
    edges::forwarder(&state.service, pass)
}
