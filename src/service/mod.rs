//! The use cases. One function is one use case and one transaction; authorisation is its first line.

pub mod authn;
pub mod authz;
pub mod bootstrap;
pub mod catalogue;
pub mod keys;
pub mod people;
mod traffic;
mod transaction;
pub mod upkeep;

use std::sync::Arc;

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
use crate::domain::pepper::Peppers;
use crate::domain::token::Prefixes;
use crate::service::authn::look_ups::LookUps;
use crate::storage::database::Database;
pub use crate::storage::errand::GivenUp;
use crate::storage::listing::Listed;

use self::authn::sign_ins::SignIns;

/// What every use case works with. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    parts: Arc<Parts>,
    traffic: Arc<Traffic>,
}

/// The parts of a [`Service`].
pub struct Parts {
    /// What it remembers.
    pub database: Database,
    /// Whom it recognises.
    pub directory: Directory,
    /// What time it is.
    pub clock: Clock,
    /// Where randomness comes from.
    pub entropy: Entropy,
    /// What digests are made with.
    pub peppers: Peppers,
    /// How tokens begin.
    pub prefixes: Prefixes,
    /// How long a session lasts, in milliseconds.
    pub session_millis: i64,
    /// What stands before the checking of a password.
    pub sign_ins: SignIns,
    /// How credentials that are not in memory are looked up.
    pub look_ups: LookUps,
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
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts), traffic: Arc::default() }
    }

    /// One page of a collection of which the actor sees that much.
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

/// Runs `work` on a thread that may block. Once begun it runs to its end, whether or not anybody still waits.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let span = tracing::Span::current();
    let joined = tokio::task::spawn_blocking(move || span.in_scope(work)).await;
    joined.map_err(|error| Error::Internal(error.into()))?
}
