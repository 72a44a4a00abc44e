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
use crate::domain::cursor::Cursor;
use crate::domain::entropy::Entropy;
use crate::domain::error::{Error, Result};
use crate::domain::listing::{Counts, Page};
use crate::domain::pepper::Peppers;
use crate::domain::token::Prefixes;
use crate::service::authn::look_ups::LookUps;
use crate::storage::database::Database;
pub use crate::storage::errand::GivenUp;

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
}

/// Runs `work` on a thread that may block. Once begun it runs to its end, whether or not anybody still waits.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let span = tracing::Span::current();
    let joined = tokio::task::spawn_blocking(move || span.in_scope(work)).await;
    joined.map_err(|error| Error::Internal(error.into()))?
}

/// Cuts the surplus record off a page that was read with one more than asked for, and remembers where it ends.
fn page<T>(mut records: Vec<T>, limit: i64, counts: Option<Counts>, end: impl FnOnce(&T) -> Cursor) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = records.len() > limit;
    records.truncate(limit);
    let next = if more { records.last().map(end) } else { None };
    Page { records, counts, next }
}
