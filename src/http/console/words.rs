//! Instants in words.

use chrono::{DateTime, Datelike, Timelike};

use crate::clock::{DAY, HOUR, MINUTE};
use crate::domain::api_key::NEVER;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// An instant as pages show it: relative, with the exact one for whoever looks closer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// `2026-11-29T10:00:00Z`, for the `datetime` of the element.
    pub iso: String,
    /// `29 Nov 2026, 10:00 UTC`
    pub exact: String,
    /// `in 5 days`, `2 hours ago`
    pub relative: String,
}

impl When {
    /// That instant, as seen at `now`, both in epoch milliseconds; `None` for never.
    #[must_use]
    pub fn of(instant: i64, now: i64) -> Option<Self> {
        if instant == NEVER || instant == 0 {
            return None;
        }
        let date = DateTime::from_timestamp_millis(instant)?;
        let month = MONTHS[date.month0() as usize % 12];
        Some(Self {
            iso: format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                date.year(), date.month(), date.day(), date.hour(), date.minute(), date.second()
            ),
            exact: format!("{} {month} {}, {:02}:{:02} UTC", date.day(), date.year(), date.hour(), date.minute()),
            relative: relative(instant, now),
        })
    }
}

/// How far an instant is, in the largest unit of which there are two.
#[must_use]
pub fn relative(instant: i64, now: i64) -> String {
    let (distance, ahead) = ((instant - now).abs(), instant > now);
    let text = match distance {
        ..MINUTE => return if ahead { "in a moment".to_owned() } else { "just now".to_owned() },
        _ if distance < 2 * HOUR => counted(distance / MINUTE, "minute"),
        _ if distance < 2 * DAY => counted(distance / HOUR, "hour"),
        _ if distance < 90 * DAY => counted(distance / DAY, "day"),
        _ if distance < 730 * DAY => counted(distance / (30 * DAY), "month"),
        _ => counted(distance / (365 * DAY), "year"),
    };
    if ahead { format!("in {text}") } else { format!("{text} ago") }
}

/// `1 key`, `2 keys`
#[must_use]
pub fn counted(count: i64, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_told_in_the_unit_that_fits() {
        let now = 1_795_391_999_000;
        for (distance, text) in [
            (30_000, "in a moment"), (-30_000, "just now"), (MINUTE, "in 1 minute"), (-119 * MINUTE, "119 minutes ago"),
            (5 * DAY, "in 5 days"), (-100 * DAY, "3 months ago"), (800 * DAY, "in 2 years"), (47 * HOUR, "in 47 hours"),
        ] {
            assert_eq!(relative(now + distance, now), text);
        }
        let when = When::of(now, now).unwrap();
        assert_eq!((when.iso.as_str(), when.exact.as_str()), ("2026-11-22T23:59:59Z", "22 Nov 2026, 23:59 UTC"));
        assert_eq!(When::of(NEVER, now), None);
    }
}
