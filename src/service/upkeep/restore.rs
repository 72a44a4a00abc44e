//! Detects restored copies of the database. A copy revives what was revoked after it was made, and nothing in it shows
//! that. So a process keeps a file beside the pepper with the changes that it saw last.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use crate::clock::HOUR;
use crate::domain::actor::Actor;
use crate::domain::change::{Action, Change, ChangeSubject};
use crate::domain::error::{Error, Result};
use crate::domain::installation::{Installation, Seen};
use crate::domain::journal::{Journal, JournalEntry};
use crate::domain::token::TokenKind;
use crate::service::Service;
use crate::service::log::restored::{self, Forked};
use crate::service::upkeep::reapply::{Reapplied, reapply};
use crate::storage::credentials::{self, CredentialSummary};
use crate::storage::{changes, device_authorizations, installation, invitation_links, nodes, open_invitations};

/// How a database relates to the state that a process saw before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// The database that the process saw, at the same or a later state.
    Continued,
    /// A restored copy that was accepted since.
    Restored,
}

/// Checks that a process saw this database last, at the same or an earlier state.
///
/// # Errors
/// [`Error::Conflict`] for an older copy or another database, unless [`accept`] has been called since.
pub async fn check(service: &Service, seen: Seen) -> Result<Continuity> {
    service
        .read(move |connection| {
            // No token can exist for a database without any change.
            let Some(latest) = changes::latest(connection)? else { return Ok(Continuity::Continued) };
            if changes::is_there_since(connection, Action::RestoreAccepted.name(), seen.at)? {
                return Ok(Continuity::Restored);
            }
            let known = installation::find(connection)?;
            if known.is_none_or(|known| known.id != seen.installation) {
                return Err(Error::Conflict(format!(
                    "this database does not belong to the installation {}, or is a copy from before the installation had an id",
                    seen.installation
                )));
            }
            for change in &seen.changes {
                if !changes::exists(connection, *change)? {
                    return Err(Error::Conflict(format!(
                        "this database is an older copy: its latest change is of {}, but this node has seen changes \
                         until {} (epoch milliseconds); credentials revoked in between would work again",
                        latest.changed_at, seen.at
                    )));
                }
            }
            Ok(Continuity::Continued)
        })
        .await
}

/// Checks that a database has the changes in the journal of its installation: entries are written after the commit, so a
/// database without one of them is a state from before it. Changes are never deleted, so every entry is looked for. A
/// restore enters the entries of every journal that it was given, so it excuses none that is missing: that one was in no
/// journal that it had.
///
/// # Errors
/// [`Error::Conflict`] for an older state, and for one that was restored without this journal.
pub async fn check_journal(service: &Service, journal: &Journal) -> Result<()> {
    let known = service.read(|connection| Ok((installation::find(connection)?, changes::latest(connection)?)));
    let (known, latest) = known.await?;
    // No token can exist for a database without any change. The journal of another installation says nothing about this
    // one, and is refused when it is to be continued.
    let Some(latest) = latest.filter(|_| known.is_none_or(|known| known.id == journal.installation)) else {
        return Ok(());
    };
    // The latest first: a copy that lacks anything lacks these.
    for page in journal.entries.rchunks(LOOKED_FOR_AT_ONCE) {
        let ids: Vec<Uuid> = page.iter().map(|entry| entry.change).collect();
        let found = service.read(move |connection| changes::existing(connection, &ids)).await?;
        let lost = page.iter().filter(|entry| !found.contains(&entry.change)).max_by_key(|entry| entry.changed_at);
        let Some(JournalEntry { change, changed_at, action, .. }) = lost else { continue };
        let (accepted, at) = (Action::RestoreAccepted.name(), *changed_at);
        let is_restored = service.read(move |connection| changes::is_there_since(connection, accepted, at)).await?;
        let state = if is_restored {
            "this database was restored without the journal of this machine".to_owned()
        } else {
            format!("this database is an older copy: its latest change is of {}", latest.changed_at)
        };
        return Err(Error::Conflict(format!(
            "{state}; it lacks the change {change} ({action}) of {changed_at} (epoch milliseconds), which the journal of \
             this machine has; what was revoked would work again"
        )));
    }
    Ok(())
}

/// How many entries of a journal are looked for in one transaction.
const LOOKED_FOR_AT_ONCE: usize = 5_000;

/// The latest changes of the database, for the process to remember.
///
/// # Errors
/// When the storage fails.
pub async fn latest_seen(service: &Service, installation: &Installation) -> Result<Seen> {
    let id = installation.id;
    service.read(move |connection| Ok(Seen::of(id, &changes::last_committed(connection)?))).await
}

/// The changes that a journal lacks: those that were made while its machine did not follow, and those that a restore has
/// entered since, which have the time stamps of the lost changes. Time stamps may differ from the order of commits by an
/// hour.
///
/// # Errors
/// When the storage fails.
pub async fn not_in(service: &Service, journal: &Journal) -> Result<Vec<Change>> {
    let begins_at = journal.begins_at;
    let last = journal.entries.last().map_or(begins_at, |entry| entry.changed_at);
    let from = last.min(service.clock.now()).saturating_sub(LONGEST_TRANSACTION);
    let known: HashSet<Uuid> = journal.entries.iter().map(|entry| entry.change).collect();
    let harmless = Action::ALL.into_iter().filter(|action| action.revocation().is_none()).map(Action::name);
    let harmless: Vec<_> = harmless.collect();
    let operator = Actor::operator(begins_at).id().uuid();
    let mut made = service
        .read(move |connection| {
            let mut made = changes::made_since(connection, from, None, &harmless)?;
            if changes::is_there_since(connection, Action::RestoreAccepted.name(), from)? {
                made.extend(changes::made_since(connection, begins_at, Some(operator), &harmless)?);
            }
            Ok(made)
        })
        .await?;
    made.retain(|change| !known.contains(&change.id));
    made.sort_by_key(|change| (change.changed_at, change.id));
    made.dedup_by_key(|change| change.id);
    Ok(made)
}

/// How much the time stamps of changes may differ from the order of their commits, in milliseconds.
const LONGEST_TRANSACTION: i64 = HOUR;

/// The result of [`accept`].
pub struct Accepted {
    /// How many sessions were ended.
    pub sessions: usize,
    /// The outcomes of repeating the revocations in the journal that the copy lacked.
    pub reapplied: Reapplied,
    /// When the latest change in the copy was made, in epoch milliseconds.
    pub copy_ends_at: i64,
    /// The credentials that are left in the copy.
    pub credentials: Vec<CredentialSummary>,
    /// The logs before and after the restore; `None` if the copy has no log.
    pub log: Option<Forked>,
}

/// Accepts a restored copy as the database: makes the revocations of these journals again that the copy lacks, ends every
/// session, and voids every invitation and device authorization. The log goes on under another origin. No node should
/// run; one that does is waited for, like after every revocation.
///
/// # Errors
/// When the storage fails.
pub async fn accept(service: &Service, seen: Option<Seen>, journals: Arc<[Vec<JournalEntry>]>) -> Result<Accepted> {
    // The acceptance must be later than anything seen, even if the clock says otherwise.
    service.clock.begin_at(seen.map_or(0, |seen| seen.at + 1));
    let operator = Actor::operator(service.clock.now());
    service
        .write(&operator, move |transaction| {
            let accepted = Action::RestoreAccepted.name();
            let copy_ends_at = changes::latest_but(transaction.connection, accepted)?.unwrap_or(0);
            let reapplied = reapply(transaction, &journals)?;
            let sessions = credentials::delete_all_of(transaction.connection, TokenKind::Session)?;
            // An invitation may have been accepted or revoked after the copy was made.
            open_invitations::delete_all(transaction.connection, None)?;
            invitation_links::begin_anew(transaction.connection, transaction.now)?;
            device_authorizations::delete_all(transaction.connection)?;
            nodes::forget_acknowledged(transaction.connection)?;
            let credentials = credentials::holdings(transaction.connection)?;
            let id = installation::find(transaction.connection)?.map(|known| known.id).unwrap_or_default();
            let log = restored::fork(transaction.connection, transaction.service, transaction.now)?;
            // A persona as the subject invalidates everything in memory.
            transaction.record(Action::RestoreAccepted, ChangeSubject::Persona(id), "installation")?;
            Ok(Accepted { sessions, reapplied, copy_ends_at, credentials, log })
        })
        .await
}
