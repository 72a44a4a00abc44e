//! Shared parts of writing and deleting entities of any kind.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::asset::MEMBERS;
use crate::domain::error::{Error, Result, Violation};
use crate::service::Transaction;
use crate::service::authz::sight;
use crate::storage::search as found;

/// How an entity is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Permanently.
    Purge,
    /// The entity is only marked as deleted; the next write restores it.
    Soft,
}

/// The result of saving one draft.
#[derive(Debug, Clone, Copy)]
pub(in crate::service) enum Saved {
    /// The entity was created.
    Created(Uuid),
    /// An existing entity was updated.
    Updated(Uuid),
}

/// Fails, and so ends the transaction, if the locked entity is missing or the actor does not see it.
pub(in crate::service) fn must_see(transaction: &mut Transaction<'_>, id: Uuid) -> Result<()> {
    let sight = sight::entities(transaction.connection, transaction.actor)?;
    if found::is_seen(transaction.connection, &id.to_string(), &sight)? { Ok(()) } else { Err(not_found(id)) }
}

/// The error for a missing or unseen entity.
pub(in crate::service) fn not_found(id: Uuid) -> Error {
    Error::NotFound { kind: "entity", id: id.to_string() }
}

/// A change of one member of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// The member is added.
    Add,
    /// The member is removed.
    Remove,
}

impl Membership {
    /// The members after the change, at most [`MEMBERS`]. `violation` makes the error.
    pub(in crate::service) fn change(
        self,
        mut members: BTreeSet<String>,
        member: &str,
        violation: impl FnOnce(String) -> Violation,
    ) -> Result<Vec<String>> {
        match self {
            Self::Add => members.insert(member.to_owned()),
            Self::Remove => members.remove(member),
        };
        if members.len() > MEMBERS {
            return Err(violation(format!("has {MEMBERS} members, and can have no more")).into());
        }
        Ok(members.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_no_more_members_than_a_client_can_write_back() {
        let most: BTreeSet<String> = (0..MEMBERS).map(|number| number.to_string()).collect();
        let change = |membership: Membership, member: &str| {
            membership.change(most.clone(), member, |message| Violation::new("adminUsers", message))
        };
        assert_eq!(change(Membership::Add, "0").unwrap().len(), MEMBERS);
        assert_eq!(change(Membership::Remove, "0").unwrap().len(), MEMBERS - 1);
        assert!(matches!(change(Membership::Add, "x"), Err(Error::Invalid(_))));
    }
}
