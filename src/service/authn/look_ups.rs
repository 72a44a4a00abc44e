//! Looking credentials up that are not in memory: few at once, and few that wait for their turn.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::network::Network;
use crate::shares::{Share, Shares};

/// On whose behalf a token is looked up: those who send unknown tokens by the thousand wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::service) enum Behalf {
    /// Whoever sent it, known by their network alone.
    Network(Network),
    /// An actor who asks about it.
    Actor(PrincipalId),
    /// Whoever found it.
    Finder,
}

/// The look-ups under way and those that wait.
pub struct LookUps {
    waiting: Shares<Behalf>,
    reading: Semaphore,
}

/// One network, or one actor, has at most one place in so many.
const PART: usize = 4;

impl LookUps {
    /// For so many that wait, and so many at once: more than there are connections would each hold a thread.
    #[must_use]
    pub fn new(waiting: usize, at_once: usize) -> Self {
        Self { waiting: Shares::new(waiting, waiting.div_ceil(PART)), reading: Semaphore::new(at_once) }
    }

    /// How many are under way or wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.taken()
    }

    /// A place among those that wait.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when all are taken, or as many as one may have.
    pub(in crate::service) fn place(&self, behalf: Behalf) -> Result<Share<Behalf>> {
        self.waiting.take(behalf, 1).ok_or(Error::Overloaded)
    }

    /// The turn of one that has a place.
    ///
    /// # Errors
    /// When the service stops.
    pub(in crate::service) async fn turn(&self) -> Result<SemaphorePermit<'_>> {
        self.reading.acquire().await.map_err(|closed| Error::Internal(closed.into()))
    }
}
