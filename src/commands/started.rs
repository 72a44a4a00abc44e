//! The common start and end of commands that work with the database.

use super::{CommandResult, Setup, database_url, explain, unchecked_service};
use crate::config::Settings;
use crate::domain::change::Change;
use crate::domain::installation::{Installation, Seen};
use crate::seen_file::SeenFile;
use crate::service::Service;
use crate::service::upkeep::follow::Follower;
use crate::service::upkeep::{restore, time};
use crate::storage::credentials::CredentialSummary;

/// A process of an installation, with its clock started and the changes of others followed.
pub(super) struct Started {
    pub(super) service: Service,
    installation: Installation,
    follower: Follower,
    pub(super) seen: SeenFile,
}

/// Starts work on a migrated database, after checking that it is not an older copy.
pub(super) async fn start(settings: &Settings, setup: Setup) -> Result<Started, String> {
    let service = unchecked_service(settings, setup).await?;
    let mut seen = SeenFile::of(settings, &database_url(settings)?);
    if let Some(known) = seen.read()? {
        let checked = restore::check(&service, known).await;
        checked.map_err(|error| format!("{}; {}", explain(error), seen.advice()))?;
    }
    let installation = time::begin(&service).await.map_err(explain)?;
    // From here on, this process sees every change.
    let follower = Follower::start(&service).await.map_err(explain)?;
    seen.keep(&restore::latest_seen(&service, &installation).await.map_err(explain)?);
    Ok(Started { service, installation, follower, seen })
}

impl Started {
    /// Becomes a node, which others wait for until [`Service::leave`].
    pub(super) async fn join(&mut self, name: &str) -> CommandResult {
        let changes = self.follower.join(&self.service, name).await.map_err(explain)?;
        self.keep(&changes);
        Ok(())
    }

    /// Reads new changes, and saves them as seen.
    pub(super) async fn follow(&mut self) -> CommandResult {
        let changes = self.follower.step(&self.service).await.map_err(explain)?;
        self.keep(&changes);
        Ok(())
    }

    fn keep(&mut self, changes: &[Change]) {
        if !changes.is_empty() {
            self.seen.keep(&Seen::of(self.installation.id, changes));
        }
    }

    /// Saves the time and the changes seen, at the end of a command.
    pub(super) async fn finish(mut self) -> CommandResult {
        time::synchronise(&self.service).await.map_err(explain)?;
        self.follow().await
    }
}

/// Accepts a restored copy as the database, and prints the credentials that may have been revoked since.
pub(super) async fn accept_restored(settings: &Settings) -> CommandResult {
    let service = unchecked_service(settings, Setup::Expected).await?;
    let mut seen = SeenFile::of(settings, &database_url(settings)?);
    // A damaged file must not stop what the operator asked for.
    let known = seen.read().unwrap_or_else(|error| {
        tracing::warn!(error, "nothing is known of what was seen");
        None
    });
    let installation = time::begin(&service).await.map_err(explain)?;
    let accepted = restore::accept(&service, known).await.map_err(explain)?;
    time::synchronise(&service).await.map_err(explain)?;
    seen.keep(&restore::latest_seen(&service, &installation).await.map_err(explain)?);
    println!("{} sessions have been ended.", accepted.sessions);
    println!("It is unknown whether these {} credentials were revoked since:\n", accepted.unknown.len());
    println!("kind\tid of the principal\tits name\tcreated at");
    for CredentialSummary { kind, principal, username, display_name, created_at } in accepted.unknown {
        println!("{kind}\t{principal}\t{:?}\t{created_at}", display_name.unwrap_or(username));
    }
    Ok(())
}
