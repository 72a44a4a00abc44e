//! Edges: `tessera edge`, verification next to a gateway, without a database and without the pepper.
//!
//! An edge answers the requests of gateways as its upstream, a server, would. It forwards a request that it cannot answer
//! from memory, and keeps the answer if the server says so. It decides nothing itself.
//!
//! | module | |
//! |---|---|
//! | `doors` | the paths that it answers |
//! | `question` | what is forwarded of a request, and what an answer may depend on |
//! | `memory` | answers, fences and the lease |
//! | `looks` | registration, looks at the changes, acknowledgement |
//! | `uses` | what was answered from memory, until it is reported |
//! | `upstream` | requests to the server |
//! | `metrics` | metrics |
//!
//! `docs/edges.md` describes it, `docs/revocation.md` says why an edge accepts nothing that was revoked.

mod doors;
mod gateway_request;
mod looks;
mod memory;
mod metrics;
mod upstream;
mod uses;

use std::sync::{Arc, Mutex, PoisonError};

pub use self::doors::app;
pub use self::looks::{follow, leave};
pub use self::upstream::Upstream;

use self::memory::Memory;
use self::metrics::EdgeMetrics;
use self::uses::Uses;
use crate::clock::Clock;
use crate::domain::entropy::Entropy;
use crate::domain::error::Result;
use crate::domain::network::Network;
use crate::http::bodies::{Bodies, BodyLimits};
use crate::http::peer::TrustedProxies;
use crate::outbound::EDGE_PLACES;
use crate::shares::Shares;

/// How many requests of one client of a gateway an edge forwards at a time.
const FORWARDS_OF_ONE: usize = EDGE_PLACES / 4;

/// The settings and the parts that an edge is built from.
pub struct EdgeSettings {
    /// The server.
    pub upstream: Upstream,
    /// The host and the port of the edge, for people.
    pub name: String,
    /// How many bytes the kept answers may take.
    pub memory: u64,
    /// The limits on request bodies.
    pub bodies: BodyLimits,
    /// The gateways, whose headers give the addresses of their clients.
    pub trusted: TrustedProxies,
    /// The clock.
    pub clock: Clock,
    /// The source of randomness.
    pub entropy: Entropy,
}

/// An edge.
pub struct Edge {
    upstream: Upstream,
    name: String,
    memory: Memory,
    uses: Uses,
    bodies: Bodies,
    trusted: TrustedProxies,
    /// The requests that are forwarded, by the clients of gateways.
    forwards: Shares<Network>,
    clock: Clock,
    entropy: Entropy,
    metrics: EdgeMetrics,
    /// Why the last look failed; `None` if it succeeded.
    failure: Mutex<Option<String>>,
}

impl Edge {
    /// An edge that keeps nothing yet, and is not registered.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new(settings: EdgeSettings) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            upstream: settings.upstream,
            name: settings.name,
            memory: Memory::new(settings.memory, settings.entropy)?,
            uses: Uses::default(),
            bodies: Bodies::new(settings.bodies),
            trusted: settings.trusted,
            forwards: Shares::new(EDGE_PLACES, FORWARDS_OF_ONE),
            clock: settings.clock,
            entropy: settings.entropy,
            metrics: EdgeMetrics::default(),
            failure: Mutex::new(Some("it has not registered yet".to_owned())),
        }))
    }

    /// Notes how a look ended. Returns whether that is news.
    fn note(&self, failure: Option<String>) -> bool {
        let mut known = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = *known != failure;
        *known = failure;
        is_news
    }

    /// Why the last look failed.
    fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
