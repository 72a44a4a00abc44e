//! Makes revocations again that a restored copy of the database has undone.
//!
//! A change names its subject, not all that it did. Where that is not enough to repeat it, more is taken away than the
//! change took, if an administrator can give it back; otherwise the change is only reported.

use std::collections::BTreeSet;

use crate::domain::api_key::NEVER;
use crate::domain::change::{Change, ChangeSubject};
use crate::domain::child::LONGEST_LIFE;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::journal::{JournalEntry, Revocation};
use crate::domain::oauth_client::{ClientSecret, OauthClient};
use crate::domain::principal::{PrincipalKind, PrincipalState, Role};
use crate::domain::state::States;
use crate::domain::token::TokenKind;
use crate::domain::user::User;
use crate::service::authn::passwords::UNUSABLE_HASH;
use crate::service::transaction::Transaction;
use crate::storage::database::AnyConnection;
use crate::storage::principals::Existed;
use crate::storage::{
    changes, credentials, oauth_clients, personas, policies, principals, removals, revoked_children, signing_keys,
    users,
};

/// The outcome of repeating a revocation that the copy lacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Done {
    /// The subject was deleted again.
    Deleted,
    /// The tokens of the principal were ended: all of them, or all of that kind.
    TokensEnded,
    /// The OAuth settings of the API key were emptied.
    SettingsEmptied,
    /// The user was disabled, and the user's access tokens were ended.
    Disabled,
    /// The user's password was made unusable, and the user's access tokens were ended.
    PasswordEnded,
    /// The child was revoked again.
    ChildRevoked,
    /// Nothing was done: an operator has to check the subject.
    Unknown,
}

/// The outcomes, each with the name and the id of its subject.
pub type Reapplied = BTreeSet<(Done, String, String)>;

/// Repeats the revocations of journals that are not in the database, and enters their changes, so that none is repeated
/// later.
///
/// # Errors
/// When the storage fails.
pub(super) fn reapply(transaction: &mut Transaction<'_>, journals: &[Vec<JournalEntry>]) -> Result<Reapplied> {
    let mut reapplied = Reapplied::new();
    for entry in journals.iter().flatten() {
        if changes::exists(transaction.connection, entry.change)? {
            continue;
        }
        if let Some(done) = repeat(transaction, entry)? {
            reapplied.insert((done, entry.subject_name.clone(), entry.subject.id().to_string()));
        }
        changes::append(transaction.connection, &lost(transaction, entry), &States::default())?;
    }
    Ok(reapplied)
}

/// The change of an entry, as far as it is known.
fn lost(transaction: &Transaction<'_>, entry: &JournalEntry) -> Change {
    Change {
        id: entry.change,
        changed_at: entry.changed_at,
        actor_id: transaction.actor.id().uuid(),
        actor_name: transaction.actor.username().to_string(),
        acted_by: String::new(),
        action: entry.action.clone(),
        subject_kind: entry.subject.kind().to_owned(),
        subject_id: entry.subject.id(),
        subject_name: entry.subject_name.clone(),
        request_id: String::new(),
        authenticated_by: String::new(),
        address: String::new(),
    }
}

/// Repeats one revocation; `None` if the copy has nothing that it could have taken away.
fn repeat(transaction: &mut Transaction<'_>, entry: &JournalEntry) -> Result<Option<Done>> {
    let connection = &mut *transaction.connection;
    let deleted = |existed| (existed == Existed::Yes).then_some(Done::Deleted);
    Ok(match (entry.revocation(), entry.subject) {
        (Revocation::Persona, ChangeSubject::Persona(id)) => deleted(personas::delete(connection, id.into())?),
        (Revocation::Policy, ChangeSubject::Policy(id)) => {
            policies::raise_revision(connection)?;
            deleted(policies::delete(connection, id.into())?)
        }
        // Ids of keys are not used again: a key that is in the copy was removed since.
        (Revocation::SigningKey, _) => deleted(signing_keys::delete(connection, &entry.subject_name)?),
        (Revocation::Child, _) => match entry.subject_name.parse() {
            Ok(child) => {
                revoked_children::insert(connection, child, transaction.now + LONGEST_LIFE)?;
                Some(Done::ChildRevoked)
            }
            Err(_) => Some(Done::Unknown),
        },
        (Revocation::Other, _) => Some(Done::Unknown),
        (revocation, ChangeSubject::Principal(id)) => repeat_about(transaction, revocation, id.into())?,
        _ => Some(Done::Unknown),
    })
}

/// Repeats the revocation of something that a principal had.
fn repeat_about(transaction: &mut Transaction<'_>, revocation: Revocation, id: PrincipalId) -> Result<Option<Done>> {
    let now = transaction.now;
    let connection = &mut *transaction.connection;
    if !principals::exists(connection, id)? {
        return Ok(None);
    }
    let user = users::find(connection, id)?;
    let is_last = user.as_ref().map_or(Ok(false), |user| is_last_administrator(connection, user))?;
    let is_user = user.is_some();
    Ok(Some(match revocation {
        Revocation::Principal if is_last => {
            // An installation without users would be set up anew.
            shut_out(connection, id)?;
            Done::Disabled
        }
        Revocation::Principal => {
            let kind = if is_user { PrincipalKind::User } else { PrincipalKind::ServiceAccount };
            removals::principal(connection, id, kind)?;
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
        Revocation::ApiKeySecret => {
            credentials::delete_all(connection, id, TokenKind::ApiKey)?;
            let settings = OauthClient { secret: ClientSecret::None, ..oauth_clients::get(connection, id)? };
            oauth_clients::replace(connection, id, &settings, now)?;
            // Its children need a parent.
            let (_unseen_token, credential) = transaction.service.mint(TokenKind::ApiKey, id, now, NEVER)?;
            credentials::insert(transaction.connection, &credential)?;
            Done::TokensEnded
        }
        Revocation::OauthSettings => {
            let secret = oauth_clients::get(connection, id)?.secret;
            oauth_clients::replace(connection, id, &OauthClient { secret, ..OauthClient::default() }, now)?;
            Done::SettingsEmptied
        }
        Revocation::User | Revocation::Password if !is_user || is_last => {
            credentials::delete_all(connection, id, TokenKind::Personal)?;
            Done::Unknown
        }
        Revocation::User => {
            principals::set_state(connection, id, PrincipalState::Disabled)?;
            credentials::delete_all(connection, id, TokenKind::Personal)?;
            Done::Disabled
        }
        Revocation::Password => {
            users::set_password(connection, id, UNUSABLE_HASH)?;
            credentials::delete_all(connection, id, TokenKind::Personal)?;
            Done::PasswordEnded
        }
        Revocation::Persona | Revocation::Policy | Revocation::SigningKey | Revocation::Child | Revocation::Other => {
            Done::Unknown
        }
    }))
}

/// Lets a user in by nothing.
fn shut_out(connection: &mut AnyConnection, id: PrincipalId) -> Result<()> {
    principals::set_state(connection, id, PrincipalState::Disabled)?;
    users::set_password(connection, id, UNUSABLE_HASH)?;
    for kind in TokenKind::ALL {
        credentials::delete_all(connection, id, kind)?;
    }
    Ok(())
}

/// Whether a user is the last administrator: the last who can sign in with a password, or the last at all.
fn is_last_administrator(connection: &mut AnyConnection, user: &User) -> Result<bool> {
    let id = user.principal.id;
    if user.principal.role != Role::Admin {
        return Ok(false);
    }
    let able = principals::administrators(connection, UNUSABLE_HASH)?;
    if able.contains(&id) {
        return Ok(able.len() == 1);
    }
    Ok(!principals::has_other_administrator(connection, id)?)
}
