//! Tokens that somebody created for a principal that has outgrown them since: they end.

use crate::domain::access_token::AccessToken;
use crate::domain::change::{Action, Subject};
use crate::domain::error::Result;
use crate::domain::principal::Principal;
use crate::service::Transaction;
use crate::service::authz::reach::Reach;
use crate::storage::principals;
use crate::storage::{access_tokens, credentials};

/// Ends the tokens of a principal, to which the transaction has just given something, that were created by those who do
/// not reach all of it (any more): they may have kept them.
///
/// # Errors
/// When the storage fails.
pub(in crate::service) fn end_outgrown_tokens(transaction: &mut Transaction<'_>, principal: &Principal) -> Result<()> {
    // Whoever is creating one has locked the principal, and either sees what it has been given or is seen here.
    principals::lock(transaction.connection, &principal.username().to_string())?;
    let tokens = access_tokens::created_by_others(transaction.connection, principal)?;
    if tokens.is_empty() {
        return Ok(());
    }
    let Some(reach) = Reach::find(transaction.service, transaction.connection, principal.id)? else { return Ok(()) };
    for token in tokens {
        if !is_within_reach_of_its_creator(transaction, &token, &reach)? {
            credentials::delete(transaction.connection, token.key_id)?;
            let subject = Subject::Principal(principal.id.uuid());
            transaction.record(Action::AccessTokenRevoked, subject, &token.name)?;
        }
    }
    Ok(())
}

fn is_within_reach_of_its_creator(
    transaction: &mut Transaction<'_>,
    token: &AccessToken,
    reach: &Reach,
) -> Result<bool> {
    // The operator and the system's own clients are nobody in the database, and reach everything.
    if token.owner.id.uuid().is_nil() {
        return Ok(true);
    }
    let creator = Reach::find(transaction.service, transaction.connection, token.owner.id)?;
    Ok(creator.is_some_and(|creator| reach.beyond(&creator, &Reach::default()).is_none()))
}
