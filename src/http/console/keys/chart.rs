//! The chart of a key's uses and refusals, and the table beneath it.

use askama::Template;
use chrono::{DateTime, Datelike, Timelike};
use form_urlencoded::Serializer;

use crate::domain::usage::{Interval, NetworkUsage, Usage};
use crate::http::console::verdict::VerdictForm;
use crate::http::console::words::{DisplayTime, MONTHS, counted, grouped};

/// The width of the chart's area and its left edge, in tenths of the drawing's unit.
const WIDTH: i64 = 6900;
const LEFT: i64 = 480;
/// The height of the highest bar, that of the lowest, and the place of their feet, in tenths of the drawing's unit.
const HEIGHT: i64 = 1000;
const LEAST: i64 = 10;
const FOOT: i64 = 1240;
/// The most labels beneath the chart.
const LABELS: usize = 6;

/// Uses and refusals of a key over time.
#[derive(Template)]
#[template(path = "keys/chart.html")]
pub struct Chart {
    choices: Vec<Choice>,
    summary: String,
    uses: String,
    refusals: String,
    is_empty: bool,
    bars: Vec<Bar>,
    lines: Vec<Line>,
    labels: Vec<Label>,
    /// Intervals with uses or refusals, the latest first.
    rows: Vec<Row>,
    unit: &'static str,
    networks: Vec<Place>,
}

/// A network from which the key was used or refused.
struct Place {
    network: String,
    first: Option<DisplayTime>,
    last: Option<DisplayTime>,
    refusals: String,
}

/// A length of intervals to choose.
struct Choice {
    name: &'static str,
    /// The query that chooses it, and keeps the question that the page answers.
    query: String,
    is_chosen: bool,
}

/// The bars of one interval: uses at the foot, refusals upon them.
struct Bar {
    x: String,
    width: String,
    uses_y: String,
    uses_height: String,
    refusals_y: String,
    refusals_height: String,
}

/// A horizontal line with the number that it stands for.
struct Line {
    y: String,
    text_y: String,
    text: String,
}

/// The start of an interval, beneath the chart.
struct Label {
    x: String,
    /// `start`, or `end` for the last interval, whose label would not fit behind its start.
    anchor: &'static str,
    text: String,
}

struct Row {
    interval: String,
    uses: String,
    refusals: String,
}

fn choice(each: Interval, chosen: Interval, question: &VerdictForm) -> Choice {
    let mut query = Serializer::new(String::new());
    query.append_pair("by", each.name());
    for (name, value) in [("action", &question.action), ("resource", &question.resource), ("type", &question.type_name)]
    {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    Choice { name: each.name(), query: query.finish(), is_chosen: each == chosen }
}

impl Chart {
    /// The chart of a series, and the networks of the key. Its links keep the question that the page answers.
    pub fn of(by: Interval, question: &VerdictForm, series: &[Usage], networks: Vec<NetworkUsage>, now: i64) -> Self {
        let sum = |of: fn(&Usage) -> i64| series.iter().map(of).sum::<i64>();
        let (uses, refusals) = (sum(|each| each.uses), sum(|each| each.refusals));
        let top = rounded(series.iter().map(|each| each.uses + each.refusals).max().unwrap_or(0));
        let intervals = i64::try_from(series.len()).unwrap_or(i64::MAX).max(1);
        let x = |interval: usize| LEFT + i64::try_from(interval).unwrap_or(0) * WIDTH / intervals;
        let height = |count: i64| if count == 0 { 0 } else { (count.saturating_mul(HEIGHT) / top).max(LEAST) };
        let bar = |(interval, each): (usize, &Usage)| {
            let (of_uses, of_refusals) = (height(each.uses), height(each.refusals));
            let step = WIDTH / intervals;
            Bar {
                x: units(x(interval) + step * 15 / 100),
                width: units(step * 70 / 100),
                uses_y: units(FOOT - of_uses),
                uses_height: units(of_uses),
                refusals_y: units(FOOT - of_uses - of_refusals),
                refusals_height: units(of_refusals),
            }
        };
        let line = |part: i64| {
            let y = FOOT - HEIGHT * part / 2;
            Line { y: units(y + 5), text_y: units(y + 40), text: grouped(top * part / 2) }
        };
        let every = series.len().div_ceil(LABELS).max(1);
        let label = |(interval, each): (usize, &Usage)| {
            let (x, anchor) = if interval + 1 == series.len() { (LEFT + WIDTH, "end") } else { (x(interval), "start") };
            Label { x: units(x), anchor, text: name(by, each.starts_at) }
        };
        let row = |each: &Usage| Row {
            interval: full_name(by, each.starts_at),
            uses: grouped(each.uses),
            refusals: grouped(each.refusals),
        };
        let place = |each: NetworkUsage| Place {
            network: each.network,
            first: DisplayTime::of(each.first_seen_at, now),
            last: DisplayTime::of(each.last_seen_at, now),
            refusals: grouped(each.refusals),
        };
        Self {
            choices: Interval::ALL.map(|each| choice(each, by, question)).into(),
            summary: format!("{} and {} {}", counted(uses, "use"), counted(refusals, "refusal"), span(by)),
            uses: grouped(uses),
            refusals: grouped(refusals),
            is_empty: uses + refusals == 0,
            bars: series.iter().enumerate().filter(|(_, each)| each.uses + each.refusals > 0).map(bar).collect(),
            lines: if top % 2 == 0 { vec![line(0), line(1), line(2)] } else { vec![line(0), line(2)] },
            labels: series.iter().enumerate().step_by(every).map(label).collect(),
            rows: series.iter().rev().filter(|each| each.uses + each.refusals > 0).map(row).collect(),
            unit: by.name(),
            networks: networks.into_iter().map(place).collect(),
        }
    }
}

/// Tenths of the drawing's unit as a number.
fn units(tenths: i64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The usual period of intervals of that length.
fn span(by: Interval) -> &'static str {
    match by {
        Interval::Hour => "in the last day",
        Interval::Day => "in the last 30 days",
        Interval::Month => "in the last year",
    }
}

/// The smallest of 1, 2, 4, 6, 8 and 10 times a power of ten that is not below `count`.
fn rounded(count: i64) -> i64 {
    let mut power = 1;
    loop {
        if let Some(top) = [1, 2, 4, 6, 8].into_iter().map(|digit| digit * power).find(|top| *top >= count) {
            return top;
        }
        power *= 10;
    }
}

fn name(by: Interval, instant: i64) -> String {
    let Some(date) = DateTime::from_timestamp_millis(instant) else { return String::new() };
    let month = MONTHS[date.month0() as usize % 12];
    match by {
        Interval::Hour => format!("{:02}:00", date.hour()),
        Interval::Day => format!("{} {month}", date.day()),
        Interval::Month => format!("{month} {}", date.year()),
    }
}

fn full_name(by: Interval, instant: i64) -> String {
    match by {
        Interval::Hour => format!("{}, {} UTC", name(Interval::Day, instant), name(by, instant)),
        Interval::Day | Interval::Month => name(by, instant),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR;

    #[test]
    fn the_scale_ends_at_a_round_number() {
        for (count, top) in [(0, 1), (1, 1), (3, 4), (9, 10), (11, 20), (41, 60), (999, 1000), (28_411, 40_000)] {
            assert_eq!(rounded(count), top, "{count}");
        }
        assert!(rounded(i64::MAX / 100) >= i64::MAX / 100);
    }

    #[test]
    fn a_single_refusal_among_many_uses_is_seen() {
        let each = |hour: i64, uses, refusals| Usage { starts_at: hour * HOUR, uses, refusals };
        let series = [each(0, 100_000, 1), each(1, 0, 0), each(2, 50_000, 0)];
        let chart = Chart::of(Interval::Hour, &VerdictForm::default(), &series, Vec::new(), 0);
        assert_eq!(chart.bars.len(), 2);
        assert_eq!(chart.bars[0].refusals_height, "1.0");
        assert_eq!(chart.rows.len(), 2);
        assert_eq!(chart.summary, "150000 uses and 1 refusal in the last day");
        let html = chart.render().unwrap();
        assert!(html.contains("150,000"), "{html}");
    }
}
