//! Connection pools, one for each lane, so that no lane uses up the connections of another.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::lane::Lane;
use super::opening::{LogPoolErrors, Manager};
use crate::domain::error::{Error, Result};
use crate::domain::party::Party;
use crate::queue::{Queue, Rules};

/// How long the pool itself waits at most between two attempts to open a connection, twice over.
const RETRY: Duration = Duration::from_secs(2);

/// How long a connection is used.
const LIFETIME: Duration = Duration::from_mins(30);

/// How many writes wait at most, and how long.
const WAITING: usize = 1_024;
const MAX_WAIT: Duration = Duration::from_secs(8);

pub(super) type Pool = diesel::r2d2::Pool<Manager>;

/// The connection pool of one lane, with as many permits as connections: work takes a permit first, so it
/// never waits for a connection in use, and no more threads wait for the database than there are permits.
pub(super) struct LaneConnections {
    pool: Pool,
    size: u32,
    permits: Arc<Semaphore>,
}

impl LaneConnections {
    fn new(manager: &Manager, lane: Lane, size: u32) -> Self {
        // A new connection makes a node read again what it has in memory.
        let lifetime = if lane == Lane::Follows { None } else { Some(LIFETIME) };
        let pool = diesel::r2d2::Pool::builder()
            .max_lifetime(lifetime)
            .max_size(size)
            .min_idle(Some(1))
            .connection_timeout(RETRY)
            .error_handler(Box::new(LogPoolErrors))
            .build_unchecked(manager.for_lane(lane));
        Self { pool, size, permits: Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1))) }
    }

    fn are_in_use(&self) -> bool {
        self.permits.available_permits() < usize::try_from(self.size).unwrap_or(1)
    }
}

/// The connection pools of every lane, and the queue of writers.
pub(super) struct Lanes {
    reads: LaneConnections,
    look_ups: LaneConnections,
    follows: LaneConnections,
    writes: LaneConnections,
    writers: Queue<Party>,
}

impl Lanes {
    pub(super) fn new(manager: &Manager, connections: u32) -> Self {
        let writers = manager.most_writers(connections);
        Self {
            reads: LaneConnections::new(manager, Lane::Reads, connections),
            look_ups: LaneConnections::new(manager, Lane::LookUps, connections.div_ceil(4)),
            follows: LaneConnections::new(manager, Lane::Follows, 1),
            writes: LaneConnections::new(manager, Lane::Writes, writers),
            writers: Queue::new(Rules {
                places: usize::try_from(writers).unwrap_or(1),
                places_of_one: 1,
                places_of_others: usize::try_from(writers).unwrap_or(1),
                waiting: WAITING,
                waiting_of_one: WAITING,
                waiting_of_others: WAITING,
                max_wait: MAX_WAIT,
            }),
        }
    }

    fn of(&self, lane: Lane) -> &LaneConnections {
        match lane {
            Lane::Reads => &self.reads,
            Lane::LookUps => &self.look_ups,
            Lane::Follows => &self.follows,
            Lane::Writes => &self.writes,
        }
    }

    pub(super) fn lane_permits(&self, lane: Lane) -> Arc<Semaphore> {
        Arc::clone(&self.of(lane).permits)
    }

    /// The queue of writers.
    pub(super) fn writers(&self) -> Queue<Party> {
        self.writers.clone()
    }

    /// Takes a connection of that lane.
    pub(super) fn take(&self, lane: Lane) -> Result<diesel::r2d2::PooledConnection<Manager>> {
        self.of(lane).pool.get_timeout(lane.max_wait()).map_err(|error| Error::Unavailable(error.into()))
    }

    /// Whether any connection is in use.
    pub(super) fn are_in_use(&self) -> bool {
        self.writers.under_way() > 0
            || [&self.reads, &self.look_ups, &self.follows].into_iter().any(LaneConnections::are_in_use)
    }
}
