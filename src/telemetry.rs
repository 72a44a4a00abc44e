//! Logging.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;

/// Starts logging to standard error. Standard output is for the results of commands.
///
/// # Errors
/// When the directives cannot be parsed.
pub fn start(directives: &str, format: LogFormat, accept_errors: AcceptErrors) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(directives)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A line that nobody reads any more must not end the thread that writes it: otherwise it is reported with `eprintln`.
    let builder = builder.with_ansi(std::io::stderr().is_terminal()).log_internal_errors(false);
    match format {
        LogFormat::Text => builder.with_target(false).finish().with(accept_errors).init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().with(accept_errors).init(),
    }
    Ok(())
}

/// Counts failures to accept a connection, which the server reports only in its log. Without file descriptors it fails
/// twice a second: each is counted, and one a minute is logged.
#[derive(Clone, Default)]
pub struct AcceptErrors(pub Counter, Arc<Mutex<Option<Instant>>>);

/// How long such log lines are suppressed after one.
const QUIET: Duration = Duration::from_mins(1);

impl AcceptErrors {
    fn record(&self, now: Instant) -> bool {
        self.0.inc();
        let mut told = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        let tells = told.is_none_or(|told| now.saturating_duration_since(told) >= QUIET);
        if tells {
            *told = Some(now);
        }
        tells
    }
}

impl<S: Subscriber> Layer<S> for AcceptErrors {
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        let about = event.metadata();
        *about.level() != Level::ERROR || about.target() != "actix_server::accept" || self.record(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_accepting_are_counted_and_told_once_a_minute() {
        let (errors, now) = (AcceptErrors::default(), Instant::now());
        let told: Vec<bool> =
            [0, 1, 59, 60, 61].map(|seconds| errors.record(now + Duration::from_secs(seconds))).into();
        assert_eq!((told, errors.0.get()), (vec![true, false, false, true, false], 5));
    }

    #[test]
    fn only_errors_of_accepting_are_held_back() {
        let errors = AcceptErrors::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(errors.clone()), || {
            tracing::error!(target: "actix_server::accept", "Error accepting connection");
            tracing::info!(target: "actix_server::accept", "accept thread stopped");
            tracing::error!("another");
        });
        assert_eq!(errors.0.get(), 1);
    }
}
