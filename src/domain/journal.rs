//! The journal: the changes that took something away, kept by each machine outside the database.
//!
//! A restored backup undoes revocations. The journal says which, so that they can be made again.

use std::fmt;

use uuid::Uuid;

use super::change::{Action, Change, ChangeSubject};

/// What a change took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// A principal, with all its credentials.
    Principal,
    /// Some credential of a principal.
    Credential,
    /// The token of an API key, which another replaced.
    ApiKeyToken,
    /// An access token of a principal.
    AccessToken,
    /// Perhaps audiences, public keys or trust rules of an API key.
    OauthSettings,
    /// Perhaps the role of a user, or that the user is enabled.
    User,
    /// The earlier password of a user.
    Password,
    /// Perhaps something that the change does not tell.
    Other,
}

impl Action {
    /// Whether the journal has a line for it: it may have taken something away, or it accepted a restored copy, which
    /// settles the lines before.
    #[must_use]
    pub fn is_journaled(self) -> bool {
        self.revocation().is_some() || self == Self::RestoreAccepted
    }

    /// What the action may have taken away for longer than any session lives; `None` if nothing.
    #[must_use]
    pub fn revocation(self) -> Option<Revocation> {
        match self {
            Self::ApiKeyDeleted | Self::ServiceAccountDeleted | Self::UserDeleted => Some(Revocation::Principal),
            Self::LeakedTokenRevoked => Some(Revocation::Credential),
            Self::ApiKeyTokenReplaced => Some(Revocation::ApiKeyToken),
            Self::AccessTokenRevoked => Some(Revocation::AccessToken),
            Self::ApiKeyOauthReplaced => Some(Revocation::OauthSettings),
            Self::UserUpdated => Some(Revocation::User),
            Self::UserPasswordSet => Some(Revocation::Password),
            Self::ApiKeyUpdated
            | Self::PersonaUpdated
            | Self::PersonaDeleted
            // A policy may deny.
            | Self::PolicyCreated
            | Self::PolicyUpdated
            | Self::PolicyDeleted
            | Self::AssetUpdated
            | Self::AssetDeleted
            | Self::AssetAccessChanged
            | Self::ChildRevoked
            | Self::SigningKeyChanged => Some(Revocation::Other),
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
            | Self::InvitationCreated
            | Self::InvitationRevoked
            | Self::SessionCreated
            | Self::SessionRefused
            | Self::SessionEnded
            | Self::DeviceApproved
            | Self::DeviceDenied
            | Self::UserCreated
            | Self::UserImpersonated
            | Self::RestoreAccepted => None,
        }
    }
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// The id of the change.
    pub change: Uuid,
    /// Epoch milliseconds.
    pub changed_at: i64,
    /// The action.
    pub action: Action,
    /// What was changed.
    pub subject: ChangeSubject,
    /// The name of the subject at that time.
    pub subject_name: String,
}

impl JournalEntry {
    /// The entry for a change, if it is journaled.
    #[must_use]
    pub fn of(change: &Change) -> Option<Self> {
        let action = Action::find(&change.action).filter(|action| action.is_journaled())?;
        let Change { id, changed_at, subject, subject_name, .. } = change.clone();
        Some(Self { change: id, changed_at, action, subject, subject_name })
    }

    /// Parses a line that [`Display`](fmt::Display) wrote.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(6, ' ');
        let changed_at = words.next()?.parse().ok()?;
        let change = Uuid::parse_str(words.next()?).ok()?;
        let action = Action::find(words.next()?)?;
        let subject = ChangeSubject::parse(words.next()?, Uuid::parse_str(words.next()?).ok()?)?;
        let subject_name = serde_json::from_str(words.next()?).ok()?;
        Some(Self { change, changed_at, action, subject, subject_name })
    }
}

impl fmt::Display for JournalEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { change, changed_at, action, subject, subject_name } = self;
        let name = serde_json::Value::from(subject_name.as_str());
        write!(formatter, "{changed_at} {change} {} {} {} {name}", action.name(), subject.kind(), subject.id())
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
                action: Action::ApiKeyDeleted,
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
