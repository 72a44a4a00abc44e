//! Admission control for fan-out requests (batches of decisions, searches): limits how many run at once, in total and
//! per actor.

use crate::domain::actor::Actor;
use crate::domain::error::Error;
use crate::domain::ids::PrincipalId;
use crate::shares::{Share, Shares};

/// Maximum number of requests that run or wait for a database connection at once.
const ALL: usize = 256;
/// Maximum number of requests of one actor; further requests are refused before their bodies are parsed.
const EACH: usize = 16;

/// The fan-out requests under way.
pub struct FanOuts(Shares<PrincipalId>);

impl Default for FanOuts {
    fn default() -> Self {
        Self(Shares::new(ALL, EACH))
    }
}

impl FanOuts {
    /// Takes a slot for a request of `actor`; dropping it frees the slot.
    ///
    /// # Errors
    /// [`Error::Busy`] when the actor's slots or all slots are taken.
    pub fn take(&self, actor: &Actor) -> Result<Share<PrincipalId>, Error> {
        self.0.take(actor.id(), 1).ok_or(Error::Busy)
    }
}
