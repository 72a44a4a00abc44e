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
}

impl<'a> Rows<'a> {
    pub(super) fn new(database: Option<&'a Database>, copy: Option<&'a Source>) -> Self {
        Self { database, copy, copied: None, position: 0 }
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
            let rows = ids.chunks(250).map(|ids| database.read(|connection| changes::with_ids(connection, ids)));
            let mut known = HashMap::new();
            for rows in rows {
                known.extend(rows.map_err(explain)?.into_iter().map(|row| (row.change.id.to_string(), row)));
            }
            for (index, found) in (first..).zip(entries) {
                if let Some(found) = found {
                    self.compare_row(index, found, &known, report);
                }
            }
        }
        self.compare_copy(first, entries, report)
    }

    fn compare_row(
        &mut self,
        index: u64,
        found: &StoredEntry,
        rows: &HashMap<String, Positioned>,
        report: &mut Report,
    ) {
        let Some(id) = id(found) else {
            report.add(Finding::of(Kind::EntryChanged, "the entry does not name its change".to_owned()).at(index));
            return;
        };
        if found.filed_under.as_ref().is_some_and(|filed| *filed != id) {
            report.add(Finding::of(Kind::EntryChanged, "it is filed under another id".to_owned()).at(index).about(&id));
        }
        report.rows += 1;
        let Some(row) = rows.get(&id) else {
            let text = "it is in the log, and was removed from the audit trail".to_owned();
            report.add(Finding::of(Kind::RowRemoved, text).at(index).about(id));
            return;
        };
        let members = differences(&found.entry, &row.change, &row.states);
        if !members.is_empty() {
            let text = format!("the audit trail says something else than the log of: {}", members.join(", "));
            report.add(Finding::of(Kind::RowChanged, text).at(index).about(&id));
        }
        if row.position != 0 && row.position < self.position {
            let text = "the audit trail has it at another place than the log".to_owned();
            report.add(Finding::of(Kind::RowReordered, text).at(index).about(&id));
        }
        self.position = self.position.max(row.position);
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

fn id(found: &StoredEntry) -> Option<String> {
    change_of(&found.entry).map(|id| id.to_string())
}
