//! Converts the command line's settings into those of the HTTP endpoints.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::SECOND;
use crate::config::{DataHubSettings, MetadataAuth, NeverExpiringTokens, OauthSettings, Settings};
use crate::descriptors;
use crate::domain::access_token::{Lifetimes, NeverExpiring};
use crate::domain::password::{PasswordRule, PasswordSignIn};
use crate::http::bodies::BodyLimits;
use crate::http::datahub::settings::{Authentication, SystemClient};
use crate::http::doors::{DoorSettings, SignInSettings};
use crate::http::gateway::guards::GithubKeys;
use crate::http::gateway::introspection::AnswerLifetime;
use crate::http::oauth::issuer::check_issuer;
use crate::http::oauth::sign_in::settings as providers;
use crate::http::oauth::workload::WorkloadSettings;
use crate::http::peer::TrustedProxies;
use crate::http::state::StateSettings;
use crate::http::wire::{ConnectionLimits, Connections, Pace, RawTargets, ServerSettings};
use crate::http::{console, datahub, oauth};
use crate::outbound::Roots;
use crate::telemetry::AcceptErrors;

/// Settings shared by all protocols.
pub(super) fn state(settings: &Settings, connections: &Arc<Connections>, accept_errors: AcceptErrors) -> StateSettings {
    StateSettings {
        trusted: TrustedProxies(settings.trusted_proxies.clone()),
        bodies: bodies(settings),
        connections: Arc::clone(connections),
        accept_errors: accept_errors.0,
        request_timeout: Duration::from_secs(settings.request_timeout_seconds),
        public_url: settings.public_url.clone(),
        cors_origins: settings.cors_origins.clone(),
    }
}

/// The limits on request bodies.
pub(super) fn bodies(settings: &Settings) -> BodyLimits {
    BodyLimits {
        longest: settings.body_limit,
        memory: settings.body_memory,
        grace: Duration::from_secs(settings.body_seconds),
        bytes_per_second: settings.body_bytes_per_second,
    }
}

/// How connections are served.
pub(super) fn wire(settings: &Settings, connections: Arc<Connections>) -> ServerSettings {
    let defaults = ServerSettings::default();
    ServerSettings {
        accepted: connections.accepted(),
        connections,
        pace: pace(settings),
        raw_targets: if settings.raw_request_targets { RawTargets::Encoded } else { RawTargets::Untouched },
        workers: settings.workers.map_or(defaults.workers, std::num::NonZero::get),
        keep_alive: Duration::from_secs(settings.keep_alive_seconds).into(),
        shutdown_timeout: Duration::from_secs(settings.shutdown_seconds),
        ..defaults
    }
}

/// Settings of single protocols.
///
/// # Errors
/// A message for the operator.
pub(super) fn settings(settings: &Settings) -> Result<DoorSettings, String> {
    let github_keys = match &settings.github_public_keys {
        None => GithubKeys::default(),
        Some(path) => {
            let failed = |error: String| format!("the public keys of GitHub in `{}`: {error}", path.display());
            GithubKeys::parse(&std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?)
                .map_err(failed)?
        }
    };
    Ok(DoorSettings {
        github_keys,
        introspection: AnswerLifetime(settings.introspection_seconds * SECOND),
        datahub: datahub(&settings.datahub, settings.listen)?,
        oauth: oauth::OauthSettings { device_clients: settings.oauth.device_clients.clone() },
        workloads: workloads(&settings.oauth)?,
        console: console::ConsoleSettings {
            confirm_after: Duration::from_secs(settings.confirm_seconds),
            ..console::ConsoleSettings::default()
        },
        sign_in: sign_in(settings)?,
    })
}

/// The issuers of workloads in private networks.
fn workloads(settings: &OauthSettings) -> Result<WorkloadSettings, String> {
    for issuer in &settings.workload_private_issuers {
        check_issuer(issuer).map_err(|message| format!("--workload-private-issuers: `{issuer}` {message}"))?;
    }
    let private_roots = match &settings.workload_ca_file {
        None => Roots::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
            text.and_then(|text| Roots::parse(&text))
                .map_err(|error| format!("--workload-ca-file `{}`: {error}", path.display()))?
        }
    };
    Ok(WorkloadSettings { private_issuers: settings.workload_private_issuers.clone(), private_roots })
}

/// The providers where people can sign in, from the file that the operator has written. Without passwords there must
/// be one.
fn sign_in(settings: &Settings) -> Result<SignInSettings, String> {
    let sign_in = providers(settings)?;
    if settings.people.password_sign_in == PasswordSignIn::Off && sign_in.providers.is_empty() {
        return Err("--password-sign-in off needs a provider in --providers-file: nobody could sign in".to_owned());
    }
    Ok(sign_in)
}

fn providers(settings: &Settings) -> Result<SignInSettings, String> {
    let Some(path) = &settings.people.providers_file else { return Ok(SignInSettings::default()) };
    let failed = |error: String| format!("the providers in `{}`: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let secret = |path: &PathBuf| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let providers = providers::parse(&text, secret).map_err(failed)?;
    // Never what a request says: its sender could choose where the provider sends the code.
    let base = match &settings.public_url {
        Some(url) => url.clone(),
        None if settings.listen.ip().is_loopback() => format!("http://{}", settings.listen),
        None => return Err("--providers-file needs --public-url: providers send browsers back there".to_owned()),
    };
    Ok(SignInSettings { providers, base })
}

pub(super) fn connections(settings: &Settings) -> Arc<Connections> {
    let total = descriptors::connections(settings, descriptors::raise());
    Connections::new(ConnectionLimits {
        total,
        each: settings.connections_per_address.unwrap_or(total.div_ceil(2)),
        trusted: TrustedProxies(settings.trusted_proxies.clone()),
    })
}

/// Slow-loris guard. A body that is being read is timed by its reader, which gives the precise error; a body that is
/// not read has twice the time.
fn pace(settings: &Settings) -> Pace {
    let head = Duration::from_secs(settings.head_seconds);
    Pace {
        head,
        body: Duration::from_secs(settings.body_seconds.saturating_mul(2)),
        bytes_per_second: settings.body_bytes_per_second.div_ceil(2),
        unknown: Duration::from_secs(settings.keep_alive_seconds) + head,
        ..Pace::default()
    }
}

/// Settings of DataHub's protocol, for a server that listens on this address.
///
/// # Errors
/// A message for the operator.
fn datahub(settings: &DataHubSettings, listen: SocketAddr) -> Result<datahub::DoorRules, String> {
    let authentication = match settings.metadata_auth {
        MetadataAuth::On => Authentication::On,
        MetadataAuth::Off if settings.metadata_auth_off_anywhere => Authentication::OffAnywhere,
        MetadataAuth::Off if listen.ip().is_loopback() => Authentication::Off,
        MetadataAuth::Off => {
            return Err(format!(
                "--metadata-auth off lets every client that reaches {listen} do everything; listen on 127.0.0.1, or add \
                 --metadata-auth-off-anywhere"
            ));
        }
    };
    let never = match settings.never_expiring_tokens {
        NeverExpiringTokens::Allow => NeverExpiring::Allow,
        NeverExpiringTokens::Forbid => NeverExpiring::Forbid,
    };
    let durations: Vec<String> = settings
        .access_token_durations
        .iter()
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
        .collect();
    let lifetimes =
        Lifetimes::new(never, durations).map_err(|message| format!("--access-token-durations {message}"))?;
    let system_client = match (&settings.system_client_id, &settings.system_client_secret) {
        (Some(id), Some(secret)) => Some(SystemClient::new(id, secret)?),
        _ => None,
    };
    let password_rule = PasswordRule { shortest: settings.sign_up_password_length.max(1) };
    Ok(datahub::DoorRules { authentication, system_client, lifetimes, password_rule })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::Cli;

    fn door(arguments: &[&str]) -> Result<datahub::DoorRules, String> {
        let cli = Cli::try_parse_from(["tessera"].iter().chain(arguments)).map_err(|error| error.to_string())?;
        datahub(&cli.settings.datahub, cli.settings.listen)
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
    fn issuers_in_private_networks_are_addresses_and_their_authorities_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let start = |arguments: &[&str]| {
            let cli = Cli::try_parse_from(["tessera"].iter().chain(arguments)).map_err(|error| error.to_string())?;
            workloads(&cli.settings.oauth).map(|settings| settings.private_issuers)
        };
        let issuers = ["--workload-private-issuers", "https://kubernetes.default.svc,http://127.0.0.1:8080"];
        assert_eq!(start(&issuers).unwrap(), ["https://kubernetes.default.svc", "http://127.0.0.1:8080"]);
        for wrong in ["http://10.0.0.1", "kubernetes", "https://a/?b", "https://a,,https://b", "https://u:p@a"] {
            let message = start(&["--workload-private-issuers", wrong]).unwrap_err();
            assert!(message.contains("--workload-private-issuers"), "{wrong}: {message}");
        }
        let file = folder.path().join("ca.pem");
        let with_file = ["--workload-ca-file", file.to_str().unwrap()];
        assert!(start(&with_file).unwrap_err().contains("ca.pem"));
        std::fs::write(&file, "no certificate").unwrap();
        assert!(start(&with_file).unwrap_err().contains("PEM"));
    }

    #[test]
    fn without_passwords_there_must_be_a_provider() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("providers.toml");
        let start = |arguments: &[&str]| {
            let cli = Cli::try_parse_from(["tessera"].iter().chain(arguments)).map_err(|error| error.to_string())?;
            sign_in(&cli.settings).map(|sign_in| sign_in.providers.len())
        };
        let with_file = ["--password-sign-in", "off", "--providers-file", file.to_str().unwrap()];
        std::fs::write(&file, "").unwrap();
        for arguments in [&with_file[..2], &with_file] {
            assert!(start(arguments).unwrap_err().contains("needs a provider"), "{arguments:?}");
        }
        let provider = "id = 'a'\nissuer = 'https://id.example.org'\nclient_id = 't'\ndefault_role = '$guest'\n";
        std::fs::write(&file, format!("[[provider]]\n{provider}")).unwrap();
        assert_eq!(start(&with_file), Ok(1));
        assert_eq!(start(&["--password-sign-in", "on"]), Ok(0));
        assert!(start(&["--password-sign-in", "maybe"]).is_err());
    }

    #[test]
    fn durations_are_checked_at_the_start() {
        assert!(door(&["--access-token-durations", "P30D,P90D", "--never-expiring-tokens", "forbid"]).is_ok());
        assert!(door(&["--access-token-durations", "P30D,soon"]).is_err());
        assert!(door(&["--access-token-durations", "P20Y"]).is_err());
    }
}
