//! How many connections fit into the descriptors that the operating system grants.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Settings;

/// What is kept beside those of the database: listeners, threads, files, and connections that are closed in the moment
/// others take their place.
const KEPT: usize = 128;

/// A connection to SQLite holds the database, its log and the log's index.
const OF_DATABASE: usize = 3;

/// Fewer than so many connections are no server.
const LEAST: usize = 16;

/// How many connections there may be if nothing is configured.
const MOST: usize = 25_600;

/// Asks for as many descriptors as this process may have, and says how many it has.
#[must_use]
pub fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let granted = match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    granted.map_or(usize::MAX, |granted| usize::try_from(granted).unwrap_or(usize::MAX))
}

/// How many connections there may be with so many descriptors.
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
