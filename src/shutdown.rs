//! A watchdog thread that ends the process if it has not stopped in time after a signal.
//!
//! The server stops gracefully, but it waits for its threads. A thread held by a request, or a database that does not
//! answer, must not keep the process alive.

use std::io;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// How much longer than running requests the process may take, to save what is in memory.
pub const MARGIN: Duration = Duration::from_secs(5);

/// Ends the process after this time from SIGTERM, SIGINT or SIGQUIT, if it is still running.
///
/// # Errors
/// When signal handlers or the thread cannot be set up.
pub fn watch(limit: Duration) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let [mut terminated, mut interrupted, mut quit] = {
        let _entered = runtime.enter();
        [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::quit())?]
    };
    let watching = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = interrupted.recv() => {}
                _ = quit.recv() => {}
            }
        });
        std::thread::sleep(limit);
        tracing::error!(?limit, "told to stop and still running: ending the process");
        std::process::exit(1);
    };
    std::thread::Builder::new().name("shutdown".to_owned()).spawn(watching)?;
    Ok(())
}
