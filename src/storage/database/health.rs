//! Whether the database can be reached: a circuit breaker.
//!
//! Work that fails for want of a connection, or takes suspiciously long, makes somebody look. If a new connection fails,
//! or twice in a row is not answered soon and nobody else is answered meanwhile, the database is *away*: all who wait for
//! it are told at once, and new work is refused before it takes a thread. Then it is looked for again and again, by one at
//! a time, until it answers. A file does not go away by being slow: only one that cannot be opened is away.

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
const ANSWERS_WITHIN: Duration = Duration::from_millis(600);
/// So many looks in a row that are not answered mean that it is away.
const SILENT: u32 = 2;
/// The first and the longest pause between two looks.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
/// So many looks may hang, each on a thread, before no more are begun.
const HANGING: usize = 4;

/// What is known of the database.
pub(super) struct Health {
    away: watch::Sender<bool>,
    looking: AtomicBool,
    looks: Arc<Semaphore>,
    /// How many pieces of work and looks the database has answered.
    answers: AtomicU64,
}

impl Health {
    /// Says that the database has answered.
    pub(super) fn answered(&self) {
        self.answers.fetch_add(1, Ordering::SeqCst);
    }
}

impl Default for Health {
    fn default() -> Self {
        Self {
            away: watch::Sender::new(false),
            looking: AtomicBool::new(false),
            looks: Arc::new(Semaphore::new(HANGING)),
            answers: AtomicU64::new(0),
        }
    }
}

impl Database {
    /// Whether work can be begun.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the database is away.
    pub fn check(&self) -> Result<()> {
        if *self.health.away.borrow() { Err(away()) } else { Ok(()) }
    }

    /// Waits until the database is away.
    pub async fn goes_away(&self) -> Error {
        // The sender lives as long as the database.
        let _ = self.health.away.subscribe().wait_for(|is_away| *is_away).await;
        away()
    }

    /// Has somebody look whether the database is there, unless somebody does already. Outside a runtime nobody does.
    pub fn suspect(&self) {
        if let Ok(runtime) = Handle::try_current()
            && !self.health.looking.swap(true, Ordering::SeqCst)
        {
            runtime.spawn(look(self.clone()));
        }
    }
}

fn away() -> Error {
    Error::Unavailable("the database is away, as the last look at it found".into())
}

/// Looks until the database is there.
async fn look(database: Database) {
    let _looking = Looking(Arc::clone(&database.health));
    let health = &database.health;
    let [mut pause, longest] = PAUSES;
    let mut silent = 0;
    loop {
        let answers = health.answers.load(Ordering::SeqCst);
        match look_once(&database).await {
            Ok(()) => break,
            // Somebody was answered meanwhile: it is there, and busy.
            Err(_) if health.answers.load(Ordering::SeqCst) != answers => break,
            Err(NotFound::Silent) if silent + 1 < SILENT => silent += 1,
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

/// Somebody looks. A runtime may end before they have found anything; then the next who suspects looks again.
struct Looking(Arc<Health>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.looking.store(false, Ordering::SeqCst);
    }
}

/// Why a look did not find the database.
#[derive(Debug, thiserror::Error)]
enum NotFound {
    #[error("it does not answer")]
    Silent,
    #[error("{0}")]
    Failed(#[from] ConnectionError),
}

/// Looks once, on a thread of its own: those for work on the database may all be at work. A look that hangs keeps its
/// thread, and with it one of the few places for looks. A file that can be opened is there, however long that takes.
async fn look_once(database: &Database) -> Result<(), NotFound> {
    let Ok(place) = Arc::clone(&database.health.looks).acquire_owned().await else { return Err(NotFound::Silent) };
    let (manager, health) = (Arc::clone(&database.manager), Arc::clone(&database.health));
    let (tell, told) = oneshot::channel();
    let looking = thread::Builder::new().name("look".to_owned()).spawn(move || {
        let _place = place;
        let found = manager.probe();
        if found.is_ok() {
            health.answered();
        }
        drop(tell.send(found));
    });
    if let Err(error) = looking {
        tracing::warn!(%error, "no thread to look for the database");
        tokio::time::sleep(ANSWERS_WITHIN).await;
        return Err(NotFound::Silent);
    }
    if database.manager.is_file() {
        return Ok(told.await.map_err(|_| NotFound::Silent)??);
    }
    let told = tokio::time::timeout(ANSWERS_WITHIN, told).await;
    Ok(told.map_err(|_| NotFound::Silent)?.map_err(|_| NotFound::Silent)??)
}
