//! The commands for API keys and signing keys.

use clap::Subcommand;

use crate::domain::permission::Permission;

/// Commands for API keys.
#[derive(Subcommand)]
pub enum Keys {
    /// Create an API key; prints its token alone on standard output
    Create {
        /// The key's display name
        #[arg(long)]
        display_name: String,
        /// What the key is for
        #[arg(long, default_value = "")]
        description: String,
        /// How long the key is valid, in seconds; for ever if left out
        #[arg(long)]
        validity_seconds: Option<i64>,
        /// The key's permissions
        #[arg(long = "permission", value_name = "PERMISSION", help = permission_help())]
        permissions: Vec<String>,
        /// The qualified name of a persona to link the key to; may be repeated
        #[arg(long = "persona", value_name = "QUALIFIED_NAME")]
        personas: Vec<String>,
    },
    /// List API keys, newest first, as tab-separated lines: id, status, expiry in epoch milliseconds or `never`, creator, name
    List,
    /// Delete an API key: it is refused from now on
    Delete {
        /// The id, the client id or the user name of the key
        #[arg(value_name = "ID")]
        key: String,
    },
}

/// Commands for the keys that sign child tokens.
#[derive(Subcommand)]
pub enum SigningKeys {
    /// List the published keys as tab-separated lines: id, algorithm, `signs`, `next` or `retired`, and since or from when
    /// it signs in epoch milliseconds
    List,
    /// Draw the next key; prints its id. It is published at once and signs in ten minutes
    Rotate {
        /// Let it sign at once: for when the present key may have leaked
        #[arg(long)]
        now: bool,
    },
    /// Remove a key: when the command has ended, every node refuses what it signed
    Remove {
        /// The id of the key
        #[arg(value_name = "ID")]
        id: String,
    },
}

fn permission_help() -> String {
    format!("A permission it has, one of {}; may be repeated", Permission::listed())
}
