//! The settings of how people sign in.

use std::path::PathBuf;

use clap::Args;

use crate::domain::password::PasswordSignIn;

/// The settings of how people sign in.
#[derive(Args, Clone)]
#[group(skip)]
pub struct PeopleSettings {
    /// A file in TOML with the OpenID Connect providers where people can sign in: see docs/sign-in.md
    #[arg(long, global = true, env = "TESSERA_PROVIDERS_FILE")]
    pub providers_file: Option<PathBuf>,

    /// Whether people can sign in and sign up with passwords. `off` needs a provider; `tessera users` keeps working
    #[arg(long, global = true, env = "TESSERA_PASSWORD_SIGN_IN", default_value = "on", value_parser = on_or_off, value_name = "on|off")]
    pub password_sign_in: PasswordSignIn,
}

/// Parses whether passwords are accepted.
fn on_or_off(text: &str) -> Result<PasswordSignIn, String> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "1" => Ok(PasswordSignIn::On),
        "off" | "false" | "0" => Ok(PasswordSignIn::Off),
        _ => Err("must be `on` or `off`".to_owned()),
    }
}
