//! Compares the entries of the log with the rows of the audit trail, and with a copy of the log.

use std::collections::HashMap;

use super::explain;
use super::report::{Finding, Kind, Report};
use super::source::{Source, StoredEntry};
use crate::domain::log::note::unverified;
use crate::domain::log::path::{self, TilePath};
use crate::domain::log::{TILE_WIDTH, change_of, differences};
use crate::storage::changes::{self, Positioned};
use crate::storage::database::Database;
use crate::storage::log::{self, BEGINNING};

/// How many rows are looked at in one transaction.
const ROWS: i64 = 1_000;

/// The rows of the database, and a copy of the log, that the entries are compared with.
pub(super) struct Rows<'a> {
    database: Option<&'a Database>,
    copy: Option<&'a Source>,
    /// How many entries the copy has.
    copied: Option<u64>,
    /// The highest position so far.
    position: i64,
    /// Whether an entry that no restore has left has had a position.
    is_positioned: bool,
}

/// The rows of some entries.
struct Found {
    rows: HashMap<String, Positioned>,
    /// The position of the change that was appended last; none in the log has a higher one.
    appended: i64,
    /// How many entries the last restore has left. In another PostgreSQL cluster their rows have no positions.
    left: u64,
}

impl<'a> Rows<'a> {
    pub(super) fn new(database: Option<&'a Database>, copy: Option<&'a Source>) -> Self {
        Self { database, copy, copied: None, position: 0, is_positioned: false }
    }

    /// Compares some entries, the first of which has that number.
    pub(super) fn compare(
        &mut self,
        first: u64,
        entries: &[Option<StoredEntry>],
        report: &mut Report,
    ) -> Result<(), String> {
        if let Some(database) = self.database {
            let ids: Vec<String> = entries.iter().flatten().filter_map(id).collect();
            let known = rows_of(database, &ids)?;
            for (index, found) in (first..).zip(entries) {
                if let Some(found) = found {
                    self.compare_row(index, found, &known, report);
                }
            }
        }
        self.compare_copy(first, entries, report)
    }

    fn compare_row(&mut self, index: u64, found: &StoredEntry, known: &Found, report: &mut Report) {
        let Some(id) = id(found) else {
            report.add(Finding::of(Kind::EntryChanged, "the entry does not name its change".to_owned()).at(index));
            return;
        };
        if found.filed_under.as_ref().is_some_and(|filed| *filed != id) {
            report.add(Finding::of(Kind::EntryChanged, "it is filed under another id".to_owned()).at(index).about(&id));
        }
        report.rows += 1;
        let Some(row) = known.rows.get(&id) else {
            let text = "it is in the log, and was removed from the audit trail".to_owned();
            report.add(Finding::of(Kind::RowRemoved, text).at(index).about(id));
            return;
        };
        let members = differences(&found.entry, &row.change, &row.states);
        if !members.is_empty() {
            let text = format!("the audit trail says something else than the log of: {}", members.join(", "));
            report.add(Finding::of(Kind::RowChanged, text).at(index).about(&id));
        }
        if self.is_misplaced(index, row.position, known) {
            let text = "the audit trail has it at another place than the log".to_owned();
            report.add(Finding::of(Kind::RowReordered, text).at(index).about(&id));
        }
    }

    /// Whether a position disagrees with the order of the log. Only rows from before there were positions, or that a restore
    /// has left, have none.
    fn is_misplaced(&mut self, index: u64, position: i64, known: &Found) -> bool {
        if position == 0 {
            return index >= known.left && self.is_positioned;
        }
        self.is_positioned |= index >= known.left;
        if known.appended != BEGINNING && position > known.appended {
            return true;
        }
        let is_earlier = position < self.position;
        self.position = self.position.max(position);
        is_earlier
    }

    fn compare_copy(&mut self, first: u64, entries: &[Option<StoredEntry>], report: &mut Report) -> Result<(), String> {
        let Some(copy) = self.copy else { return Ok(()) };
        let copied = match self.copied {
            Some(copied) => copied,
            None => unverified(&copy.checkpoint()?)?.size(),
        };
        self.copied = Some(copied);
        if first >= copied {
            return Ok(());
        }
        let width = TILE_WIDTH.min(copied - first);
        let place = first / TILE_WIDTH;
        let others = copy.entries(TilePath { kind: path::Kind::Entries, place, width })?;
        for ((index, found), other) in (first..).zip(entries).zip(&others) {
            if let (Some(found), Some(other)) = (found, other)
                && found.entry != other.entry
            {
                let id = id(other).unwrap_or_default();
                let text = "the copy has another entry at this place".to_owned();
                report.add(Finding::of(Kind::CopyDiffers, text).at(index).about(id));
            }
        }
        Ok(())
    }

    /// Looks for rows that are not in the log although later ones are, and for entries that only the copy has.
    pub(super) fn finish(self, size: u64, report: &mut Report) -> Result<(), String> {
        if let Some(copied) = self.copied.filter(|copied| *copied > size) {
            let text = format!("the copy has {copied} entries, and this log {size}: it was rolled back");
            report.add(Finding::of(Kind::RolledBack, text));
        }
        let Some(database) = self.database else { return Ok(()) };
        let mut after = Some(String::new());
        while let Some(last) = after {
            let page = database.read(|connection| {
                let state = log::find(connection)?;
                Ok((changes::not_in_log(connection, &last, ROWS)?, state))
            });
            let ((rows, next), state) = page.map_err(explain)?;
            let appended = state.filter(|state| state.position != BEGINNING);
            let appended = appended.map(|state| (state.position, state.change_id));
            for Positioned { change, position, .. } in rows {
                let id = change.id.to_string();
                if appended.as_ref().is_some_and(|appended| (position, &id) <= (appended.0, &appended.1)) {
                    let text = "it is not in the log, although later ones are".to_owned();
                    report.add(Finding::of(Kind::RowInserted, text).about(id));
                } else {
                    report.unlogged += 1;
                }
            }
            after = next;
        }
        Ok(())
    }
}

/// The rows with these ids.
fn rows_of(database: &Database, ids: &[String]) -> Result<Found, String> {
    let mut found = Found { rows: HashMap::new(), appended: BEGINNING, left: 0 };
    for ids in ids.chunks(250) {
        let read = database.read(|connection| {
            let left = log::forks(connection)?.last().map_or(0, |fork| fork.size);
            Ok((changes::with_ids(connection, ids)?, log::find(connection)?, left))
        });
        let (rows, state, left) = read.map_err(explain)?;
        found.rows.extend(rows.into_iter().map(|row| (row.change.id.to_string(), row)));
        found.appended = state.map_or(BEGINNING, |state| state.position);
        found.left = u64::try_from(left).unwrap_or(0);
    }
    Ok(found)
}

fn id(found: &StoredEntry) -> Option<String> {
    change_of(&found.entry).map(|id| id.to_string())
}
