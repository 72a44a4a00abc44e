//! The common start and end of commands that work with the database.

use std::sync::Arc;

use super::{CommandResult, Setup, database_url, explain, unchecked_service};
use crate::checkpoint_file::CheckpointFile;
use crate::config::Settings;
use crate::domain::change::Change;
use crate::domain::installation::{Installation, Seen};
use crate::domain::journal::Journal;
use crate::journal_file::{JournalFile, SharedJournal};
use crate::seen_file::SeenFile;
use crate::service::Service;
use crate::service::log::restored;
use crate::service::upkeep::follow::Follower;
use crate::service::upkeep::restore::{self, Continuity};
use crate::service::upkeep::time;

/// A process of an installation, with its clock started and the changes of others followed.
pub(super) struct Started {
    pub(super) service: Service,
    installation: Installation,
    follower: Follower,
    pub(super) seen: SeenFile,
    journal: Arc<SharedJournal>,
}

/// Starts work on a migrated database, after checking that it is not an older copy.
pub(super) async fn start(settings: &Settings, setup: Setup) -> Result<Started, String> {
    let service = unchecked_service(settings, setup).await?;
    let mut seen = SeenFile::of(settings, &database_url(settings)?);
    if let Some(known) = seen.read()? {
        let checked = restore::check(&service, known).await;
        match checked.map_err(|error| format!("{}; {}", explain(error), seen.advice()))? {
            Continuity::Continued => {}
            Continuity::Restored => forget_ended_log(&service, &mut seen.checkpoint()).await?,
        }
    }
    // What was seen is written some time after a change, or lost: the journal is written before a revocation is answered.
    // Read once, because it is long: what another process appends from now on is appended once more.
    let known = seen.read_journal()?;
    if let Some(known) = &known {
        let checked = restore::check_journal(&service, known).await;
        checked.map_err(|error| format!("{}; {}", explain(error), seen.advice()))?;
    }
    let installation = time::begin(&service).await.map_err(explain)?;
    service.forget_killed_nodes().await.map_err(explain)?;
    // From here on, this process sees every change.
    let follower = Follower::start(&service).await.map_err(explain)?;
    let mut journal = seen.journal(&installation);
    let known = known.map(|known| journal.own(known)).transpose()?;
    catch_up(&service, &mut journal, known).await?;
    seen.keep(&restore::latest_seen(&service, &installation).await.map_err(explain)?);
    let journal = Arc::new(SharedJournal::new(journal));
    let own = Arc::clone(&journal);
    service.taken.keep_with(move |changes| own.append(changes));
    Ok(Started { service, installation, follower, seen, journal })
}

/// Forgets the checkpoint that this machine kept of a log that a restore elsewhere has ended. A log with the same
/// origin was not ended by a restore, even if the database says so.
async fn forget_ended_log(service: &Service, checkpoint: &mut CheckpointFile) -> CommandResult {
    if let Some(kept) = checkpoint.read()?
        && restored::has_ended(service, &kept).await.map_err(explain)?
    {
        checkpoint.forget();
    }
    Ok(())
}

/// Adds to the journal the revocations that were made while this machine did not follow, and those that a restore has made
/// again; `known` is what the journal has. Begins a journal if there is none.
pub(super) async fn catch_up(service: &Service, journal: &mut JournalFile, known: Option<Journal>) -> CommandResult {
    match known {
        Some(known) => journal.append(&restore::not_in(service, &known).await.map_err(explain)?),
        None => journal.begin(service.clock.now()),
    }
    Ok(())
}

impl Started {
    /// Becomes a node, which others wait for until [`Service::leave`].
    pub(super) async fn join(&mut self, name: &str) -> CommandResult {
        self.follower.join(&self.service, name).await.map_err(explain)?;
        self.follow().await
    }

    /// Reads new changes, and saves them as seen.
    pub(super) async fn follow(&mut self) -> CommandResult {
        let (journal, seen, installation) = (&self.journal, &mut self.seen, self.installation.id);
        let keep = |changes: &[Change]| {
            if !changes.is_empty() {
                journal.append(changes);
                seen.keep(&Seen::of(installation, changes));
            }
        };
        self.follower.step_keeping(&self.service, keep).await.map(drop).map_err(explain)
    }

    /// Saves the time and the changes seen, at the end of a command.
    pub(super) async fn finish(mut self) -> CommandResult {
        self.service.finish_dismissals().await;
        time::synchronise(&self.service).await.map_err(explain)?;
        self.follow().await
    }
}
