//! Limits log lines per kind and minute, so that refused requests cannot fill the disk.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines of one kind (refusals with one code, for example) that are logged per period; further lines are only counted.
const LINES: u64 = 10;
/// The period in which lines are counted.
const PERIOD: Duration = Duration::from_mins(1);

/// Counts log lines by kind.
#[derive(Default)]
pub struct LogBounds(Mutex<HashMap<&'static str, Period>>);

struct Period {
    began: Instant,
    lines: u64,
}

impl Period {
    fn left_out(&self) -> u64 {
        self.lines.saturating_sub(LINES)
    }
}

impl LogBounds {
    /// Counts a line of that kind; `true` if it should be written.
    pub fn admit(&self, kind: &'static str, now: Instant) -> bool {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let period = kinds.entry(kind).or_insert(Period { began: now, lines: 0 });
        if now.saturating_duration_since(period.began) >= PERIOD {
            tell(kind, period.left_out());
            *period = Period { began: now, lines: 0 };
        }
        period.lines += 1;
        period.lines <= LINES
    }

    /// Logs how many lines were left out in the periods that have ended, and forgets those periods.
    pub fn summarise(&self, now: Instant) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.retain(|kind, period| {
            let goes_on = now.saturating_duration_since(period.began) < PERIOD;
            if !goes_on {
                tell(kind, period.left_out());
            }
            goes_on
        });
    }
}

fn tell(kind: &'static str, left_out: u64) {
    if left_out > 0 {
        tracing::info!(code = kind, left_out, "more lines of this kind within a minute");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_of_each_kind_are_written_in_a_minute() {
        let (bounds, began) = (LogBounds::default(), Instant::now());
        let written = |kind, now| (0..1_000).filter(|_| bounds.admit(kind, now)).count();
        assert_eq!([written("a", began), written("a", began), written("b", began)], [10, 0, 10]);
        assert_eq!(written("a", began + PERIOD), 10);
        assert_eq!(written("b", began + PERIOD / 2), 0);
    }

    #[test]
    fn what_has_been_summarised_is_forgotten() {
        let (bounds, began) = (LogBounds::default(), Instant::now());
        bounds.admit("a", began);
        bounds.summarise(began + PERIOD / 2);
        assert_eq!(bounds.0.lock().unwrap().len(), 1);
        bounds.summarise(began + PERIOD);
        assert!(bounds.0.lock().unwrap().is_empty());
    }
}
