//! The use cases. One function is one use case and one transaction; authorisation is its first line.

pub mod authn;
pub mod authz;
pub mod bootstrap;
pub mod catalogue;
pub mod keys;
pub mod people;
pub mod upkeep;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use crate::clock::Clock;
use crate::directory::Directory;
use crate::domain::actor::Actor;
use crate::domain::change::{Action, Change, Subject};
use crate::domain::cursor::Cursor;
use crate::domain::entropy::Entropy;
use crate::domain::error::{Error, Refusal, Result};
use crate::domain::ids::Id;
use crate::domain::listing::{Counts, Page};
use crate::domain::pepper::Peppers;
use crate::domain::principal::PrincipalState;
use crate::domain::token::Prefixes;
use crate::storage::changes;
use crate::storage::database::{AnyConnection, Database, hold_credential};
use crate::storage::principals;

/// What every use case works with. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Parts>);

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
    /// At most so many passwords are checked at once: each takes a core and 19 MiB for a while.
    pub sign_ins: Arc<tokio::sync::Semaphore>,
    /// Held while uses are saved.
    pub saving: tokio::sync::Mutex<()>,
}

impl std::ops::Deref for Service {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Service {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Reads, off the event loop.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let service = self.clone();
        blocking(move || service.database.read(work)).await
    }

    /// Reads what authentication waits for, off the event loop.
    async fn look_up<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let service = self.clone();
        blocking(move || service.database.look_up(work)).await
    }

    /// Writes in one transaction, off the event loop, and invalidates what it changed before it returns. `work` may
    /// run again when another transaction was in its way.
    async fn write<T: Send + 'static>(
        &self,
        actor: &Actor,
        work: impl Fn(&mut Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (service, actor) = (self.clone(), actor.clone());
        blocking(move || {
            let changed = RefCell::new(Vec::new());
            let committing = Cell::new(Instant::now());
            let outcome = service.database.write(|connection| {
                let now = service.clock.now();
                let mut transaction =
                    Transaction { connection, service: &service, actor: &actor, now, changed: &changed, fenced: true };
                let done = work(&mut transaction)?;
                transaction.still_authenticated()?;
                committing.set(Instant::now());
                Ok(done)
            });
            // Also after a failure: a commit whose answer was lost may have happened.
            let changed = changed.into_inner();
            for subject in &changed {
                service.directory.forget(*subject);
            }
            if outcome.is_ok() && !changed.is_empty() {
                service.directory.counts.in_force(committing.get().elapsed());
            }
            outcome
        })
        .await
    }
}

/// A transaction in progress, on behalf of an actor.
struct Transaction<'a> {
    connection: &'a mut AnyConnection,
    service: &'a Service,
    actor: &'a Actor,
    now: i64,
    changed: &'a RefCell<Vec<Subject>>,
    fenced: bool,
}

impl Transaction<'_> {
    /// Leaves a trace of what was done.
    fn record(&mut self, action: Action, subject: Subject, name: &str) -> Result<()> {
        self.changed.borrow_mut().push(subject);
        let change = Change {
            id: Id::<Change>::new(self.now, self.service.entropy)?.uuid(),
            changed_at: self.now,
            actor_id: self.actor.id().uuid(),
            actor_name: self.actor.username().to_string(),
            action: action.name().to_owned(),
            subject,
            subject_name: name.to_owned(),
            request_id: self.actor.request_id.as_ref().to_owned(),
        };
        self.service.directory.counts.made(change.id);
        changes::append(self.connection, &change)
    }

    /// Says that this transaction itself ends the credential of its request.
    fn ends_own_credential(&mut self) {
        self.fenced = false;
    }

    /// The last statement before the commit: a request whose credential was revoked while it ran writes nothing.
    fn still_authenticated(&mut self) -> Result<()> {
        match self.actor.credential {
            Some(presented) if self.fenced && !hold_credential(self.connection, presented.key_id)? => {
                Err(Error::Unauthenticated(Refusal::Invalid))
            }
            Some(_)
                if self.fenced && principals::state(self.connection, self.actor.id())? == PrincipalState::Disabled =>
            {
                Err(Error::Unauthenticated(Refusal::Disabled))
            }
            _ => Ok(()),
        }
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
