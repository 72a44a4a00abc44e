//! `tessera backup` and `tessera restore`.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use chrono::DateTime;

use super::started::catch_up;
use super::{CommandResult, Setup, database_url, explain, open, unchecked_service};
use crate::config::Settings;
use crate::domain::journal::JournalEntry;
use crate::journal_file::{self, Journal};
use crate::pepper_file;
use crate::seen_file::SeenFile;
use crate::service::upkeep::reapply::Done;
use crate::service::upkeep::restore::{self, Accepted};
use crate::service::upkeep::time;
use crate::storage::backup;
use crate::storage::credentials::CredentialSummary;
use crate::storage::url::DatabaseUrl;

/// Backs up the database; on PostgreSQL checks what its own tool has written.
pub(super) fn back_up(settings: &Settings, file: &Path) -> CommandResult {
    match database_url(settings)? {
        DatabaseUrl::Sqlite(database) => back_up_sqlite(&database, file),
        DatabaseUrl::Postgres(_) if !file.exists() => Err(format!(
            "PostgreSQL has its own tool: run `pg_dump --format=custom --file {0} \"$TESSERA_DATABASE_URL\"`, then \
             `tessera backup {0}` again to check the archive",
            file.display()
        )),
        DatabaseUrl::Postgres(_) => check_archive(settings, file),
    }
}

fn back_up_sqlite(database: &Path, file: &Path) -> CommandResult {
    if !database.exists() {
        return Err(format!("there is no database `{}`", database.display()));
    }
    let failed = |why: String| format!("cannot write the backup `{}`: {why}", file.display());
    // Nothing is overwritten, and nobody else may read it.
    let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    new.map_err(|error| failed(error.to_string()))?;
    let written = backup::copy_sqlite(database, file)
        .map_err(explain)
        .and_then(|()| sound(file))
        .and_then(|()| File::open(file).and_then(|written| written.sync_all()).map_err(|error| error.to_string()));
    if let Err(why) = written {
        // What is half written is no backup.
        drop(std::fs::remove_file(file));
        return Err(failed(why));
    }
    println!("{}", file.display());
    Ok(())
}

fn sound(file: &Path) -> CommandResult {
    if !file.is_file() {
        return Err("there is no such file".to_owned());
    }
    match backup::fault_of_sqlite(file).map_err(explain)? {
        None => Ok(()),
        Some(fault) => Err(fault),
    }
}

/// Checks that an archive of `pg_dump` can be read to its end and has the rows of every table of the database.
fn check_archive(settings: &Settings, file: &Path) -> CommandResult {
    let failed = |why: &str| format!("`{}` is no complete backup: {why}", file.display());
    let restored = |arguments: &[&str]| {
        let output = Command::new("pg_restore").args(arguments).arg(file).output();
        let output = output.map_err(|error| format!("cannot run pg_restore, which comes with PostgreSQL: {error}"))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let listed = restored(&["--list"])?;
    restored(&["--file=/dev/null"])?;
    let database = open(settings, Setup::Expected)?;
    let tables = database.read(backup::tables).map_err(explain)?;
    for table in &tables {
        let has_rows = |line: &str| {
            let mut words = line.split_whitespace().skip_while(|word| *word != "DATA");
            words.nth(2) == Some(table)
        };
        if !listed.lines().any(has_rows) {
            return Err(failed(&format!("it lacks the rows of the table `{table}`")));
        }
    }
    println!("{} has the rows of all {} tables", file.display(), tables.len());
    Ok(())
}

/// Puts a backup in place of the database if `file` names one, and accepts the copy that is in place.
pub(super) async fn restore(settings: &Settings, file: Option<&Path>, journals: &[PathBuf]) -> CommandResult {
    let url = database_url(settings)?;
    // Checked before anything is changed.
    if file.is_some()
        && let Some(pepper) = pepper_file::used_path(settings, &url).filter(|pepper| !pepper.exists())
    {
        return Err(format!("there is no pepper file `{}`, so no token could be recognised", pepper.display()));
    }
    let mut known = journals.iter().map(|path| required(path)).collect::<Result<Vec<_>, _>>()?;
    match (&url, file) {
        (_, None) => {}
        (DatabaseUrl::Sqlite(database), Some(file)) => put_in_place(file, database)?,
        (DatabaseUrl::Postgres(_), Some(file)) => {
            return Err(format!(
                "restore `{}` into an empty database with PostgreSQL's own tool: `pg_restore --no-owner --exit-on-error \
                 --dbname \"$TESSERA_DATABASE_URL\" {0}`; then run `tessera restore`",
                file.display()
            ));
        }
    }
    let service = unchecked_service(settings, Setup::Expected).await?;
    let mut seen = SeenFile::of(settings, &url);
    let mut journal = seen.journal();
    // A damaged file must not stop what the operator asked for.
    let warned = |error| tracing::warn!(error, "this machine does not know what was revoked");
    known.extend(journal.read().unwrap_or_else(|error| {
        warned(error);
        None
    }));
    let last_seen = seen.read().unwrap_or_else(|error| {
        warned(error);
        None
    });
    let installation = time::begin(&service).await.map_err(explain)?;
    if let Some(other) = known.iter().find(|journal| journal.installation != installation.id) {
        return Err(format!(
            "a journal belongs to the installation {}, and this database to {}",
            other.installation, installation.id
        ));
    }
    let entries: Arc<[Vec<JournalEntry>]> = known.iter().map(|journal| journal.entries.clone()).collect();
    let accepted = restore::accept(&service, last_seen, entries).await.map_err(explain)?;
    time::synchronise(&service).await.map_err(explain)?;
    seen.keep(&restore::latest_seen(&service, &installation).await.map_err(explain)?);
    catch_up(&service, &installation, &mut journal).await?;
    report(&accepted, &known);
    Ok(())
}

fn required(path: &Path) -> Result<Journal, String> {
    journal_file::read(path)?.ok_or_else(|| format!("there is no journal `{}`", path.display()))
}

/// Puts a copy of a backup in place of an SQLite database, which is kept beside it.
fn put_in_place(backup: &Path, database: &Path) -> CommandResult {
    sound(backup).map_err(|fault| format!("`{}`: {fault}", backup.display()))?;
    let failed = |error: std::io::Error| format!("cannot replace `{}`: {error}", database.display());
    let beside = |addition: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(addition);
        PathBuf::from(name)
    };
    let copy = beside(".restoring");
    std::fs::copy(backup, &copy).and_then(|_| File::open(&copy)?.sync_all()).map_err(failed)?;
    if database.exists() {
        let mut number = 1;
        while beside(&format!(".replaced-{number}")).exists() {
            number += 1;
        }
        // With its write-ahead log, so that nothing of it is lost.
        for part in ["", "-wal", "-shm"] {
            if beside(part).exists() {
                std::fs::rename(beside(part), beside(&format!(".replaced-{number}{part}"))).map_err(failed)?;
            }
        }
        println!("The earlier database is `{}`.", beside(&format!(".replaced-{number}")).display());
    }
    std::fs::rename(&copy, database).map_err(failed)
}

/// An instant in epoch milliseconds, for people.
fn date(instant: i64) -> String {
    DateTime::from_timestamp_millis(instant).map_or_else(|| instant.to_string(), |date| date.to_rfc3339())
}

fn report(accepted: &Accepted, known: &[Journal]) {
    println!(
        "The copy's latest change is from {}. Sessions that have been ended: {}.",
        date(accepted.copy_ends_at),
        accepted.sessions
    );
    let told = |done: Done| match done {
        Done::Deleted => "deleted again",
        Done::TokensEnded => "its tokens were ended",
        Done::SettingsEmptied => "its OAuth settings were emptied",
        Done::Disabled => "disabled, because it was changed",
        Done::PasswordEnded => "its password was ended, because it was changed",
        Done::Unknown => "CHECK: it was changed after the copy was made",
    };
    for (done, name, id) in &accepted.reapplied {
        println!("{}\t{name:?}\t{id}", told(*done));
    }
    let ends_at = known.iter().flat_map(|journal| &journal.entries).map(|entry| entry.changed_at).max();
    match known.iter().map(|journal| journal.begins_at).min().filter(|begins_at| *begins_at <= accepted.copy_ends_at) {
        Some(_) => println!(
            "The journal ends at {}. If another machine has followed for longer, run this again with `--journal` and its \
             file. Credentials that are left: {}.",
            ends_at.map_or_else(|| "its beginning".to_owned(), date),
            accepted.credentials.len()
        ),
        None => {
            println!("No journal covers the time since. It is unknown whether these credentials were revoked:");
            println!("kind\tid of the principal\tits name\tcreated at");
            for CredentialSummary { kind, principal, username, display_name, created_at } in &accepted.credentials {
                let name = display_name.as_ref().unwrap_or(username);
                println!("{kind}\t{principal}\t{name:?}\t{}", date(*created_at));
            }
        }
    }
}
