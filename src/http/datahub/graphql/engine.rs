//! A thread pool of its own for parsing, checking and executing documents, so that they never block a thread that
//! verifies tokens.
//!
//! Admission control: the cost of a document (`limits.rs`) and the documents per actor are bounded, so that no actor
//! can starve the others. When the client disconnects, its request is cancelled at the next `await`.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tracing::Instrument;

use super::{Schema, schema};
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::http::problem::Failure;

/// The most documents that run at once.
const RUNNING: usize = 16;
/// The most documents of one actor that run or stand in the FIFO queue for the threads: a new request waits for at most
/// this many of each other actor.
const OWN: usize = 2;
/// The most documents of one actor that run or wait in any queue; further requests are refused.
const ACCEPTED: usize = 32;
/// The most blocking threads, on which documents wait for the database.
const WAITING_THREADS: usize = 32;

/// The GraphQL engine and its thread pool.
pub struct Engine {
    schema: Schema,
    /// `None` only while the engine is dropped.
    runtime: Option<Runtime>,
    running: Arc<Semaphore>,
    actors: Arc<Mutex<Actors>>,
}

/// The actors with documents in progress: a semaphore of [`OWN`] permits, and the number of documents.
type Actors = HashMap<PrincipalId, (Arc<Semaphore>, usize)>;

impl Engine {
    /// Starts the threads: half as many as there are cores.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn start() -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let runtime = Builder::new_multi_thread()
            .worker_threads((cores / 2).max(1))
            .max_blocking_threads(WAITING_THREADS)
            .thread_name("graphql")
            .enable_time()
            .build()?;
        Ok(Self {
            schema: schema(),
            runtime: Some(runtime),
            running: Arc::new(Semaphore::new(RUNNING)),
            actors: Arc::default(),
        })
    }

    /// The executable schema.
    #[must_use]
    pub fn schema(&self) -> Schema {
        self.schema.clone()
    }

    /// Runs an actor's work on the thread pool, once the actor and the pool have a free permit.
    ///
    /// # Errors
    /// [`Error::Busy`] when the actor has too many documents in progress, and `Failure::Panic`.
    pub async fn run<T: Send + 'static>(
        &self,
        actor: PrincipalId,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        let place = ActorSlot::take(&self.actors, actor)?;
        let closed = |_| Error::Internal("the engine has stopped".into());
        let _own = place.turns.acquire().await.map_err(closed)?;
        let _any = self.running.acquire().await.map_err(closed)?;
        let runtime = self.runtime.as_ref().ok_or_else(|| Error::Internal("the engine has stopped".into()))?;
        let mut task = Task(runtime.spawn(work.instrument(tracing::Span::current())));
        (&mut task.0).await.map_err(|error| if error.is_panic() { Failure::Panic } else { Failure::Timeout })
    }
}

impl Drop for Engine {
    /// Shuts down in the background: dropping a runtime blocks until its threads end, and the last owner may be an
    /// async thread.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A task that is aborted when its handle is dropped.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One of the [`ACCEPTED`] places of an actor, freed on drop.
struct ActorSlot {
    actors: Arc<Mutex<Actors>>,
    actor: PrincipalId,
    turns: Arc<Semaphore>,
}

impl ActorSlot {
    fn take(actors: &Arc<Mutex<Actors>>, actor: PrincipalId) -> Result<Self> {
        let mut all = lock(actors);
        let (turns, taken) = all.entry(actor).or_insert_with(|| (Arc::new(Semaphore::new(OWN)), 0));
        if *taken >= ACCEPTED {
            return Err(Error::Busy);
        }
        *taken += 1;
        Ok(Self { actors: Arc::clone(actors), actor, turns: Arc::clone(turns) })
    }
}

impl Drop for ActorSlot {
    fn drop(&mut self) {
        let mut all = lock(&self.actors);
        if let Some((_, taken)) = all.get_mut(&self.actor) {
            *taken -= 1;
            if *taken == 0 {
                all.remove(&self.actor);
            }
        }
    }
}

fn lock(actors: &Mutex<Actors>) -> MutexGuard<'_, Actors> {
    actors.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::*;

    fn actor(number: u128) -> PrincipalId {
        Uuid::from_u128(number).into()
    }

    #[tokio::test]
    async fn work_of_one_actor_leaves_turns_to_others() {
        let engine = Arc::new(Engine::start().unwrap());
        let mut held = Vec::new();
        for _ in 0..ACCEPTED {
            let (release, released) = oneshot::channel::<()>();
            let engine = Arc::clone(&engine);
            held.push((release, tokio::spawn(async move { engine.run(actor(1), released).await })));
        }
        while lock(&engine.actors).get(&actor(1)).is_none_or(|(_, taken)| *taken < ACCEPTED) {
            tokio::task::yield_now().await;
        }
        assert_eq!(engine.running.available_permits(), RUNNING - OWN);
        assert!(matches!(engine.run(actor(1), async {}).await, Err(Failure::Domain(Error::Busy))));
        assert_eq!(engine.run(actor(2), async { 7 }).await.unwrap(), 7);
        for (release, _) in held.drain(..) {
            release.send(()).unwrap();
        }
        while engine.run(actor(1), async {}).await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        while !lock(&engine.actors).is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(engine.running.available_permits(), RUNNING);
    }

    #[tokio::test]
    async fn work_that_is_given_up_ends() {
        let engine = Engine::start().unwrap();
        let (noticed, mut ended) = oneshot::channel::<()>();
        let work = async move {
            let _noticed = noticed;
            std::future::pending::<()>().await;
        };
        assert!(tokio::time::timeout(Duration::from_millis(20), engine.run(actor(1), work)).await.is_err());
        assert!((&mut ended).await.is_err(), "the work was dropped");
        assert!(lock(&engine.actors).is_empty());
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_of_its_request_alone() {
        let engine = Engine::start().unwrap();
        let failed = engine.run(actor(1), async { assert!(lock(&Arc::default()).len() > 1, "this is wanted") }).await;
        assert!(matches!(failed, Err(Failure::Panic)));
        assert_eq!(engine.run(actor(1), async { 7 }).await.unwrap(), 7);
    }
}
