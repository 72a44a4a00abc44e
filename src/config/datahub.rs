//! The settings of DataHub's door. Two of the variables are DataHub's own, as its error messages name them.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};

use crate::domain::access_token::{Lifetimes, NeverExpiring};
use crate::domain::password::{self, PasswordRule};
use crate::http::datahub::Settings;
use crate::http::datahub::settings::{Authentication, SystemClient};

/// The settings of DataHub's door.
#[derive(Args, Clone)]
#[group(skip)]
pub struct DataHubSettings {
    /// Whether callers at DataHub's paths must prove who they are. `off` believes `X-DataHub-Actor`, and who says nothing
    /// may do everything
    #[arg(long, global = true, env = "TESSERA_METADATA_AUTH", value_enum, default_value_t = MetadataAuth::On)]
    pub metadata_auth: MetadataAuth,

    /// Let `--metadata-auth off` also listen where others can reach it. Everybody who does may then do everything
    #[arg(long, global = true, env = "TESSERA_METADATA_AUTH_OFF_ANYWHERE")]
    pub metadata_auth_off_anywhere: bool,

    /// Whether access tokens may live for ever; those that do keep working. The variable takes `true` and `false`, too
    #[arg(long, global = true, env = "ACCESS_TOKEN_ALLOW_NO_EXPIRY", value_enum, default_value_t = NeverExpiringTokens::Allow)]
    pub never_expiring_tokens: NeverExpiringTokens,

    /// How long access tokens may live, as ISO 8601 durations with commas between; PT1H,P1D,P7D,P30D,P90D,P180D,P365D if
    /// left out
    #[arg(long, global = true, env = "ACCESS_TOKEN_ALLOWED_DURATIONS", value_delimiter = ',')]
    pub access_token_durations: Vec<String>,

    /// The shortest password of who signs up with an invitation, in characters. Below 8, common passwords are taken, too:
    /// for the published scenarios of `DataHub`, not where people choose passwords
    #[arg(long, global = true, env = "TESSERA_SIGN_UP_PASSWORD_LENGTH", default_value_t = password::SHORTEST)]
    pub sign_up_password_length: usize,

    /// The reserved user name, such as `__datahub_system`, of a program that authenticates with `Authorization: Basic` and may do everything
    #[arg(long, global = true, env = "TESSERA_SYSTEM_CLIENT_ID", requires = "system_client_secret")]
    pub system_client_id: Option<String>,

    /// Its secret: 16 characters or more
    #[arg(
        long,
        global = true,
        env = "TESSERA_SYSTEM_CLIENT_SECRET",
        hide_env_values = true,
        requires = "system_client_id"
    )]
    pub system_client_secret: Option<String>,
}

/// Whether callers must prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MetadataAuth {
    /// They must
    #[value(alias = "true")]
    On,
    /// They need not
    #[value(alias = "false")]
    Off,
}

/// Whether access tokens may live for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NeverExpiringTokens {
    /// They may
    #[value(alias = "true")]
    Allow,
    /// They may not
    #[value(alias = "false")]
    Forbid,
}

impl DataHubSettings {
    /// What the door needs to know, for a server that listens there.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn door(&self, listen: SocketAddr) -> Result<Settings, String> {
        let authentication = match self.metadata_auth {
            MetadataAuth::On => Authentication::On,
            MetadataAuth::Off if self.metadata_auth_off_anywhere => Authentication::OffAnywhere,
            MetadataAuth::Off if listen.ip().is_loopback() => Authentication::Off,
            MetadataAuth::Off => {
                return Err(format!(
                    "--metadata-auth off lets everybody who reaches {listen} do everything; listen on 127.0.0.1, or add \
                     --metadata-auth-off-anywhere"
                ));
            }
        };
        let never = match self.never_expiring_tokens {
            NeverExpiringTokens::Allow => NeverExpiring::Allow,
            NeverExpiringTokens::Forbid => NeverExpiring::Forbid,
        };
        let durations: Vec<String> = self
            .access_token_durations
            .iter()
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .collect();
        let lifetimes =
            Lifetimes::new(never, durations).map_err(|message| format!("--access-token-durations {message}"))?;
        let system_client = match (&self.system_client_id, &self.system_client_secret) {
            (Some(id), Some(secret)) => Some(SystemClient::new(id, secret)?),
            _ => None,
        };
        let password_rule = PasswordRule { shortest: self.sign_up_password_length.max(1) };
        Ok(Settings { authentication, system_client, lifetimes, password_rule })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::config::Cli;

    fn door(arguments: &[&str]) -> Result<crate::http::datahub::Settings, String> {
        let cli = Cli::try_parse_from(["tessera"].iter().chain(arguments)).map_err(|error| error.to_string())?;
        cli.settings.datahub.door(cli.settings.listen)
    }

    #[test]
    fn without_authentication_nobody_else_is_let_near_unless_it_is_said_twice() {
        assert!(door(&["--metadata-auth", "off"]).is_ok());
        assert!(door(&["--metadata-auth", "off", "--listen", "[::1]:80"]).is_ok());
        let open = ["--metadata-auth", "off", "--listen", "0.0.0.0:8585"];
        assert!(door(&open).unwrap_err().contains("--metadata-auth-off-anywhere"));
        assert!(door(&[&open[..], &["--metadata-auth-off-anywhere"]].concat()).is_ok());
    }

    #[test]
    fn the_system_client_needs_a_name_and_a_secret_that_is_no_sample() {
        let client = |id, secret| door(&["--system-client-id", id, "--system-client-secret", secret]);
        assert!(client("__datahub_system", "0123456789abcdef").is_ok());
        for (id, secret) in [
            ("__s", "short"),
            ("", "0123456789abcdef"),
            ("__a:b", "0123456789abcdef"),
            ("robot", "0123456789abcdef"),
            ("__s", "JohnSnowKnowsNothing"),
        ] {
            assert!(client(id, secret).is_err(), "{id} {secret}");
        }
        assert!(door(&["--system-client-id", "__s"]).is_err());
    }

    #[test]
    fn durations_are_checked_at_the_start() {
        assert!(door(&["--access-token-durations", "P30D,P90D", "--never-expiring-tokens", "forbid"]).is_ok());
        assert!(door(&["--access-token-durations", "P30D,soon"]).is_err());
        assert!(door(&["--access-token-durations", "P20Y"]).is_err());
    }
}
