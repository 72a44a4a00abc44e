//! Typed identifiers: ids of different kinds cannot be confused.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use uuid::Uuid;

use super::entropy::Entropy;
use super::error::{Error, Result};

/// The id of a principal: a user or a service account. An API key has its service account's id.
pub type PrincipalId = Id<OfPrincipal>;
/// The id of a persona.
pub type PersonaId = Id<OfPersona>;
/// The id of a policy.
pub type PolicyId = Id<OfPolicy>;
/// The id of an open invitation.
pub type InvitationId = Id<OfInvitation>;
/// The id of an asset.
pub type AssetId = Id<OfAsset>;

/// Marks the ids of principals.
pub enum OfPrincipal {}
/// Marks the ids of personas.
pub enum OfPersona {}
/// Marks the ids of policies.
pub enum OfPolicy {}
/// Marks the ids of open invitations.
pub enum OfInvitation {}
/// Marks the ids of assets.
pub enum OfAsset {}

/// A UUID (version 7) of a record of kind `T`; `id` or `guid` on the wire.
pub struct Id<T>(Uuid, PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// A new id that sorts after those of earlier milliseconds.
    ///
    /// # Errors
    /// When the operating system supplies no randomness.
    pub fn new(now: i64, entropy: Entropy) -> Result<Self> {
        let mut random = [0; 10];
        entropy.fill(&mut random)?;
        let millis = u64::try_from(now).map_err(|error| Error::Internal(error.into()))?;
        Ok(Self::from(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()))
    }

    /// Parses the hyphenated form in either case; other forms of a UUID are rejected.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 36).then(|| Uuid::parse_str(text).ok()).flatten().map(Self::from)
    }

    /// The bare UUID.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl<T> From<Uuid> for Id<T> {
    fn from(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::principal::parse_client_id;

    proptest! {
        #[test]
        fn an_id_is_read_back_as_it_is_written(number: u128) {
            let id = PrincipalId::from(Uuid::from_u128(number));
            let text = id.to_string();
            prop_assert_eq!(PrincipalId::parse(&text), Some(id));
            prop_assert_eq!(PrincipalId::parse(&text.to_uppercase()), Some(id));
            prop_assert_eq!(PrincipalId::parse(&id.uuid().simple().to_string()), None);
            for prefix in ["apikey-", "oauth-client-"] {
                prop_assert_eq!(parse_client_id(&format!("{prefix}{id}")), Some(id));
            }
        }
    }
}
