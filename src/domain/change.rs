//! Changes: written by every transaction that changes something, for the audit trail and cache invalidation.

mod action;

use uuid::Uuid;

pub use self::action::{Action, Impact, Kept};
use super::actor::Actor;
use super::child::Child;
use super::error::{Error, Result};
use super::text::clip;

/// One committed change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Unique; sorts by time.
    pub id: Uuid,
    /// Epoch milliseconds.
    pub changed_at: i64,
    /// The id of the principal that made the change.
    pub actor_id: Uuid,
    /// The principal's user name at that time.
    pub actor_name: String,
    /// The user names of the delegates that acted for the principal, the latest first, separated by commas; empty if
    /// there are none.
    pub acted_by: String,
    /// The name of an [`Action`].
    pub action: String,
    /// The name of a kind of [`ChangeSubject`], which may be known only to a later version.
    pub subject_kind: String,
    /// The id of the subject.
    pub subject_id: Uuid,
    /// The name of the subject at that time.
    pub subject_name: String,
    /// The id of the request; empty for the command line.
    pub request_id: String,
    /// How the actor authenticated, see [`super::actor::Actor::authenticated_by`]; empty if it did not.
    pub authenticated_by: String,
    /// The client's address; empty if unknown.
    pub address: String,
}

/// The subject of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeSubject {
    /// A user or a service account: itself, its credentials, permissions or persona links.
    Principal(Uuid),
    /// A persona, which concerns every principal linked to it.
    Persona(Uuid),
    /// A policy, which concerns all its subjects.
    Policy(Uuid),
    /// An asset, except its people: changes of those have the principals and roles as subjects.
    Asset(Uuid),
    /// Every principal with that role.
    Role(Uuid),
}

impl ChangeSubject {
    /// The names of all kinds.
    pub const KINDS: [&'static str; 5] = ["principal", "persona", "policy", "asset", "role"];

    /// The name of its kind in the database.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Principal(_) => "principal",
            Self::Persona(_) => "persona",
            Self::Policy(_) => "policy",
            Self::Asset(_) => "asset",
            Self::Role(_) => "role",
        }
    }

    /// The subject of that kind and id.
    #[must_use]
    pub fn parse(kind: &str, id: Uuid) -> Option<Self> {
        Some(match kind {
            "principal" => Self::Principal(id),
            "persona" => Self::Persona(id),
            "policy" => Self::Policy(id),
            "asset" => Self::Asset(id),
            "role" => Self::Role(id),
            _ => return None,
        })
    }

    /// Whether the permissions of any principal may depend on the subject.
    #[must_use]
    pub fn affects_all_principals(self) -> bool {
        match self {
            Self::Persona(_) | Self::Policy(_) | Self::Role(_) => true,
            Self::Principal(_) | Self::Asset(_) => false,
        }
    }

    /// The id of the subject.
    #[must_use]
    pub fn id(self) -> Uuid {
        match self {
            Self::Principal(id) | Self::Persona(id) | Self::Policy(id) | Self::Asset(id) | Self::Role(id) => id,
        }
    }
}

impl Change {
    /// The id of a change, as a client writes it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no change can have it.
    pub fn parse_id(text: &str) -> Result<Uuid> {
        Uuid::parse_str(text).map_err(|_| Self::unknown(text))
    }

    /// The error for an id that no change has.
    #[must_use]
    pub fn unknown(id: &str) -> Error {
        Error::NotFound { kind: "change", id: clip(id) }
    }

    /// A change that an actor makes now.
    #[must_use]
    pub fn by(actor: &Actor, id: Uuid, now: i64, action: Action, subject: ChangeSubject, name: &str) -> Self {
        Self {
            id,
            changed_at: now,
            actor_id: actor.id().uuid(),
            actor_name: actor.username().to_string(),
            acted_by: actor.child.as_deref().map(Child::acted_by).unwrap_or_default(),
            action: action.name().to_owned(),
            subject_kind: subject.kind().to_owned(),
            subject_id: subject.id(),
            subject_name: name.to_owned(),
            request_id: actor.request.id.as_ref().to_owned(),
            authenticated_by: actor.authenticated_by(),
            address: actor.address.map(|address| address.to_string()).unwrap_or_default(),
        }
    }

    /// The subject of the change. An unknown kind, written by a later version, may concern every principal.
    #[must_use]
    pub fn subject(&self) -> ChangeSubject {
        ChangeSubject::parse(&self.subject_kind, self.subject_id).unwrap_or(ChangeSubject::Persona(self.subject_id))
    }

    /// How the change can affect the access of principals. An unknown action, written by a later version, may take
    /// something away.
    #[must_use]
    pub fn impact(&self) -> Impact {
        Action::find(&self.action).map_or(Impact::TakesAway, Action::impact)
    }
}
