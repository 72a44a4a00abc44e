//! Whether the database can be reached: a circuit breaker.
//!
//! Work that fails for want of a connection, or takes suspiciously long, makes somebody look. If a new connection does
//! not answer soon, the database is *away*: all who wait for it are told at once, and new work is refused before it
//! takes a thread. Then it is looked for again and again, by one at a time, until it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use super::Database;
use crate::domain::error::{Error, Result};

/// How long the database may take to answer a new connection.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// The first and the longest pause between two looks.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
/// So many looks may hang, each on a thread, before no more are begun.
const HANGING: usize = 4;

/// What is known of the database.
pub(super) struct Health {
    away: watch::Sender<bool>,
    looking: AtomicBool,
    looks: Arc<Semaphore>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            away: watch::Sender::new(false),
            looking: AtomicBool::new(false),
            looks: Arc::new(Semaphore::new(HANGING)),
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
    while let Err(error) = look_once(&database).await {
        if !health.away.send_replace(true) {
            tracing::error!(%error, "the database cannot be reached; requests that need it are refused until it can");
        }
        tokio::time::sleep(pause).await;
        pause = longest.min(pause * 2);
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

/// Looks once. A look that hangs keeps its thread, and with it one of the few places for looks.
async fn look_once(database: &Database) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let place = Arc::clone(&database.health.looks).acquire_owned().await?;
    let manager = Arc::clone(&database.manager);
    let looking = tokio::task::spawn_blocking(move || {
        let _place = place;
        manager.probe()
    });
    tokio::time::timeout(ANSWERS_WITHIN, looking).await??.map_err(Into::into)
}
