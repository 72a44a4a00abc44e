//! Whether the database can be reached: a circuit breaker.
//!
//! Work that fails without a connection, or takes suspiciously long, starts a probe. The breaker opens (the database is
//! *away*) if a new connection fails, or if two probes in a row get no answer within 600 ms and no other work is
//! answered meanwhile. While it is open, all waiting work fails at once and new work is refused before it takes a
//! thread. One task probes again and again until the database answers. An SQLite file is not away because it is slow,
//! only when it cannot be opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use diesel::ConnectionError;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot, watch};

use super::Database;
use crate::domain::error::{Error, Result};

/// How long the database may take to answer a new connection.
const PROBE_TIMEOUT: Duration = Duration::from_millis(600);
/// After how many unanswered probes in a row the database counts as away.
const UNANSWERED_PROBES: u32 = 2;
/// The first and the longest pause between two probes.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
/// How many probes may hang, each on a thread, before no more are started.
const MAX_HANGING_PROBES: usize = 4;

/// The state of the circuit breaker.
pub(super) struct Health {
    away: watch::Sender<bool>,
    probing: AtomicBool,
    probe_permits: Arc<Semaphore>,
    /// How many pieces of work and probes the database has answered.
    answers: AtomicU64,
}

impl Health {
    /// Records that the database has answered.
    pub(super) fn answered(&self) {
        self.answers.fetch_add(1, Ordering::SeqCst);
    }
}

impl Default for Health {
    fn default() -> Self {
        Self {
            away: watch::Sender::new(false),
            probing: AtomicBool::new(false),
            probe_permits: Arc::new(Semaphore::new(MAX_HANGING_PROBES)),
            answers: AtomicU64::new(0),
        }
    }
}

impl Database {
    /// Fails fast while the circuit breaker is open.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the database is away.
    pub fn check(&self) -> Result<()> {
        if *self.health.away.borrow() { Err(away()) } else { Ok(()) }
    }

    /// Waits until the circuit breaker opens, and returns the error for waiting requests.
    pub async fn wait_until_away(&self) -> Error {
        // The sender lives as long as the database.
        let _ = self.health.away.subscribe().wait_for(|is_away| *is_away).await;
        away()
    }

    /// Starts the probe task unless it runs already. Outside a Tokio runtime it does nothing.
    pub fn start_probing(&self) {
        if let Ok(runtime) = Handle::try_current()
            && !self.health.probing.swap(true, Ordering::SeqCst)
        {
            runtime.spawn(probe_until_answered(self.clone()));
        }
    }
}

fn away() -> Error {
    Error::Unavailable("the last probe could not reach the database".into())
}

/// Probes until the database answers.
async fn probe_until_answered(database: Database) {
    let _running = ProbeRunning(Arc::clone(&database.health));
    let health = &database.health;
    let [mut pause, longest] = PAUSES;
    let mut unanswered = 0;
    loop {
        let answers = health.answers.load(Ordering::SeqCst);
        match probe_once(&database).await {
            Ok(()) => break,
            // Other work was answered meanwhile: the database is there, and busy.
            Err(_) if health.answers.load(Ordering::SeqCst) != answers => break,
            Err(ProbeError::Silent) if unanswered + 1 < UNANSWERED_PROBES => unanswered += 1,
            Err(error) => {
                if !health.away.send_replace(true) {
                    tracing::error!(%error, "the database cannot be reached; requests that need it are refused until it can");
                }
                tokio::time::sleep(pause).await;
                pause = longest.min(pause * 2);
            }
        }
    }
    if *health.away.borrow() {
        database.replace_lost_connections();
        health.away.send_replace(false);
        tracing::info!("the database can be reached again");
    }
}

/// Marks the probe task as running; dropped, it lets the next suspicion start a new one, even if the runtime ended the
/// task early.
struct ProbeRunning(Arc<Health>);

impl Drop for ProbeRunning {
    fn drop(&mut self) {
        self.0.probing.store(false, Ordering::SeqCst);
    }
}

/// Why a probe failed.
#[derive(Debug, thiserror::Error)]
enum ProbeError {
    #[error("it does not answer")]
    Silent,
    #[error("{0}")]
    Failed(#[from] ConnectionError),
}

/// Probes once, on a thread of its own, because all threads for database work may be busy. A probe that hangs keeps its
/// thread and one of the `MAX_HANGING_PROBES` permits. An SQLite file that can be opened is there, however long that takes.
async fn probe_once(database: &Database) -> Result<(), ProbeError> {
    let Ok(permit) = Arc::clone(&database.health.probe_permits).acquire_owned().await else {
        return Err(ProbeError::Silent);
    };
    let (manager, health) = (Arc::clone(&database.manager), Arc::clone(&database.health));
    let (sender, receiver) = oneshot::channel();
    let probe = thread::Builder::new().name("probe".to_owned()).spawn(move || {
        let _permit = permit;
        let found = manager.probe();
        if found.is_ok() {
            health.answered();
        }
        drop(sender.send(found));
    });
    if let Err(error) = probe {
        tracing::warn!(%error, "cannot start a thread to probe the database");
        tokio::time::sleep(PROBE_TIMEOUT).await;
        return Err(ProbeError::Silent);
    }
    if database.manager.is_file() {
        return Ok(receiver.await.map_err(|_| ProbeError::Silent)??);
    }
    let answer = tokio::time::timeout(PROBE_TIMEOUT, receiver).await;
    Ok(answer.map_err(|_| ProbeError::Silent)?.map_err(|_| ProbeError::Silent)??)
}
