//! Makes revocations again that a restored copy of the database has undone.
//!
//! A change tells what it was about, not all that it did. Where that is not enough to repeat it, more is taken away than
//! the change took, if an administrator can give it back; otherwise the change is only reported.

use std::collections::BTreeSet;

use crate::domain::change::{Action, ChangeSubject};
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::journal::{JournalEntry, Revocation};
use crate::domain::oauth_client::OauthClient;
use crate::domain::principal::{PrincipalKind, PrincipalState};
use crate::domain::token::TokenKind;
use crate::service::authn::passwords::UNUSABLE_HASH;
use crate::service::transaction::Transaction;
use crate::storage::principals::Existed;
use crate::storage::{changes, credentials, oauth_clients, principals, removals, users};

/// What was done about a revocation that the copy lacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Done {
    /// The principal was deleted again.
    Deleted,
    /// Its tokens were ended: all of them, or all of that kind.
    TokensEnded,
    /// The OAuth settings of the API key were emptied.
    SettingsEmptied,
    /// The user was disabled.
    Disabled,
    /// The user's password was made unusable.
    PasswordEnded,
    /// Nothing: an operator has to look.
    Unknown,
}

/// What was done, about whom.
pub type Reapplied = BTreeSet<(Done, String, String)>;

/// Repeats the revocations of journals that are not in the database. Returns what was done, with the name and the id of its
/// subject.
///
/// # Errors
/// When the storage fails.
pub(super) fn reapply(transaction: &mut Transaction<'_>, journals: &[Vec<JournalEntry>]) -> Result<Reapplied> {
    let mut reapplied = Reapplied::new();
    for entries in journals {
        for entry in unsettled(transaction, entries)? {
            if !changes::exists(transaction.connection, entry.change)?
                && let Some(done) = repeat(transaction, entry)?
            {
                reapplied.insert((done, entry.subject_name.clone(), entry.subject.id().to_string()));
            }
        }
    }
    Ok(reapplied)
}

/// The entries after the last restore that this database has accepted.
fn unsettled<'a>(transaction: &mut Transaction<'_>, entries: &'a [JournalEntry]) -> Result<&'a [JournalEntry]> {
    for (index, entry) in entries.iter().enumerate().rev() {
        if entry.action == Action::RestoreAccepted && changes::exists(transaction.connection, entry.change)? {
            return Ok(&entries[index + 1..]);
        }
    }
    Ok(entries)
}

/// Repeats one revocation; `None` if the copy has nothing that it could have taken away.
fn repeat(transaction: &mut Transaction<'_>, entry: &JournalEntry) -> Result<Option<Done>> {
    let Some(revocation) = entry.action.revocation() else { return Ok(None) };
    let ChangeSubject::Principal(id) = entry.subject else { return Ok(Some(Done::Unknown)) };
    let id = PrincipalId::from(id);
    if !principals::exists(transaction.connection, id)? {
        return Ok(None);
    }
    let connection = &mut *transaction.connection;
    let done = match revocation {
        Revocation::Principal => {
            for kind in [PrincipalKind::ServiceAccount, PrincipalKind::User] {
                removals::principal(connection, id, kind)?;
            }
            Done::Deleted
        }
        Revocation::Credential => {
            for kind in TokenKind::ALL {
                credentials::delete_all(connection, id, kind)?;
            }
            Done::TokensEnded
        }
        Revocation::ApiKeyToken => {
            credentials::delete_all(connection, id, TokenKind::ApiKey)?;
            Done::TokensEnded
        }
        Revocation::AccessToken => {
            credentials::delete_all(connection, id, TokenKind::Personal)?;
            Done::TokensEnded
        }
        Revocation::OauthSettings => {
            oauth_clients::replace(connection, id, &OauthClient::default(), transaction.now)?;
            Done::SettingsEmptied
        }
        Revocation::User if principals::has_other_administrator(connection, id)? => {
            principals::set_state(connection, id, PrincipalState::Disabled)?;
            Done::Disabled
        }
        Revocation::Password if principals::has_other_administrator(connection, id)? => {
            match users::set_password(connection, id, UNUSABLE_HASH)? {
                Existed::Yes => Done::PasswordEnded,
                Existed::No => return Ok(None),
            }
        }
        // The last administrator stays, and can be told by the operator alone.
        Revocation::User | Revocation::Password | Revocation::Other => Done::Unknown,
    };
    Ok(Some(done))
}
