//! Which API keys an actor manages: an API key those that it made, and their descendants.

use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::limits::Limits;
use crate::domain::principal::PrincipalKind;
use crate::service::Transaction;
use crate::storage::api_keys;

/// How many generations of API keys that made each other are followed: the first manages the last up to this depth.
const GENERATIONS: usize = 64;

/// Checks that an actor may manage this API key. An actor that is not a key manages every key. A key manages the keys
/// that it made and their descendants. A key that a user or the operator made, without address or rate limits, manages
/// every other key.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn may_manage_key(transaction: &mut Transaction<'_>, key: PrincipalId) -> Result<()> {
    manages_key(transaction, transaction.actor.id(), key)?;
    // Those who act for the actor manage no more keys than they do themselves.
    let delegates = transaction.actor.child.as_deref().map(|child| child.actors.as_slice()).unwrap_or_default();
    delegates.iter().try_for_each(|delegate| manages_key(transaction, delegate.principal, key))
}

fn manages_key(transaction: &mut Transaction<'_>, actor: PrincipalId, key: PrincipalId) -> Result<()> {
    let Some(own) = api_keys::lineage(transaction.connection, actor)? else { return Ok(()) };
    if actor == key {
        return Err(Error::Forbidden(
            "an API key cannot change itself: it cannot give itself permissions or time, nor change its own limits or \
             personas"
                .to_owned(),
        ));
    }
    let manages_all = own.maker.kind == PrincipalKind::User && own.bounds.limits == Limits::default();
    if manages_all {
        return Ok(());
    }
    let mut line = api_keys::lineage(transaction.connection, key)?;
    for _ in 0..GENERATIONS {
        match line.and_then(|lineage| lineage.maker.id) {
            None => break,
            Some(maker) if maker == actor => return Ok(()),
            Some(maker) => line = api_keys::lineage(transaction.connection, maker)?,
        }
    }
    let username = transaction.actor.username();
    let message =
        format!("`{username}` can manage only API keys that it created: act as a user, or as the key's creator");
    Err(Error::Forbidden(message))
}
