//! Requests of which one makes much work: how many there may be under way, of all actors and of each.

use crate::domain::actor::Actor;
use crate::domain::error::Error;
use crate::domain::ids::PrincipalId;
use crate::shares::{Share, Shares};

/// How many are under way or wait for their turn on the database.
const ALL: usize = 256;
/// How many of them are one actor's; further ones are refused before their bodies are parsed.
const EACH: usize = 16;

/// The requests under way that fan out: batches of decisions and searches.
pub struct FanOuts(Shares<PrincipalId>);

impl Default for FanOuts {
    fn default() -> Self {
        Self(Shares::new(ALL, EACH))
    }
}

impl FanOuts {
    /// A place for a request of that actor, until it is answered.
    ///
    /// # Errors
    /// [`Error::Busy`] when the actor has as many as it may have, or all are taken.
    pub fn take(&self, actor: &Actor) -> Result<Share<PrincipalId>, Error> {
        self.0.take(actor.id(), 1).ok_or(Error::Busy)
    }
}
