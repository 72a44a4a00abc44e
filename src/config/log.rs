//! Settings of the log of the changes, and the commands that verify it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::domain::log::note::{LONGEST_CONFIGURED_ORIGIN, VerifierKey, check_origin};

/// Settings of the log of the changes.
#[derive(Args, Clone)]
pub struct AuditLogSettings {
    /// The name of the log of changes in its checkpoints, without a scheme: `example.org/audit`. It cannot be changed later. If
    /// left out it is `tessera/` and the id of the installation
    #[arg(long, global = true, env = "TESSERA_AUDIT_LOG_ORIGIN", value_parser = origin)]
    pub audit_log_origin: Option<String>,

    /// A folder that each node also writes the log of changes to, in the layout of C2SP `tlog-tiles`
    #[arg(long, global = true, env = "TESSERA_AUDIT_LOG_DIRECTORY")]
    pub audit_log_directory: Option<PathBuf>,

    /// The witnesses that cosign the log's checkpoints (C2SP `tlog-witness`): each a verifier key, a space and the URL of its
    /// `add-checkpoint`; several separated by commas
    #[arg(long, global = true, env = "TESSERA_AUDIT_LOG_WITNESSES", value_delimiter = ',', value_parser = witness)]
    pub audit_log_witnesses: Vec<WitnessSetting>,
}

/// A witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessSetting {
    /// The key of its cosignatures.
    pub key: VerifierKey,
    /// Where it takes checkpoints.
    pub url: String,
}

fn origin(text: &str) -> Result<String, String> {
    check_origin(text)?;
    if text.len() > LONGEST_CONFIGURED_ORIGIN {
        return Err(format!("must have at most {LONGEST_CONFIGURED_ORIGIN} characters"));
    }
    Ok(text.to_owned())
}

fn witness(text: &str) -> Result<WitnessSetting, String> {
    let (key, url) = text.trim().split_once(' ').ok_or("must be a verifier key, a space and a URL")?;
    Ok(WitnessSetting { key: VerifierKey::parse_witness(key)?, url: url.trim().to_owned() })
}

/// Commands for the log of the changes.
#[derive(Subcommand)]
pub enum Audit {
    /// Print the verifier key of the log
    Key,
    /// Verify the log, and the audit trail by it: name every entry that was changed, removed, inserted or reordered. The exit
    /// code is 0 if all is right, 1 if something is not, 2 if it could not be checked
    Verify(Verification),
    /// Verify the receipt of a revocation, without a database: its signature, and that the revocation is in the log. Print which
    /// nodes had acknowledged it. The exit code is 0 if all is right, 1 if something is not, 2 if it could not be checked
    VerifyReceipt {
        /// The receipt, as the server gave it
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The verifier key of the log, kept elsewhere: `tessera audit key`
        #[arg(long, value_name = "VKEY", value_parser = VerifierKey::parse_log)]
        key: VerifierKey,
    },
}

/// The log to verify, and the checkpoints and keys to verify it with.
#[derive(Args)]
pub struct Verification {
    /// Verify this copy of the log, a folder, instead of the database's
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    pub log_copy: Option<PathBuf>,
    /// With `--log-copy`: verify the database too, and that its log and the copy have the same entries
    #[arg(long, requires = "log_copy")]
    pub with_database: bool,
    /// Verify the log of a running server, at this URL, instead of the database's
    #[arg(long, value_name = "URL", requires = "token_file")]
    pub server: Option<String>,
    /// With `--server`: the file with a token of an actor that has the permission `VIEW_AUDIT`
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// A checkpoint that was kept elsewhere, which the log must continue; may be repeated
    #[arg(long = "checkpoint", value_name = "FILE")]
    pub checkpoints: Vec<PathBuf>,
    /// The verifier key of the log, kept elsewhere. Without it the key is believed that the log itself names
    #[arg(long, value_name = "VKEY", value_parser = VerifierKey::parse_log)]
    pub key: Option<VerifierKey>,
    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
}
