//! The journal: the changes that took something away, kept by each machine outside the database.
//!
//! A restored backup undoes revocations. The journal says which, so that they can be made again.

use std::fmt;

use uuid::Uuid;

use super::change::{Action, Change, ChangeSubject};
use super::nesting::read_json;

/// The access that a change took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// A principal, with all its credentials.
    Principal,
    /// Some credential of a principal.
    Credential,
    /// The token of an API key, which another replaced.
    ApiKeyToken,
    /// Every secret of an API key, for good: it authenticates by a public key or as a workload.
    ApiKeySecret,
    /// An access token of a principal.
    AccessToken,
    /// Perhaps audiences, public keys or trust rules of an API key.
    OauthSettings,
    /// Perhaps the role of a user, or that the user is enabled.
    User,
    /// The earlier password of a user.
    Password,
    /// A persona, with its policies and links.
    Persona,
    /// A policy.
    Policy,
    /// A key that signs children, unless the change added it.
    SigningKey,
    /// A child.
    Child,
    /// Perhaps something that the change does not describe.
    Other,
}

impl Action {
    /// The access that the action may have taken away and that a restore does not end anyway; `None` if there is none.
    #[must_use]
    pub fn revocation(self) -> Option<Revocation> {
        match self {
            Self::ApiKeyDeleted | Self::ServiceAccountDeleted | Self::UserDeleted => Some(Revocation::Principal),
            Self::LeakedTokenRevoked => Some(Revocation::Credential),
            Self::ApiKeyTokenReplaced => Some(Revocation::ApiKeyToken),
            Self::ApiKeyTokenRemoved => Some(Revocation::ApiKeySecret),
            Self::AccessTokenRevoked => Some(Revocation::AccessToken),
            Self::ApiKeyOauthReplaced => Some(Revocation::OauthSettings),
            Self::UserUpdated => Some(Revocation::User),
            Self::UserPasswordSet => Some(Revocation::Password),
            Self::ApiKeyUpdated
            | Self::PersonaUpdated
            // A policy may deny.
            | Self::PolicyCreated
            | Self::PolicyUpdated
            | Self::AssetUpdated
            | Self::AssetDeleted
            | Self::AssetAccessChanged => Some(Revocation::Other),
            Self::PersonaDeleted => Some(Revocation::Persona),
            Self::PolicyDeleted => Some(Revocation::Policy),
            Self::SigningKeyChanged => Some(Revocation::SigningKey),
            Self::ChildRevoked => Some(Revocation::Child),
            Self::ApiKeyCreated
            | Self::ApiKeySecretCreated
            | Self::PersonaCreated
            | Self::PersonaDescribed
            | Self::PolicyDescribed
            | Self::AssetCreated
            | Self::ServiceAccountCreated
            | Self::AccessTokenCreated
            // A restore ends every session, invitation and device authorization.
            | Self::InvitesRenewed
            | Self::InviteLinkGiven
            | Self::InvitationCreated
            | Self::InvitationRevoked
            | Self::InvitationAccepted
            | Self::SessionCreated
            | Self::SessionRefused
            | Self::SessionEnded
            | Self::SessionRefreshed
            | Self::RefreshTokenReused
            | Self::DeviceApproved
            | Self::DeviceDenied
            | Self::UserCreated
            | Self::UserDescribed
            | Self::UserImpersonated
            | Self::RestoreAccepted
            | Self::RequestRefused => None,
        }
    }
}

/// The contents of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// The installation's id.
    pub installation: Uuid,
    /// The time from which on the journal has every change that its machine saw, in epoch milliseconds.
    pub begins_at: i64,
    /// The entries, in the order in which they were seen.
    pub entries: Vec<JournalEntry>,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// The id of the change.
    pub change: Uuid,
    /// Epoch milliseconds.
    pub changed_at: i64,
    /// The name of the action, which may be known only to a later version.
    pub action: String,
    /// The subject of the change.
    pub subject: ChangeSubject,
    /// The name of the subject at that time.
    pub subject_name: String,
}

impl JournalEntry {
    /// The entry for a change, unless it has taken nothing away.
    #[must_use]
    pub fn of(change: &Change) -> Option<Self> {
        if Action::find(&change.action).is_some_and(|action| action.revocation().is_none()) {
            return None;
        }
        let subject = change.subject();
        let Change { id, changed_at, action, subject_name, .. } = change.clone();
        Some(Self { change: id, changed_at, action, subject, subject_name })
    }

    /// The access that was taken away.
    #[must_use]
    pub fn revocation(&self) -> Revocation {
        Action::find(&self.action).and_then(Action::revocation).unwrap_or(Revocation::Other)
    }

    /// Parses a line that [`Display`](fmt::Display) wrote.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(6, ' ');
        let changed_at = words.next()?.parse().ok()?;
        let change = Uuid::parse_str(words.next()?).ok()?;
        let action = words.next()?.to_owned();
        let subject = ChangeSubject::parse(words.next()?, Uuid::parse_str(words.next()?).ok()?)?;
        let subject_name = read_json(words.next()?.as_bytes()).ok()?;
        Some(Self { change, changed_at, action, subject, subject_name })
    }
}

impl fmt::Display for JournalEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { change, changed_at, action, subject, subject_name } = self;
        let name = serde_json::Value::from(subject_name.as_str());
        write!(formatter, "{changed_at} {change} {action} {} {} {name}", subject.kind(), subject.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_it_was_written_whatever_the_name() {
        for name in ["", "a b", "ä\n\"\u{2028}"] {
            let entry = JournalEntry {
                change: Uuid::from_u128(1),
                changed_at: 7,
                action: Action::ApiKeyDeleted.name().to_owned(),
                subject: ChangeSubject::Principal(Uuid::from_u128(2)),
                subject_name: name.to_owned(),
            };
            let line = entry.to_string();
            assert!(!line.contains('\n'));
            assert_eq!(JournalEntry::parse(&line), Some(entry));
            assert_eq!(JournalEntry::parse(&line[1..]), None);
            let mut ends = (0..line.len()).filter(|end| line.is_char_boundary(*end));
            assert!(ends.all(|end| JournalEntry::parse(&line[..end]).is_none()));
        }
    }
}
