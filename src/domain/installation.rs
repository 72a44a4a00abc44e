//! The installation: its identity, and what a process remembers of its database.

use std::fmt;

use uuid::Uuid;

use super::change::Change;

/// The installation that a database belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installation {
    /// Its random identity, the same in every copy of the database.
    pub id: Uuid,
    /// The latest time that any of its processes has seen, in epoch milliseconds.
    pub latest_time: i64,
}

/// The state of the database that a process saw last. A copy of the database without these changes is older: a restored
/// backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The installation's id.
    pub installation: Uuid,
    /// When the latest of the changes was made, in epoch milliseconds.
    pub at: i64,
    /// The changes that were committed last.
    pub changes: Vec<Uuid>,
}

/// The last word of the text form; a truncated text lacks it.
const END: &str = "end";

/// How many changes are remembered.
const REMEMBERED: usize = 1_000;

impl Seen {
    /// The state after these changes, all committed after those remembered before.
    #[must_use]
    pub fn of(installation: Uuid, changes: &[Change]) -> Self {
        let at = changes.iter().map(|change| change.changed_at).max().unwrap_or(0);
        Self { installation, at, changes: changes.iter().map(|change| change.id).take(REMEMBERED).collect() }
    }

    /// Parses the text that [`Display`](fmt::Display) writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // A text without its last word is truncated.
        let mut words = text.trim_end().strip_suffix(END)?.split_whitespace();
        let installation = Uuid::parse_str(words.next()?).ok()?;
        let at = words.next()?.parse().ok()?;
        let changes = words.map(Uuid::parse_str).collect::<Result<_, _>>().ok()?;
        Some(Self { installation, at, changes })
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} {}", self.installation, self.at)?;
        self.changes.iter().try_for_each(|change| writeln!(formatter, "{change}"))?;
        writeln!(formatter, "{END}")
    }
}
