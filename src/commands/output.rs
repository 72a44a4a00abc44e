//! What commands print. A reader that has gone away, as `head` does, or a full disk ends no command before its work is
//! done; the command then fails at its end.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether something could not be printed.
static INCOMPLETE: AtomicBool = AtomicBool::new(false);

/// Prints a line.
pub(super) fn say(line: impl Display) {
    print(format_args!("{line}\n"));
}

/// Prints a text that has line ends of its own.
pub(super) fn print(text: impl Display) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = write!(out, "{text}").and_then(|()| out.flush())
        && !INCOMPLETE.swap(true, Ordering::Relaxed)
        && error.kind() != ErrorKind::BrokenPipe
    {
        warn(format_args!("tessera: cannot write to standard output: {error}"));
    }
}

/// Prints a line to standard error, where nobody may be left to read it.
pub fn warn(line: impl Display) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// Whether everything could be printed.
#[must_use]
pub fn is_complete() -> bool {
    !INCOMPLETE.load(Ordering::Relaxed)
}
