//! Pools of connections, one for each purpose, so that none takes the connections of another.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::lane::Lane;
use super::opening::{LogPoolErrors, Manager};
use crate::domain::error::{Error, Result};

/// How long the pool itself waits at most between two attempts to open a connection, twice over.
const RETRY: Duration = Duration::from_secs(2);

pub(super) type Pool = diesel::r2d2::Pool<Manager>;

/// The connections of one lane, and as many seats: whoever takes a seat first never waits for a connection in use, and
/// no more threads wait for the database than there are seats.
pub(super) struct Connections {
    pool: Pool,
    size: u32,
    seats: Arc<Semaphore>,
}

impl Connections {
    fn new(manager: &Manager, lane: Lane, size: u32) -> Self {
        let pool = diesel::r2d2::Pool::builder()
            .max_size(size)
            .min_idle(Some(1))
            .connection_timeout(RETRY)
            .error_handler(Box::new(LogPoolErrors))
            .build_unchecked(manager.for_lane(lane));
        Self { pool, size, seats: Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1))) }
    }

    fn are_in_use(&self) -> bool {
        self.seats.available_permits() < usize::try_from(self.size).unwrap_or(1)
    }
}

/// The connections of every lane.
pub(super) struct Lanes {
    reads: Connections,
    look_ups: Connections,
    follows: Connections,
    writes: Connections,
}

impl Lanes {
    pub(super) fn new(manager: &Manager, connections: u32) -> Self {
        let writers = manager.most_writers(connections);
        Self {
            reads: Connections::new(manager, Lane::Reads, connections),
            look_ups: Connections::new(manager, Lane::LookUps, connections.div_ceil(4)),
            follows: Connections::new(manager, Lane::Follows, 1),
            writes: Connections::new(manager, Lane::Writes, writers),
        }
    }

    fn of(&self, lane: Lane) -> &Connections {
        match lane {
            Lane::Reads => &self.reads,
            Lane::LookUps => &self.look_ups,
            Lane::Follows => &self.follows,
            Lane::Writes => &self.writes,
        }
    }

    pub(super) fn seats(&self, lane: Lane) -> Arc<Semaphore> {
        Arc::clone(&self.of(lane).seats)
    }

    /// A connection.
    pub(super) fn take(&self, lane: Lane) -> Result<diesel::r2d2::PooledConnection<Manager>> {
        self.of(lane).pool.get_timeout(lane.patience()).map_err(|error| Error::Unavailable(error.into()))
    }

    /// Whether some work is going on.
    pub(super) fn are_in_use(&self) -> bool {
        [&self.reads, &self.look_ups, &self.follows, &self.writes].into_iter().any(Connections::are_in_use)
    }
}
