//! The file of the journal: the changes that took something away, as this machine has seen them. It lies beside the
//! pepper, and so is not in the database's backups.
//!
//! The first line names the installation and the time at which the journal begins; each further line is an entry. Lines
//! are only appended.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::domain::change::Change;
use crate::domain::journal::JournalEntry;
use crate::kept_file::KeptFile;

/// The first word of the file.
const FORMAT: &str = "tessera-journal-1";

/// What a journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// The installation's id.
    pub installation: Uuid,
    /// From when on it has every change that its machine saw, in epoch milliseconds.
    pub begins_at: i64,
    /// The entries, in the order in which they were seen.
    pub entries: Vec<JournalEntry>,
}

/// The file, if there is one.
pub struct JournalFile(KeptFile);

impl JournalFile {
    /// The file at this path.
    pub fn at(path: Option<PathBuf>) -> Self {
        Self(KeptFile::at(path))
    }

    /// Its name, for a message.
    pub fn name(&self) -> String {
        format!("the journal `{}`", self.0.path().unwrap_or(Path::new("")).display())
    }

    /// The contents, if the file exists.
    ///
    /// # Errors
    /// A message for the operator.
    pub fn read(&self) -> Result<Option<Journal>, String> {
        self.0.path().map_or(Ok(None), read)
    }

    /// Begins a journal that has the changes from `begins_at` on.
    pub fn begin(&mut self, installation: Uuid, begins_at: i64) {
        self.write(&format!("{FORMAT} {installation} {begins_at}\n"));
    }

    /// Appends the changes that took something away. Logs a failure.
    pub fn append(&mut self, changes: &[Change]) {
        let lines: String = changes.iter().filter_map(JournalEntry::of).map(|entry| format!("{entry}\n")).collect();
        if !lines.is_empty() {
            self.write(&lines);
        }
    }

    fn write(&mut self, lines: &str) {
        self.0.write("a restore will not know what is revoked now", |path| append(path, lines));
    }
}

/// The journal in that file, if it exists. What a crash has left of a last line does not count.
///
/// # Errors
/// A message for the operator.
pub fn read(path: &Path) -> Result<Option<Journal>, String> {
    let failed = |why: &str| {
        format!("cannot read the journal `{}`: {why}; without it, a new one begins at the next start", path.display())
    };
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error.to_string())),
        Ok(text) => text,
    };
    let Some(end) = text.rfind('\n') else { return Ok(None) };
    let whole = &text[..end];
    let mut lines = whole.lines().enumerate();
    let head = lines.next().and_then(|(_, line)| parse_head(line));
    let (installation, begins_at) = head.ok_or_else(|| failed("its first line is damaged"))?;
    let entries = lines
        .map(|(number, line)| {
            JournalEntry::parse(line).ok_or_else(|| failed(&format!("line {} is damaged", number + 1)))
        })
        .collect::<Result<_, _>>()?;
    Ok(Some(Journal { installation, begins_at, entries }))
}

fn parse_head(line: &str) -> Option<(Uuid, i64)> {
    let mut words = line.strip_prefix(FORMAT)?.split_whitespace();
    Some((Uuid::parse_str(words.next()?).ok()?, words.next()?.parse().ok()?))
}

/// Appends whole lines, on the disk when this returns.
fn append(path: &Path, lines: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    end_last_line(&mut file)?;
    file.write_all(lines.as_bytes())?;
    file.sync_data()
}

/// Removes what a crash has left of a last line.
fn end_last_line(file: &mut File) -> std::io::Result<()> {
    const LONGEST_LINE: u64 = 64 << 10;
    let length = file.seek(SeekFrom::End(0))?;
    let from = length.saturating_sub(LONGEST_LINE);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    std::io::Read::read_to_end(file, &mut end)?;
    if end.last().is_some_and(|last| *last != b'\n') {
        let whole = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1);
        file.set_len(from + whole)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::change::{Action, ChangeSubject};

    fn change(name: &str) -> Change {
        Change {
            id: Uuid::from_u128(9),
            changed_at: 5,
            actor_id: Uuid::nil(),
            actor_name: String::new(),
            acted_by: String::new(),
            action: Action::ApiKeyDeleted.name().to_owned(),
            subject: ChangeSubject::Principal(Uuid::from_u128(2)),
            subject_name: name.to_owned(),
            request_id: String::new(),
        }
    }

    #[test]
    fn a_journal_survives_a_crash_while_a_line_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.journal");
        let mut file = JournalFile::at(Some(path.clone()));
        assert_eq!(file.read(), Ok(None));
        file.begin(Uuid::from_u128(1), 3);
        file.append(&[change("a"), change("b")]);
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            if file.read().unwrap().is_none() {
                file.begin(Uuid::from_u128(1), 3);
            }
            let before = file.read().unwrap().unwrap();
            file.append(&[change("c")]);
            let after = file.read().unwrap().unwrap();
            assert_eq!(after.entries.len(), before.entries.len() + 1);
            assert_eq!(after.entries.last().unwrap().subject_name, "c");
        }
    }

    #[test]
    fn a_damaged_line_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.journal");
        let mut file = JournalFile::at(Some(path.clone()));
        file.begin(Uuid::from_u128(1), 3);
        file.append(&[change("a"), change("b")]);
        let text = std::fs::read_to_string(&path).unwrap().replacen("apikey.deleted", "apikey.delet", 1);
        std::fs::write(&path, text).unwrap();
        assert!(file.read().unwrap_err().contains("line 2 is damaged"));
    }
}
