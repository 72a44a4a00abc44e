//! The use cases. One function is one use case and one transaction; authorization is its first line.

pub mod authn;
pub mod authz;
pub mod bootstrap;
pub mod catalogue;
pub mod children;
pub mod edges;
mod effort;
pub mod forms;
pub mod keys;
pub mod log;
pub mod looks;
pub mod nodes;
pub mod people;
pub mod receipts;
mod taken;
mod traffic;
mod transaction;
pub mod upkeep;

use std::sync::Arc;

use self::edges::Edges;
use self::log::Log;
use self::looks::Looks;
use self::nodes::Nodes;
use self::traffic::Traffic;
use self::transaction::Transaction;
use crate::clock::Clock;
use crate::directory::Directory;
use crate::domain::actor::Actor;
use crate::domain::cursor::Cursor;
use crate::domain::entropy::Entropy;
use crate::domain::error::{Error, Result};
use crate::domain::filter::Filter;
use crate::domain::listing::{Page, Query};
use crate::domain::password::PasswordSignIn;
use crate::domain::pepper::Peppers;
use crate::domain::signing::SigningAlgorithm;
use crate::domain::token::Prefixes;
use crate::service::authn::look_ups::LookUps;
use crate::storage::database::Database;
use crate::storage::listing::Listed;

use self::authn::proofs::Proofs;
use self::authn::sign_ins::SignIns;
use self::taken::Taken;
pub use self::traffic::GivenUp;
use self::upkeep::expired::ExpiredRevocations;
use self::upkeep::refused::Refused;

/// The state that every use case works with. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    parts: Arc<Parts>,
    traffic: Arc<Traffic>,
    /// The other nodes.
    pub nodes: Arc<Nodes>,
    /// Refused attempts that the audit trail has.
    pub refused: Arc<Refused>,
    /// The log of the changes.
    pub log: Arc<Log>,
    /// The latest looks of this node.
    pub looks: Arc<Looks>,
    /// The edges that look at this process.
    pub edges: Arc<Edges>,
    /// Where changes that take something away are kept outside the database.
    pub taken: Taken,
    expired_revocations: Arc<ExpiredRevocations>,
}

/// The parts of a [`Service`].
pub struct Parts {
    /// The connection pools of the database.
    pub database: Database,
    /// Credentials, policies and uses in memory.
    pub directory: Directory,
    /// The clock.
    pub clock: Clock,
    /// The source of randomness.
    pub entropy: Entropy,
    /// The secrets that digests are made with.
    pub peppers: Peppers,
    /// The prefixes of tokens.
    pub prefixes: Prefixes,
    /// How long a session lasts, in milliseconds.
    pub session_millis: i64,
    /// For how many days the uses of each hour are kept; 0 keeps neither hours nor days.
    pub hourly_usage_days: i64,
    /// Whether people sign in and sign up with passwords.
    pub password_sign_in: PasswordSignIn,
    /// Admission control for passwords.
    pub sign_ins: SignIns,
    /// DPoP proofs that have been used, and nonces.
    pub proofs: Proofs,
    /// The queue of look-ups of credentials that are not in memory.
    pub look_ups: LookUps,
    /// The algorithm of new signing keys.
    pub signing_algorithm: SigningAlgorithm,
    /// Held while uses are saved.
    pub saving: tokio::sync::Mutex<()>,
}

impl std::ops::Deref for Service {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Service {
    /// Builds the service from its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            traffic: Arc::default(),
            nodes: Arc::default(),
            log: Arc::default(),
            refused: Arc::default(),
            looks: Arc::default(),
            edges: Arc::default(),
            taken: Taken::default(),
            expired_revocations: Arc::default(),
        }
    }

    /// One page of a collection, restricted to what the actor sees.
    async fn page<F: Listed>(&self, actor: &Actor, mut query: Query<F>, seen: Filter<F>) -> Result<Page<F::Record>> {
        query.filter = seen.clone().and(query.filter);
        let now = self.clock.now();
        self.list(actor, move |connection| {
            let mut records = F::page(connection, &query, now)?;
            let counts = F::counts(connection, &query, &seen, now)?;
            let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
            let more = records.len() > limit;
            records.truncate(limit);
            let end = |last: &F::Record| Cursor {
                values: query.sort.0.iter().map(|(field, _)| field.sort_value(last)).collect(),
                id: F::id_of(last),
            };
            let next = records.last().filter(|_| more).map(end);
            Ok(Page { records, counts, next })
        })
        .await
    }
}

/// Runs `work` on a thread that may block. Once started it runs to its end, even if the caller is gone.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let span = tracing::Span::current();
    let joined = tokio::task::spawn_blocking(move || span.in_scope(work)).await;
    joined.map_err(|error| Error::Internal(error.into()))?
}
