//! Ends tokens whose creator no longer reaches all that the token's principal reaches.

use crate::domain::access_token::AccessToken;
use crate::domain::change::{Action, ChangeSubject};
use crate::domain::error::{Error, Result};
use crate::domain::principal::Principal;
use crate::service::Transaction;
use crate::service::authz::containment::administers;
use crate::service::authz::reach::Reach;
use crate::storage::principals;
use crate::storage::{access_tokens, credentials};

/// Deletes the tokens of a principal that were created by others who no longer reach all that the principal does: they
/// may have kept a copy. Call it after the transaction has given the principal something.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn end_outgrown_tokens(transaction: &mut Transaction<'_>, principal: &Principal) -> Result<()> {
    for token in outgrown(transaction, principal)? {
        credentials::delete(transaction.connection, token.key_id)?;
        let subject = ChangeSubject::Principal(principal.id.uuid());
        transaction.record(Action::AccessTokenRevoked, subject, &token.name)?;
    }
    Ok(())
}

/// Checks outgrown tokens after the transaction has made something name the principal. A user with the role `$admin`
/// ends them, as in [`end_outgrown_tokens`]. Any other actor is refused: it may neither know of those tokens nor manage
/// them.
///
/// # Errors
/// [`Error::Forbidden`]
pub(in crate::service) fn end_or_refuse(transaction: &mut Transaction<'_>, principal: &Principal) -> Result<()> {
    if administers(transaction.actor) {
        return end_outgrown_tokens(transaction, principal);
    }
    if principal.id == transaction.actor.id() || outgrown(transaction, principal)?.is_empty() {
        return Ok(());
    }
    let message = format!(
        "`{}` has access tokens whose creators would gain this access: revoke those tokens first",
        principal.username()
    );
    Err(Error::Forbidden(message))
}

fn outgrown(transaction: &mut Transaction<'_>, principal: &Principal) -> Result<Vec<AccessToken>> {
    // Serialises with token creation, which locks the principal, too: one of both sees the other's change.
    principals::lock(transaction.connection, &principal.username().to_string())?;
    let tokens = access_tokens::created_by_others(transaction.connection, principal)?;
    if tokens.is_empty() {
        return Ok(tokens);
    }
    let found = Reach::find(transaction.service, transaction.connection, principal.id)?;
    let Some(reach) = found else { return Ok(Vec::new()) };
    let mut outgrown = Vec::new();
    for token in tokens {
        if !is_within_reach_of_its_creator(transaction, &token, &reach)? {
            outgrown.push(token);
        }
    }
    Ok(outgrown)
}

fn is_within_reach_of_its_creator(
    transaction: &mut Transaction<'_>,
    token: &AccessToken,
    reach: &Reach,
) -> Result<bool> {
    // The operator and the system's own clients have no record in the database, and reach everything.
    if token.owner.id.uuid().is_nil() {
        return Ok(true);
    }
    let creator = Reach::find(transaction.service, transaction.connection, token.owner.id)?;
    Ok(creator.is_some_and(|creator| reach.beyond(&creator, &Reach::default()).is_none()))
}
