//! Children: short-lived tokens derived from a credential.
//!
//! `mint` makes them, `verify` reads them; `signing_keys` has the keys that sign them.
//! The rules: a child carries no more than what it is derived from, and expires no later; it is for an audience that is registered
//! for the client and, if an API key is its subject, for that key, and a child for one audience never becomes one for another. Each
//! of these is a comparison in `mint`, so a chain of exchanges gains nothing.

mod mint;
pub mod signing_keys;
mod verify;

pub use self::mint::{Form, Minted, NotMinted, Registered, Wanted, mint};

use std::net::IpAddr;
use std::sync::Arc;

use crate::domain::actor::Standing;
use crate::domain::bounds::Bounds;
use crate::domain::child::Child;
use crate::domain::error::{Error, Refusal, Result};
use crate::service::Service;
use crate::storage::database::AnyConnection;
use crate::storage::{credentials, oauth_clients, revoked_children};

/// The `typ` of a child's JWT (RFC 9068).
pub const JWT_TYPE: &str = "at+jwt";
/// The purpose of the seal of opaque tokens.
const SEAL: &str = "child tokens";

/// A child as a request presents it.
#[derive(Clone, Copy)]
pub(in crate::service) struct Presented<'a> {
    /// The child.
    pub child: &'a Child,
    /// The client address of the request, if known.
    pub address: Option<IpAddr>,
    /// The time, in epoch milliseconds.
    pub now: i64,
}

/// The standing that a child gives, as a transaction sees it, and the bounds of its actors' credentials; `whole` is its
/// parent's. Both without the grants of assets.
///
/// # Errors
/// When the child has expired or is revoked, an actor's credential has ended or is not allowed from this address, or the
/// parent has lost something that the child carries.
pub(in crate::service) fn present(
    service: &Service,
    connection: &mut AnyConnection,
    presented: Presented<'_>,
    whole: Standing,
) -> Result<(Standing, Vec<Bounds>)> {
    let Presented { child, address, now } = presented;
    let refused = |refusal| Err(Error::Unauthenticated(refusal));
    if child.expires_at_millis() <= now {
        return refused(Refusal::Expired);
    }
    if is_ended(connection, child)? {
        return refused(Refusal::Invalid);
    }
    let mut bounds = Vec::new();
    for actor in &child.actors {
        let known = match credentials::find_without_assets(connection, actor.credential)? {
            Some(known) if !known.standing.principal.enabled => return refused(Refusal::Disabled),
            Some(known) if known.credential.expires_at <= now => return refused(Refusal::Expired),
            Some(known) if known.standing.principal.id == actor.principal => known,
            _ => return refused(Refusal::Invalid),
        };
        if !known.limits.addresses.allow(address) {
            return Err(Error::ForeignAddress);
        }
        bounds.push(known.bounds());
        if child.impersonator == Some(actor.principal) {
            let standing = service.with_policies_in_write(connection, known.standing)?;
            if !service.still_impersonates(connection, &standing, &whole)? {
                return refused(Refusal::Outgrown);
            }
        }
    }
    if !Service::may_call_in_write(connection, &whole, verify::tools(child))? {
        return refused(Refusal::Outgrown);
    }
    Ok((verify::narrowed(child, &whole)?.map_or(whole, Arc::unwrap_or_clone), bounds))
}

/// Whether a child is revoked, or a warrant that it depends on was removed: a public key or a trust rule in the
/// settings of its parent, or of an API key that acts in it.
///
/// # Errors
/// When the storage fails.
fn is_ended(connection: &mut AnyConnection, child: &Child) -> Result<bool> {
    if revoked_children::has_any(connection, child.ids())? {
        return Ok(true);
    }
    for (key, warrant) in child.warrants() {
        if !oauth_clients::get(connection, key)?.has(warrant) {
            return Ok(true);
        }
    }
    Ok(false)
}
