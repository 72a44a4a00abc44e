//! Forms that are carried out once: a browser that reloads the page of a new secret sends its form again.

use crate::clock::DAY;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::service::Service;
use crate::storage::used_once;

/// What issued the keys of forms, among the issuers of tokens that are used once. No provider has such a URL.
const ISSUER: &str = "console form";

/// For how many milliseconds a form is known to have been sent.
const KEPT: i64 = DAY;

/// Whether a form was sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is sent for the first time.
    First,
    /// It was sent before.
    Again,
}

/// Notes that an actor has sent the form with this key, on every node.
///
/// # Errors
/// When the storage fails.
pub async fn note(service: &Service, actor: &Actor, form: String) -> Result<Sent> {
    let outcome = service
        .write(actor, move |transaction| {
            let (now, once) = (transaction.now, unique(transaction.actor, &form));
            used_once::use_once(transaction.connection, ISSUER, &once, now + KEPT, now)
        })
        .await;
    match outcome {
        Ok(()) => Ok(Sent::First),
        Err(Error::Conflict(_)) => Ok(Sent::Again),
        Err(error) => Err(error),
    }
}

/// Forgets that an actor has sent the form with this key, because it made nothing.
///
/// # Errors
/// When the storage fails.
pub async fn forget(service: &Service, actor: &Actor, form: String) -> Result<()> {
    service
        .write(actor, move |transaction| {
            let once = unique(transaction.actor, &form);
            used_once::forget(transaction.connection, ISSUER, &once)
        })
        .await
}

/// A form is an actor's own: nobody uses up another's.
fn unique(actor: &Actor, form: &str) -> String {
    format!("{} {form}", actor.id())
}
