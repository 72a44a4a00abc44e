//! `tessera audit`

mod compare;
mod receipt;
mod report;
mod source;
mod tree;

use std::path::Path;
use std::process::ExitCode;

use self::compare::Rows;
use self::report::{Finding, Kind, Report};
use self::source::Source;
use super::output::{say, warn};
use super::{Setup, explain, open};
use crate::config::{Audit, Settings, Verification};
use crate::domain::log::note::{Opened, VerifierKey, open as open_note, unverified};
use crate::service::log::read::{Keys, keys_in};
use crate::storage::database::Database;

/// The exit code when a verification has found an error.
const WRONG: u8 = 1;
/// The exit code when something could not be verified.
const UNKNOWN: u8 = 2;

pub(super) fn run(settings: &Settings, command: &Audit) -> Result<ExitCode, String> {
    match command {
        Audit::Key => {
            let database = open(settings, Setup::Expected)?;
            let keys = database.read(keys_in).map_err(explain)?;
            let keys = keys.ok_or("there is no log yet: a node that serves begins it")?;
            say(keys.verifier_key);
            Ok(ExitCode::SUCCESS)
        }
        Audit::VerifyReceipt { file, key } => Ok(exit_code(receipt::verify(file, key, &witnesses(settings)))),
        Audit::Verify(what) => Ok(exit_code(verify(settings, what).map(|reports| {
            for report in &reports {
                if what.json { say(report.json()) } else { report.print() }
            }
            if reports.iter().all(Report::is_right) { Verdict::Right } else { Verdict::Wrong }
        }))),
    }
}

/// The result of a verification.
enum Verdict {
    Right,
    Wrong,
}

/// Prints why something could not be checked.
fn exit_code(verdict: Result<Verdict, String>) -> ExitCode {
    match verdict {
        Ok(Verdict::Right) => ExitCode::SUCCESS,
        Ok(Verdict::Wrong) => ExitCode::from(WRONG),
        Err(error) => {
            warn(format_args!("tessera: {error}"));
            ExitCode::from(UNKNOWN)
        }
    }
}

fn witnesses(settings: &Settings) -> Vec<VerifierKey> {
    settings.audit_log.audit_log_witnesses.iter().map(|witness| witness.key.clone()).collect()
}

fn verify(settings: &Settings, what: &Verification) -> Result<Vec<Report>, String> {
    let database = || open(settings, Setup::Expected);
    let check = |source: &Source, rows: Option<&Database>, copy: Option<&Source>| {
        verify_one(settings, what, source, rows, copy)
    };
    match (&what.log_copy, &what.server, &what.token_file) {
        (Some(folder), ..) => {
            let copy = Source::Folder(folder.clone());
            let mut reports = vec![check(&copy, None, None)?];
            if what.with_database {
                let database = database()?;
                reports.push(check(&Source::Database(database.clone()), Some(&database), Some(&copy))?);
            }
            Ok(reports)
        }
        (None, Some(url), Some(file)) => Ok(vec![check(&Source::server(url, file)?, None, None)?]),
        _ => {
            let database = database()?;
            Ok(vec![check(&Source::Database(database.clone()), Some(&database), None)?])
        }
    }
}

fn verify_one(
    settings: &Settings,
    what: &Verification,
    source: &Source,
    rows: Option<&Database>,
    copy: Option<&Source>,
) -> Result<Report, String> {
    let mut report = Report::new(source.name());
    let keys = source.keys()?;
    let trusted = trusted_keys(&keys, what.key.as_ref(), &mut report)?;
    let note = source.checkpoint()?;
    let witnesses = witnesses(settings);
    let checkpoint = match open_note(&note, &trusted[..1], &witnesses) {
        Ok(Opened { checkpoint, witnesses }) => {
            report.witnesses = witnesses;
            checkpoint
        }
        Err(error) => {
            report.add(Finding::of(Kind::Checkpoint, format!("the checkpoint is not signed by the log: {error}")));
            unverified(&note)?
        }
    };
    report.describe(&checkpoint);
    let mut earlier = Vec::new();
    for path in &what.checkpoints {
        let text = std::fs::read_to_string(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        earlier.extend(kept(path, &text, &trusted, &witnesses, &keys, checkpoint.size(), &mut report));
    }
    for ended in &keys.ended {
        let size = u64::try_from(ended.size).unwrap_or(0);
        let root = ended.root.clone();
        // Without a root its hashes were damaged when it ended.
        if !root.is_empty() && (1..=checkpoint.size()).contains(&size) {
            earlier.push(Earlier { name: format!("the ended log `{}`", ended.verifier_key), size, root });
        }
    }
    earlier.sort_by_key(|earlier| earlier.size);
    let mut comparing = Rows::new(rows, copy);
    tree::check(source, &checkpoint, &earlier, &mut comparing, &mut report)?;
    comparing.finish(checkpoint.size(), &mut report)?;
    Ok(report)
}

/// The root hash that the log had at an earlier size, from a checkpoint that was kept elsewhere.
struct Earlier {
    name: String,
    size: u64,
    /// In base64.
    root: String,
}

/// The keys that checkpoints may be signed with: that of the log first, then those of the logs that restores have ended.
fn trusted_keys(keys: &Keys, pinned: Option<&VerifierKey>, report: &mut Report) -> Result<Vec<VerifierKey>, String> {
    let named = VerifierKey::parse_log(&keys.verifier_key)?;
    let mut trusted = vec![pinned.map_or_else(|| named.clone(), |pinned| pinned.renamed(&keys.origin))];
    if trusted[0] != named {
        report.add(Finding::of(Kind::Key, format!("the log has the key `{named}`, not the one that you have given")));
    }
    match pinned {
        None => report.note("the key is the one that the log itself names: give the one that you have kept with --key"),
        Some(pinned) if pinned.name() != keys.origin => {
            let text = format!(
                "the log `{}` has ended with a restore, and goes on as `{}`: what came after is another log",
                pinned.name(),
                keys.origin
            );
            report.add(Finding::of(Kind::Fork, text));
        }
        Some(_) => {}
    }
    for ended in &keys.ended {
        let origin = VerifierKey::parse_log(&ended.verifier_key)?.name().to_owned();
        trusted.push(trusted[0].renamed(&origin));
    }
    Ok(trusted)
}

/// The size and root hash in a kept checkpoint, if the log can be compared with it.
fn kept(
    path: &Path,
    text: &str,
    trusted: &[VerifierKey],
    witnesses: &[VerifierKey],
    keys: &Keys,
    size: u64,
    report: &mut Report,
) -> Option<Earlier> {
    let name = format!("the checkpoint `{}`", path.display());
    let checkpoint = match open_note(text, trusted, witnesses) {
        Ok(opened) => opened.checkpoint,
        Err(error) => {
            report.add(Finding::of(Kind::Checkpoint, format!("{name} is not one of this log: {error}")));
            return None;
        }
    };
    // Of an ended log, only the entries that every later restore has left go on.
    let ended = keys.ended.iter().zip(&trusted[1..]).skip_while(|(_, key)| key.name() != checkpoint.origin());
    let left = ended.filter_map(|(ended, _)| u64::try_from(ended.size).ok()).min();
    match left {
        Some(left) if checkpoint.size() > left => {
            let lost = checkpoint.size() - left;
            let text = format!("{name} has {} entries; the last {lost} were lost in a restore", checkpoint.size());
            report.add(Finding::of(Kind::Fork, text));
            return None;
        }
        _ => {}
    }
    if checkpoint.size() > size {
        let text = format!("{name} has {} entries, and the log {size}: it was rolled back", checkpoint.size());
        report.add(Finding::of(Kind::RolledBack, text));
        return None;
    }
    Some(Earlier { name, size: checkpoint.size(), root: checkpoint.hash().to_string() })
}
