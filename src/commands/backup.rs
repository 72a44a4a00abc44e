//! `tessera backup` and `tessera restore`.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use uuid::Uuid;

use super::output::say;
use super::started::catch_up;
use super::{CommandResult, Setup, database_url, date, explain, open, unchecked_service, unserved};
use crate::config::Settings;
use crate::domain::journal::{Journal, JournalEntry};
use crate::journal_file::{self, JournalFile};
use crate::pepper_file;
use crate::seen_file::SeenFile;
use crate::service::Service;
use crate::service::upkeep::reapply::Done;
use crate::service::upkeep::restore::{self, Accepted};
use crate::service::upkeep::time;
use crate::storage::credentials::CredentialSummary;
use crate::storage::url::DatabaseUrl;
use crate::storage::{backup, nodes};

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
    // Nothing is overwritten, and no other user of the machine may read it.
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
    say(file.display());
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
    say(format_args!("{} has the rows of all {} tables", file.display(), tables.len()));
    Ok(())
}

/// Puts a backup in place of the database if `file` names one, and accepts the copy that is in place.
pub(super) async fn restore(settings: &Settings, file: Option<&Path>, journals: &[PathBuf]) -> CommandResult {
    let url = database_url(settings)?;
    let _unserved = unserved(&url)?;
    let mut known = journals.iter().map(|path| required(path)).collect::<Result<Vec<_>, _>>()?;
    match (&url, file) {
        (_, None) => {}
        (DatabaseUrl::Sqlite(database), Some(file)) => replace(settings, &url, database, file, &known).await?,
        (DatabaseUrl::Postgres(_), Some(file)) => {
            return Err(format!(
                "restore `{}` into an empty database with PostgreSQL's own tool: `pg_restore --no-owner --exit-on-error \
                 --dbname \"$TESSERA_DATABASE_URL\" {0}`; then run `tessera restore`",
                file.display()
            ));
        }
    }
    let service = unchecked_service(settings, Setup::Expected).await?;
    if let DatabaseUrl::Sqlite(_) = url {
        // It is known that none runs: those in a copy ran when it was made.
        service.database.write(nodes::delete_servers).map_err(explain)?;
    }
    let mut seen = SeenFile::of(settings, &url);
    let installation = time::begin(&service).await.map_err(explain)?;
    check_installation(&known, Some(installation.id))?;
    let mut journal = seen.journal(&installation);
    // A damaged file must not stop what the operator asked for.
    known.extend(or_warn(journal.read()).flatten());
    let last_seen = or_warn(seen.read()).flatten();
    if let Some(kept) = or_warn(seen.checkpoint().read()).flatten() {
        or_warn(service.log.begin_with(&kept));
    }
    let entries: Arc<[Vec<JournalEntry>]> = known.iter().map(|journal| journal.entries.clone()).collect();
    let accepted = restore::accept(&service, last_seen, entries).await.map_err(explain)?;
    seen.checkpoint().forget();
    report(&accepted, &known);
    time::synchronise(&service).await.map_err(explain)?;
    or_warn(catch_up_with_file(&service, &mut journal).await);
    seen.keep(&restore::latest_seen(&service, &installation).await.map_err(explain)?);
    service.finish_dismissals().await;
    Ok(())
}

/// The value, or a warning in the log.
fn or_warn<T>(outcome: Result<T, String>) -> Option<T> {
    outcome.inspect_err(|error| tracing::warn!(error, "what was revoked is not wholly known")).ok()
}

fn required(path: &Path) -> Result<Journal, String> {
    journal_file::read(path)?.ok_or_else(|| format!("there is no journal `{}`", path.display()))
}

fn check_installation(journals: &[Journal], installation: Option<Uuid>) -> CommandResult {
    match journals.iter().find(|journal| Some(journal.installation) != installation) {
        None => Ok(()),
        Some(other) => {
            Err(format!("a journal belongs to the installation {}, and this database to another", other.installation))
        }
    }
}

/// Puts a copy of a backup in place of an SQLite database, which is kept beside it.
async fn replace(
    settings: &Settings,
    url: &DatabaseUrl,
    database: &Path,
    backup: &Path,
    known: &[Journal],
) -> CommandResult {
    sound(backup).map_err(|fault| format!("`{}`: {fault}", backup.display()))?;
    check_installation(known, backup::installation_of_sqlite(backup).map_err(explain)?)?;
    if let Some(pepper) = pepper_file::used_path(settings, url).filter(|pepper| !pepper.exists()) {
        return Err(format!("there is no pepper file `{}`, so no token could be recognised", pepper.display()));
    }
    if database.exists() {
        or_warn(remember(settings, url).await);
        if !backup::close_sqlite(database).map_err(explain)? {
            return Err(format!("a process uses `{}`: stop every node first", database.display()));
        }
    }
    put_in_place(backup, database).map_err(|error| format!("cannot replace `{}`: {error}", database.display()))
}

/// Adds to the journal the changes that only the database to be replaced has, as after a node was killed.
async fn remember(settings: &Settings, url: &DatabaseUrl) -> CommandResult {
    let service = unchecked_service(settings, Setup::Expected).await?;
    let installation = time::begin(&service).await.map_err(explain)?;
    catch_up_with_file(&service, &mut SeenFile::of(settings, url).journal(&installation)).await
}

async fn catch_up_with_file(service: &Service, journal: &mut JournalFile) -> CommandResult {
    let known = journal.read()?;
    catch_up(service, journal, known).await
}

/// Replaces the database so that at any moment there is one, the earlier or the new one.
fn put_in_place(backup: &Path, database: &Path) -> std::io::Result<()> {
    let beside = |addition: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(addition);
        PathBuf::from(name)
    };
    let copy = beside(".restoring");
    let prepared = copy_for(database, backup, &copy);
    let mut kept = None;
    let replaced = prepared.and_then(|()| {
        if database.exists() {
            let earlier =
                (1..=u32::MAX).map(|number| beside(&format!(".replaced-{number}"))).find(|name| !name.exists());
            let earlier = earlier.unwrap_or_default();
            std::fs::hard_link(database, &earlier)?;
            kept = Some(earlier);
        }
        std::fs::rename(&copy, database)
    });
    if let Some(earlier) = &kept {
        say(format_args!("The earlier database is `{}`.", earlier.display()));
    }
    if replaced.is_err() {
        drop(std::fs::remove_file(&copy));
    }
    replaced?;
    let directory = database.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

/// Copies a backup into a new file that only the owner of the database may read.
fn copy_for(database: &Path, backup: &Path, copy: &Path) -> std::io::Result<()> {
    drop(std::fs::remove_file(copy));
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(copy)?;
    std::io::copy(&mut File::open(backup)?, &mut new)?;
    if let Ok(earlier) = database.metadata() {
        std::os::unix::fs::fchown(&new, Some(earlier.uid()), Some(earlier.gid()))?;
    }
    new.sync_all()
}

fn report(accepted: &Accepted, known: &[Journal]) {
    say(format_args!(
        "The copy's latest change is from {}. Sessions that have been ended: {}.",
        date(accepted.copy_ends_at),
        accepted.sessions
    ));
    if let Some(log) = &accepted.log {
        say(format_args!(
            "The copy has {} entries of the log `{}`, which has ended: entries that it had beyond that are lost, and nobody \
             can prove anything about them from this database. The log goes on as `{}`: give its key (`tessera audit key`) to \
             witnesses and auditors, and keep copies of the ended log.",
            log.size, log.ended, log.origin
        ));
    }
    let told = |done: Done| match done {
        Done::Deleted => "deleted again",
        Done::TokensEnded => "its tokens were ended",
        Done::SettingsEmptied => "its OAuth settings were emptied",
        Done::Disabled => "disabled, because it was changed or deleted",
        Done::PasswordEnded => "its password was ended, because it was changed",
        Done::ChildRevoked => "a child of it was revoked again",
        Done::Unknown => "CHECK: it was changed after the copy was made",
    };
    for (done, name, id) in &accepted.reapplied {
        say(format_args!("{}\t{name:?}\t{id}", told(*done)));
    }
    let covering: Vec<_> = known.iter().filter(|journal| journal.begins_at <= accepted.copy_ends_at).collect();
    for journal in &covering {
        let last = journal.entries.last().map_or(journal.begins_at, |entry| entry.changed_at);
        say(format_args!("A journal covers the time since. Its last entry is from {}.", date(last)));
    }
    if covering.is_empty() {
        say(format_args!("No journal covers the time since. It is unknown whether these credentials were revoked:"));
        say(format_args!("kind\tid of the principal\tits name\tcreated at"));
        for CredentialSummary { kind, principal, username, display_name, created_at } in &accepted.credentials {
            let name = display_name.as_ref().unwrap_or(username);
            say(format_args!("{kind}\t{principal}\t{name:?}\t{}", date(*created_at)));
        }
    } else {
        say(format_args!(
            "If another machine has a journal that was not given, run this again with `--journal` and its file, or on \
             that machine. Credentials that are left: {}.",
            accepted.credentials.len()
        ));
    }
}
