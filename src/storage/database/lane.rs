//! Lanes: one connection pool for each purpose.

use std::time::Duration;

/// The purpose of a connection; each lane has its own pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Reads for a request.
    Reads,
    /// Reads that authentication waits for.
    LookUps,
    /// Following the changes feed. Apart from the others, so that the directory's lease is renewed however many reads
    /// authentication waits for.
    Follows,
    /// Writes.
    Writes,
}

impl Lane {
    /// The time limit of one piece of work, and of each of its statements.
    #[must_use]
    pub fn limit(self) -> Duration {
        match self {
            Self::Reads => Duration::from_secs(10),
            Self::LookUps | Self::Follows => Duration::from_secs(5),
            Self::Writes => Duration::from_secs(20),
        }
    }

    /// How long to wait for a free connection.
    pub(super) fn max_wait(self) -> Duration {
        match self {
            Self::LookUps | Self::Follows => Duration::from_secs(2),
            Self::Reads | Self::Writes => Duration::from_secs(10),
        }
    }
}
