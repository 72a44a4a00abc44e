//! The file with the checkpoint of the log that this machine signed last. It lies beside the pepper, out of reach of an
//! attacker who can write only the database, so a rewritten log is not signed after a restart either.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::domain::log::note::unverified;
use crate::kept_file::{KeptFile, replace};

/// The file, if there is one.
pub struct CheckpointFile {
    file: KeptFile,
    /// The checkpoint that was written last.
    written: Option<String>,
}

impl CheckpointFile {
    /// The file at this path.
    pub fn at(path: Option<PathBuf>) -> Self {
        Self { file: KeptFile::at(path), written: None }
    }

    /// The checkpoint, if the file exists.
    ///
    /// # Errors
    /// A message for the operator.
    pub fn read(&self) -> Result<Option<String>, String> {
        let Some(text) = self.file.read()? else { return Ok(None) };
        let path = self.file.path().unwrap_or(Path::new("")).display();
        unverified(&text).map_err(|error| format!("`{path}`: {error}; move it away"))?;
        Ok(Some(text))
    }

    /// Saves a checkpoint, unless it is the one that was saved last. Logs a failure.
    pub fn keep(&mut self, checkpoint: Option<String>) {
        let Some(checkpoint) = checkpoint.filter(|checkpoint| self.written.as_ref() != Some(checkpoint)) else {
            return;
        };
        let is_kept = self.has_later(&checkpoint)
            || self.file.write("after a restart a rewritten log may be signed", |path| {
                replace(path, checkpoint.as_bytes(), 0o600)
            });
        if is_kept {
            self.written = Some(checkpoint);
        }
    }

    /// Whether the file has a later checkpoint of the same log, as another process has written it.
    fn has_later(&self, checkpoint: &str) -> bool {
        let (Ok(Some(kept)), Ok(checkpoint)) = (self.file.read(), unverified(checkpoint)) else { return false };
        unverified(&kept).is_ok_and(|kept| kept.origin() == checkpoint.origin() && kept.size() > checkpoint.size())
    }

    /// Moves the file away, to the same name with `.ended`: a restored backup continues another checkpoint, which the
    /// operator has accepted. The file is kept, because it may be evidence that no backup was restored.
    pub fn forget(&mut self) {
        let consequence = "the log of the restored database is not signed until it is moved away";
        self.file.write(consequence, |path| {
            let mut ended = path.as_os_str().to_owned();
            ended.push(".ended");
            match std::fs::rename(path, ended) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                outcome => outcome,
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_kept_until_it_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.checkpoint");
        let mut file = CheckpointFile::at(Some(path.clone()));
        assert_eq!(file.read(), Ok(None));
        file.keep(None);
        file.forget();
        let [earlier, later] = [1, 2].map(|size| format!("a\n{size}\n{}=\n\n— a Bw==\n", "A".repeat(43)));
        file.keep(Some(earlier.clone()));
        file.keep(Some(later.clone()));
        CheckpointFile::at(Some(path.clone())).keep(Some(earlier.clone()));
        assert_eq!(CheckpointFile::at(Some(path.clone())).read(), Ok(Some(later)));
        std::fs::write(&path, "x").unwrap();
        assert!(file.read().unwrap_err().contains("move it away"));
        file.forget();
        assert_eq!(file.read(), Ok(None));
        assert_eq!(std::fs::read_to_string(directory.path().join("t.checkpoint.ended")).unwrap(), "x");
    }
}
