//! Computes how many connections fit into the file descriptors of the process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Settings;

/// Descriptors reserved beside those of the database: for listeners, threads, files, and connections that are still
/// closing while others replace them.
const KEPT: usize = 128;

/// Descriptors per SQLite connection: the database, its write-ahead log and the log's index.
const OF_DATABASE: usize = 3;

/// The smallest number of connections.
const LEAST: usize = 16;

/// The default number of connections.
const MOST: usize = 25_600;

/// Raises the limit of file descriptors as far as allowed, and returns it.
#[must_use]
pub fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let granted = match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    granted.map_or(usize::MAX, |granted| usize::try_from(granted).unwrap_or(usize::MAX))
}

/// How many connections this many descriptors allow.
#[must_use]
pub fn connections(settings: &Settings, descriptors: usize) -> usize {
    let of_database = (2 * settings.database_connections as usize + settings.look_up_connections()) * OF_DATABASE;
    let room = descriptors.saturating_sub(of_database + KEPT).max(LEAST);
    let wanted = settings.connections.unwrap_or(MOST);
    if wanted > room {
        tracing::info!(connections = room, descriptors, "fewer connections fit than there could be");
    }
    wanted.min(room).max(1)
}
