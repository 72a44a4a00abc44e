//! Listens to what other connections say on PostgreSQL (`LISTEN`). SQLite has no such thing.

use std::thread::sleep;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::r2d2::R2D2Connection;

use super::lane::Lane;
use super::{AnyConnection, Database, storage};
use crate::domain::error::Result;

/// The channel on which nodes wake each other.
pub const CHANNEL: &str = "tessera_changes";
/// How often the socket is looked at; the driver cannot wait for it.
const LOOK_EVERY: Duration = Duration::from_millis(4);
/// How often the connection is checked, because a closed one looks like a silent one.
const CHECK_EVERY: Duration = Duration::from_secs(2);

impl Database {
    /// Calls `heard` with everything that is said on [`CHANNEL`], on a connection of its own, and once at the start, with
    /// nothing. Blocks until the connection fails; on SQLite it returns at once.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn listen(&self, heard: impl Fn(&str)) -> Result<()> {
        if self.manager.is_file() {
            return Ok(());
        }
        let mut link = self.manager.for_lane(Lane::Follows).open().map_err(storage)?;
        let AnyConnection::Postgres(postgres) = &mut *link else { return Ok(()) };
        postgres.batch_execute(&format!("LISTEN {CHANNEL}"))?;
        heard("");
        let mut checked = Instant::now();
        loop {
            for said in postgres.notifications_iter() {
                heard(&said?.payload);
            }
            if checked.elapsed() > CHECK_EVERY {
                postgres.ping()?;
                checked = Instant::now();
            }
            sleep(LOOK_EVERY);
        }
    }
}
