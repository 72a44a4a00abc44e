//! What is accepted once (replay guard): the tokens of providers, and the submitted forms of the console.

use diesel::prelude::*;

use super::database::{AnyConnection, is_duplicate};
use super::schema::used_tokens;
use crate::clock::DAY;
use crate::domain::error::{Error, Result};

/// Records that something has been accepted, until it is too old to be accepted: the `jti` of a provider's logout token, the
/// `nonce` of its ID token; the key of a form of the console. `issuer` made it, and `once` is unique there. Kept for a day
/// longer, because a clock that is ahead by up to a day may be set right.
///
/// # Errors
/// [`Error::Conflict`] for what was accepted before.
pub fn use_once(connection: &mut AnyConnection, issuer: &str, once: &str, expires_at: i64, now: i64) -> Result<()> {
    diesel::delete(used_tokens::table.filter(used_tokens::expires_at.lt(now - DAY))).execute(connection)?;
    let row = (used_tokens::issuer.eq(issuer), used_tokens::once.eq(once), used_tokens::expires_at.eq(expires_at));
    match diesel::insert_into(used_tokens::table).values(row).execute(connection) {
        Err(error) if is_duplicate(&error) => Err(Error::Conflict("this has been used already".to_owned())),
        outcome => Ok(outcome.map(drop)?),
    }
}

/// Forgets that something has been accepted, because it had no effect.
///
/// # Errors
/// When the storage fails.
pub fn forget(connection: &mut AnyConnection, issuer: &str, once: &str) -> Result<()> {
    diesel::delete(used_tokens::table.find((issuer, once))).execute(connection)?;
    Ok(())
}
