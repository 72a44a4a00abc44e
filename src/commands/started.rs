//! How every command that works with the database begins and ends.

use super::{Outcome, Setup, database_url, explain, unchecked_service};
use crate::config::Settings;
use crate::domain::installation::{Installation, Seen};
use crate::seen_file::SeenFile;
use crate::service::Service;
use crate::service::upkeep::follow::Follower;
use crate::service::upkeep::{restore, time};
use crate::storage::credentials::Holding;

/// A process of an installation: it knows what time it is, and follows the changes.
pub(super) struct Started {
    pub(super) service: Service,
    installation: Installation,
    follower: Follower,
    pub(super) seen: SeenFile,
}

/// Begins to work on an up-to-date database that is no older copy of itself.
pub(super) async fn start(settings: &Settings, setup: Setup) -> Result<Started, String> {
    let service = unchecked_service(settings, setup).await?;
    let mut seen = SeenFile::of(settings, &database_url(settings)?);
    if let Some(known) = seen.read()? {
        let checked = restore::check(&service, known).await;
        checked.map_err(|error| format!("{}; {}", explain(error), seen.advice()))?;
    }
    let installation = time::begin(&service).await.map_err(explain)?;
    // Whatever is changed from here on, this process hears of.
    let follower = Follower::start(&service).await.map_err(explain)?;
    seen.keep(&restore::look(&service, &installation).await.map_err(explain)?);
    Ok(Started { service, installation, follower, seen })
}

impl Started {
    /// Looks at what was changed, and keeps it in mind.
    pub(super) async fn look(&mut self) -> Outcome {
        let changes = self.follower.step(&self.service).await.map_err(explain)?;
        if !changes.is_empty() {
            self.seen.keep(&Seen::of(self.installation.id, &changes));
        }
        Ok(())
    }

    /// Keeps what there is to keep, at the end.
    pub(super) async fn finish(mut self) -> Outcome {
        time::see(&self.service).await.map_err(explain)?;
        self.look().await
    }
}

/// Takes a restored copy as the database, and prints what nobody knows of it.
pub(super) async fn accept_restored(settings: &Settings) -> Outcome {
    let service = unchecked_service(settings, Setup::Expected).await?;
    let mut seen = SeenFile::of(settings, &database_url(settings)?);
    // A damaged file is no reason to refuse what the operator wants.
    let known = seen.read().unwrap_or_else(|error| {
        tracing::warn!(error, "nothing is known of what was seen");
        None
    });
    let installation = time::begin(&service).await.map_err(explain)?;
    let accepted = restore::accept(&service, known).await.map_err(explain)?;
    time::see(&service).await.map_err(explain)?;
    seen.keep(&restore::look(&service, &installation).await.map_err(explain)?);
    println!("{} sessions have been ended.", accepted.sessions);
    println!("It is unknown whether these {} credentials were revoked since:\n", accepted.unknown.len());
    println!("kind\tid of the principal\tits name\tcreated at");
    for Holding { kind, principal, username, display_name, created_at } in accepted.unknown {
        println!("{kind}\t{principal}\t{:?}\t{created_at}", display_name.unwrap_or(username));
    }
    Ok(())
}
