//! What connections are for.

use std::time::Duration;

/// What a connection is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Reading for a request.
    Reads,
    /// Reading what authentication waits for.
    LookUps,
    /// Following changes: however many reads authentication waits for, memory becomes usable again.
    Follows,
    /// Writing.
    Writes,
}

impl Lane {
    /// How long one piece of work may take, and any statement of it.
    #[must_use]
    pub fn limit(self) -> Duration {
        match self {
            Self::Reads => Duration::from_secs(10),
            Self::LookUps | Self::Follows => Duration::from_secs(5),
            Self::Writes => Duration::from_secs(20),
        }
    }

    /// How long to wait for a connection.
    pub(super) fn patience(self) -> Duration {
        match self {
            Self::LookUps | Self::Follows => Duration::from_secs(2),
            Self::Reads | Self::Writes => Duration::from_secs(10),
        }
    }
}
