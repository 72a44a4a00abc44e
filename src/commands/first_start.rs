//! Where the secrets of the first start are shown.

use std::io::IsTerminal;

use super::output::say;
use super::{database_url, explain};
use crate::config::Settings;
use crate::first_start_file::FirstStartFile;
use crate::service::Service;
use crate::service::bootstrap::{self, ADMIN, FirstStart};

/// Where the secrets are shown.
pub(super) enum SecretsOutput {
    /// Standard output is a terminal.
    Terminal,
    /// Standard output is a log, so the secrets go to a file.
    File(FirstStartFile),
}

impl SecretsOutput {
    /// Chooses the place before the secrets are created; `None` if this is not the first start.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub(super) async fn prepare(service: &Service, settings: &Settings) -> Result<Option<Self>, String> {
        if !bootstrap::is_first(service).await.map_err(explain)? {
            return Ok(None);
        }
        if std::io::stdout().is_terminal() {
            return Ok(Some(Self::Terminal));
        }
        FirstStartFile::create(settings, &database_url(settings)?).map(|file| Some(Self::File(file)))
    }

    /// Shows the secrets, once.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub(super) fn show(self, first: FirstStart) -> Result<(), String> {
        let mut secrets = String::new();
        if let Some(password) = &first.password {
            secrets = format!("user      {ADMIN}\npassword  {password}\n");
        }
        secrets = format!("{secrets}API key   {}\n", first.token.expose());
        match self {
            Self::Terminal => say(format_args!("Tessera has been set up. This is shown once:\n\n{secrets}")),
            Self::File(file) => {
                let path = file.path().display().to_string();
                file.write(&secrets)?;
                say(format_args!(
                    "Tessera has been set up. What to begin with is in `{path}`: read it, and remove the file."
                ));
            }
        }
        Ok(())
    }

    /// Removes the file: another node was faster, or the first start failed.
    pub(super) fn abandon(self) {
        if let Self::File(file) = self {
            file.remove();
        }
    }
}
