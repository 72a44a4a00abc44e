//! The installation as a whole: its identity, and what has been seen of it.

use std::fmt;

use uuid::Uuid;

use super::change::Change;

/// The installation that a database belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installation {
    /// Its identity: drawn once, and in every copy of the database.
    pub id: Uuid,
    /// The latest time that any of its processes has seen, in epoch milliseconds.
    pub latest_time: i64,
}

/// What a process saw of the database last. A copy of the database without it was made before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Whose database it was.
    pub installation: Uuid,
    /// When the last of the changes was made, in epoch milliseconds.
    pub at: i64,
    /// The changes that were committed last.
    pub changes: Vec<Uuid>,
}

/// The last word of what is kept.
const END: &str = "end";

/// So many changes are remembered.
const REMEMBERED: usize = 1_000;

impl Seen {
    /// What is remembered of changes that were all committed after those remembered before.
    #[must_use]
    pub fn of(installation: Uuid, changes: &[Change]) -> Self {
        let at = changes.iter().map(|change| change.changed_at).max().unwrap_or(0);
        Self { installation, at, changes: changes.iter().map(|change| change.id).take(REMEMBERED).collect() }
    }

    /// Reads what [`Display`](fmt::Display) writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Without its last word the text has lost something.
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
