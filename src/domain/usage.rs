//! Uses and refusals of an API key over time, counted per hour, day or month of UTC.

use chrono::{DateTime, Datelike, Months};

use super::error::Violation;
use super::ids::PrincipalId;
use crate::clock::{DAY, HOUR};

/// The most intervals in one series.
pub const MOST_INTERVALS: usize = 1000;

/// The uses and refusals of a principal in one hour or day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrincipalUsage {
    /// The principal.
    pub principal: PrincipalId,
    /// How often it was used and refused.
    pub usage: Usage,
}

/// The uses and refusals in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Start of the interval, in epoch milliseconds.
    pub starts_at: i64,
    /// Accepted uses of the key's token.
    pub uses: i64,
    /// Requests with the key's genuine token that were refused.
    pub refusals: i64,
}

/// When a principal was used or refused in requests from one network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkUsage {
    /// The principal.
    pub principal: PrincipalId,
    /// An IPv4 address, or the /64 of an IPv6 address.
    pub network: String,
    /// Epoch milliseconds, exact to the hour.
    pub first_seen_at: i64,
    /// Epoch milliseconds, exact to the hour.
    pub last_seen_at: i64,
    /// Requests with the principal's genuine token that were refused.
    pub refusals: i64,
}

/// The length of the intervals of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// Hours.
    Hour,
    /// Days of UTC.
    Day,
    /// Calendar months of UTC.
    Month,
}

impl Interval {
    /// Every length.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Month];

    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The length with that name.
    ///
    /// # Errors
    /// A violation of the parameter `by`.
    pub fn parse(name: &str) -> Result<Self, Violation> {
        let found = Self::ALL.into_iter().find(|each| each.name() == name);
        found.ok_or_else(|| Violation::new("by", "must be `hour`, `day` or `month`"))
    }

    /// The start of the interval that contains `instant`.
    #[must_use]
    pub fn start(self, instant: i64) -> i64 {
        match self {
            Self::Hour => instant - instant.rem_euclid(HOUR),
            Self::Day => instant - instant.rem_euclid(DAY),
            Self::Month => {
                let day = DateTime::from_timestamp_millis(instant).map_or(0, |date| date.day0());
                Self::Day.start(instant) - i64::from(day) * DAY
            }
        }
    }

    /// The start of the interval after the one that begins at `start`.
    #[must_use]
    pub fn next(self, start: i64) -> i64 {
        match self {
            Self::Hour => start + HOUR,
            Self::Day => start + DAY,
            Self::Month => DateTime::from_timestamp_millis(start)
                .and_then(|date| date.checked_add_months(Months::new(1)))
                .map_or(i64::MAX, |date| date.timestamp_millis()),
        }
    }

    /// The starts of the intervals from the one that contains `from` to the one before `to`; `None` if there are more
    /// than [`MOST_INTERVALS`].
    #[must_use]
    pub fn starts(self, from: i64, to: i64) -> Option<Vec<i64>> {
        let starts = std::iter::successors(Some(self.start(from)), |start| Some(self.next(*start)));
        let starts: Vec<i64> = starts.take_while(|start| *start < to).take(MOST_INTERVALS + 1).collect();
        (starts.len() <= MOST_INTERVALS).then_some(starts)
    }
}

/// Sums counts into the intervals that begin at `starts`, in ascending order. Counts outside all of them are left out.
#[must_use]
pub fn series(starts: &[i64], counts: impl IntoIterator<Item = Usage>) -> Vec<Usage> {
    let mut series: Vec<Usage> =
        starts.iter().map(|starts_at| Usage { starts_at: *starts_at, uses: 0, refusals: 0 }).collect();
    for count in counts {
        let place = starts.partition_point(|start| *start <= count.starts_at);
        if let Some(sum) = place.checked_sub(1).and_then(|place| series.get_mut(place)) {
            sum.uses += count.uses;
            sum.refusals += count.refusals;
        }
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2028-02-29T13:45:00Z, in a leap year.
    const INSTANT: i64 = 1_835_444_700_000;

    #[test]
    fn intervals_begin_and_end_as_in_utc() {
        let iso = |instant| DateTime::from_timestamp_millis(instant).unwrap().to_rfc3339();
        for (interval, start, next) in [
            (Interval::Hour, "2028-02-29T13:00:00+00:00", "2028-02-29T14:00:00+00:00"),
            (Interval::Day, "2028-02-29T00:00:00+00:00", "2028-03-01T00:00:00+00:00"),
            (Interval::Month, "2028-02-01T00:00:00+00:00", "2028-03-01T00:00:00+00:00"),
        ] {
            assert_eq!(iso(interval.start(INSTANT)), start);
            assert_eq!(iso(interval.next(interval.start(INSTANT))), next);
            assert_eq!(interval.start(interval.start(INSTANT)), interval.start(INSTANT));
            assert_eq!(Interval::parse(interval.name()).unwrap(), interval);
        }
    }

    #[test]
    fn a_series_has_every_interval_and_every_count_once() {
        let starts = Interval::Day.starts(INSTANT, INSTANT + 3 * DAY).unwrap();
        assert_eq!(starts.len(), 4);
        let count = |starts_at| Usage { starts_at, uses: 2, refusals: 1 };
        let hours = (0..96).map(|hour| count(starts[0] + hour * HOUR));
        let summed = series(&starts, hours);
        assert!(summed.iter().all(|each| (each.uses, each.refusals) == (48, 24)), "{summed:?}");
        let before = series(&starts, [count(starts[0] - 1)]);
        assert!(before.iter().all(|each| each.uses == 0), "{before:?}");
    }

    #[test]
    fn a_series_is_bounded() {
        let most = i64::try_from(MOST_INTERVALS).unwrap();
        let start = Interval::Hour.start(INSTANT);
        assert_eq!(Interval::Hour.starts(start, start + most * HOUR).map(|starts| starts.len()), Some(MOST_INTERVALS));
        assert_eq!(Interval::Hour.starts(start, start + most * HOUR + 1), None);
        assert_eq!(Interval::Hour.starts(start, start), Some(Vec::new()));
    }
}
