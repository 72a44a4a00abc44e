//! A watchdog thread that ends the process if it has not stopped in time after a signal.
//!
//! The server stops gracefully, but it waits for its threads. A thread held by a request, or a database that does not
//! answer, must not keep the process alive.

use std::io;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// How much longer than running requests the process may take, to save what is in memory.
pub const MARGIN: Duration = Duration::from_secs(5);

/// Ends the process that long after SIGTERM, SIGINT or SIGQUIT, unless it has ended by then. SIGHUP, as when a terminal is
/// closed, is taken for SIGTERM: by itself it would end the process with what is in memory. Where it is ignored (`nohup`)
/// it stays so.
///
/// # Errors
/// When signal handlers or the thread cannot be set up.
pub fn watch(limit: Duration) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let ignores_hang_up = ignores_hang_up(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
    let [mut terminated, mut interrupted, mut quit] = {
        let _entered = runtime.enter();
        [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::quit())?]
    };
    let mut hung_up = {
        let _entered = runtime.enter();
        if ignores_hang_up { None } else { Some(signal(SignalKind::hangup())?) }
    };
    let watching = move || {
        let closed = async {
            match &mut hung_up {
                Some(hung_up) => hung_up.recv().await,
                None => std::future::pending().await,
            }
        };
        let is_closed = runtime.block_on(async {
            tokio::select! {
                _ = terminated.recv() => false,
                _ = interrupted.recv() => false,
                _ = quit.recv() => false,
                _ = closed => true,
            }
        });
        if is_closed && let Err(error) = kill_process(getpid(), Signal::TERM) {
            tracing::error!(%error, "cannot tell this process to stop");
        }
        std::thread::sleep(limit);
        tracing::error!(?limit, "told to stop and still running: ending the process");
        std::process::exit(1);
    };
    std::thread::Builder::new().name("shutdown".to_owned()).spawn(watching)?;
    Ok(())
}

/// Whether the process was started with SIGHUP ignored, by its mask of ignored signals as Linux shows it.
fn ignores_hang_up(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_hang_up_is_seen_in_the_mask() {
        assert!(ignores_hang_up("Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"));
        assert!(!ignores_hang_up("Name:\tx\nSigIgn:\t0000000000001000\nSigCgt:\t1\n"));
        assert!(!ignores_hang_up(""));
    }
}
