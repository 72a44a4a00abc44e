//! The file of the journal: the changes that took something away, as this machine has seen them. It lies beside the
//! pepper, and so is not in the database's backups.
//!
//! The first line names the installation and the time at which the journal begins; each further line is an entry. Lines
//! are only appended.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::domain::change::Change;
use crate::domain::journal::{Journal, JournalEntry};
use crate::kept_file::KeptFile;

/// The first word of the file.
const FORMAT: &str = "tessera-journal-1";

/// The file, if there is one.
pub struct JournalFile {
    file: KeptFile,
    installation: Uuid,
    /// Lines that could not be written yet.
    unwritten: String,
    /// Changes that were appended lately: a process appends its own before it answers, and finds them again with its next
    /// look.
    recent: HashSet<Uuid>,
}

/// Maximum size of the kept lines that could not be written, in bytes.
const MOST_UNWRITTEN: usize = 16 << 20;
/// How many changes are remembered, so that they are not appended twice. An entry that is there twice does no harm.
const MOST_RECENT: usize = 65_536;

impl JournalFile {
    /// The file at this path, for an installation.
    pub fn at(path: Option<PathBuf>, installation: Uuid) -> Self {
        Self { file: KeptFile::at(path), installation, unwritten: String::new(), recent: HashSet::new() }
    }

    /// The contents, if the file exists.
    ///
    /// # Errors
    /// A message for the operator, also if the journal is that of another installation.
    pub fn read(&self) -> Result<Option<Journal>, String> {
        let Some(path) = self.file.path() else { return Ok(None) };
        read(path)?.map(|journal| self.own(journal)).transpose()
    }

    /// The contents as read before, if they belong to this installation.
    ///
    /// # Errors
    /// A message for the operator, if they do not.
    pub fn own(&self, journal: Journal) -> Result<Journal, String> {
        if journal.installation == self.installation {
            return Ok(journal);
        }
        let path = self.file.path().unwrap_or(Path::new(""));
        Err(format!("the journal `{}` belongs to another installation; move it away", path.display()))
    }

    /// Begins a journal that has the changes from `begins_at` on.
    pub fn begin(&mut self, begins_at: i64) {
        let head = head(self.installation, begins_at);
        self.file.write(CONSEQUENCE, |path| append(path, "", &head));
    }

    /// Appends the changes that took something away. Logs a failure, and tries again with the next ones.
    pub fn append(&mut self, changes: &[Change]) {
        if self.recent.len() > MOST_RECENT {
            self.recent.clear();
        }
        for entry in changes.iter().filter_map(JournalEntry::of) {
            if !self.recent.insert(entry.change) {
                continue;
            }
            if self.unwritten.len() < MOST_UNWRITTEN {
                self.unwritten.push_str(&entry.to_string());
                self.unwritten.push('\n');
            }
        }
        let (installation, unwritten) = (self.installation, &mut self.unwritten);
        let Some(first) = unwritten.lines().next().and_then(JournalEntry::parse) else { return };
        self.file.write(CONSEQUENCE, |path| {
            append(path, unwritten, &head(installation, first.changed_at))?;
            unwritten.clear();
            Ok(())
        });
    }
}

/// The file of a process in which several threads append: one write to the disk serves all that wait for it.
pub struct SharedJournal {
    waiting: Mutex<Vec<Change>>,
    file: Mutex<JournalFile>,
}

impl SharedJournal {
    /// Shares the file.
    pub fn new(file: JournalFile) -> Self {
        Self { waiting: Mutex::default(), file: Mutex::new(file) }
    }

    /// Like [`JournalFile::append`].
    pub fn append(&self, changes: &[Change]) {
        locked(&self.waiting).extend_from_slice(changes);
        let mut file = locked(&self.file);
        let waiting = std::mem::take(&mut *locked(&self.waiting));
        // Otherwise another thread has written them, because it had the file before.
        if !waiting.is_empty() {
            file.append(&waiting);
        }
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

const CONSEQUENCE: &str = "a restore would not know what is revoked now";

fn head(installation: Uuid, begins_at: i64) -> String {
    format!("{FORMAT} {installation} {begins_at}\n")
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

/// Appends whole lines, on the disk when this returns. A file that is gone, or has no first line, begins anew with `head`.
fn append(path: &Path, lines: &str, head: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    // A command may write beside the server.
    file.lock()?;
    end_last_line(&mut file)?;
    if file.metadata()?.len() == 0 {
        file.write_all(head.as_bytes())?;
    }
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
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::domain::change::Action;
    use crate::domain::journal::Revocation;

    fn change(name: &str) -> Change {
        static CHANGES: AtomicU64 = AtomicU64::new(9);
        Change {
            id: Uuid::from_u128(CHANGES.fetch_add(1, Ordering::Relaxed).into()),
            changed_at: 5,
            actor_id: Uuid::nil(),
            actor_name: String::new(),
            acted_by: String::new(),
            action: Action::ApiKeyDeleted.name().to_owned(),
            subject_kind: "principal".to_owned(),
            subject_id: Uuid::from_u128(2),
            subject_name: name.to_owned(),
            request_id: String::new(),
            authenticated_by: String::new(),
            address: String::new(),
        }
    }

    #[test]
    fn a_journal_survives_a_crash_while_a_line_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.journal");
        let mut file = JournalFile::at(Some(path.clone()), Uuid::from_u128(1));
        assert_eq!(file.read(), Ok(None));
        file.begin(3);
        file.append(&[change("a"), change("b")]);
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let before = file.read().unwrap().map_or(0, |journal| journal.entries.len());
            file.append(&[change("c")]);
            let after = file.read().unwrap().unwrap();
            assert_eq!(after.entries.len(), before + 1);
            assert_eq!(after.entries.last().unwrap().subject_name, "c");
        }
    }

    #[test]
    fn a_damaged_line_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.journal");
        let mut file = JournalFile::at(Some(path.clone()), Uuid::from_u128(1));
        file.begin(3);
        file.append(&[change("a"), change("b")]);
        let text = std::fs::read_to_string(&path).unwrap().replacen(" principal ", " principle ", 1);
        std::fs::write(&path, text).unwrap();
        assert!(file.read().unwrap_err().contains("line 2 is damaged"));
    }
    #[test]
    fn what_could_not_be_written_is_written_later_and_a_removed_file_begins_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("missing/t.journal");
        let mut file = JournalFile::at(Some(path.clone()), Uuid::from_u128(1));
        file.append(&[change("a")]);
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        file.append(&[change("b")]);
        let names = |journal: Journal| journal.entries.into_iter().map(|it| it.subject_name).collect::<Vec<_>>();
        assert_eq!(names(file.read().unwrap().unwrap()), ["a", "b"]);
        std::fs::remove_file(&path).unwrap();
        file.append(&[change("c")]);
        assert_eq!(names(file.read().unwrap().unwrap()), ["c"]);
        let other = JournalFile::at(Some(path), Uuid::from_u128(2));
        assert!(other.read().unwrap_err().contains("another installation"));
    }

    #[test]
    fn an_action_of_a_later_version_is_kept_and_reported() {
        let later = Change { action: "apikey.frozen".to_owned(), ..change("a") };
        let entry = JournalEntry::of(&later).unwrap();
        assert_eq!(JournalEntry::parse(&entry.to_string()), Some(entry.clone()));
        assert_eq!(entry.revocation(), Revocation::Other);
    }
}
