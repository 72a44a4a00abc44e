//! The settings of how people sign in.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

/// The settings of how people sign in.
#[derive(Args, Clone)]
#[group(skip)]
pub struct PeopleSettings {
    /// A file in TOML with the OpenID Connect providers where people can sign in: see docs/sign-in.md
    #[arg(long, global = true, env = "TESSERA_PROVIDERS_FILE")]
    pub providers_file: Option<PathBuf>,

    /// Whether people can sign in and sign up with passwords. `off` needs a provider; `tessera users` keeps working
    #[arg(long, global = true, env = "TESSERA_PASSWORD_SIGN_IN", default_value = "on", action = clap::ArgAction::Set, value_parser = BoolishValueParser::new(), value_name = "on|off")]
    pub password_sign_in: bool,
}
