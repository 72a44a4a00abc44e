//! The last resort of stopping: a thread that ends the process when it was told to stop and does not.
//!
//! The server itself stops gracefully, but it waits for its threads; one that is held by a request, or a database that
//! does not answer, must not hold the process.

use std::io;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// How much longer than running requests the process itself may take, to save what is in memory.
pub const MARGIN: Duration = Duration::from_secs(5);

/// Ends the process that long after SIGTERM, SIGINT or SIGQUIT, unless it has ended by then.
///
/// # Errors
/// When signals cannot be listened to, or there are no more threads.
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
