//! The settings of the authorization server.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::domain::principal::{CLIENT_ID_PREFIX, OAUTH_CLIENT_PREFIX};
use crate::domain::signing::SigningAlgorithm;

/// The settings of the authorization server.
#[derive(Args, Clone)]
#[group(skip)]
pub struct OauthSettings {
    /// The client ids, besides `tessera-cli`, that may use the device grant (RFC 8628), separated by commas
    #[arg(long, global = true, env = "TESSERA_DEVICE_CLIENTS", value_delimiter = ',', value_parser = client_id)]
    pub device_clients: Vec<String>,

    /// The algorithm of the keys that sign child tokens: ES256, or RS256 for receivers that know nothing else
    #[arg(long, global = true, env = "TESSERA_SIGNING_ALGORITHM", default_value = "ES256", value_parser = algorithm)]
    pub signing_algorithm: SigningAlgorithm,

    /// Whether DPoP proofs (RFC 9449) must have a nonce of this process. A proof is then worth nothing at another node or
    /// after a restart; with several nodes, each client must stay at one of them
    #[arg(long, global = true, env = "TESSERA_DPOP_NONCE", value_enum, ignore_case = true, default_value_t = DpopNonce::Off)]
    pub dpop_nonce: DpopNonce,

    /// The issuers of trust rules that may be in private networks, separated by commas: `https://kubernetes.default.svc`. All
    /// others must have public addresses
    #[arg(long, global = true, env = "TESSERA_WORKLOAD_PRIVATE_ISSUERS", value_delimiter = ',')]
    pub workload_private_issuers: Vec<String>,

    /// A PEM file with the certificate authorities of the issuers in private networks; those of the operating system if left
    /// out
    #[arg(long, global = true, env = "TESSERA_WORKLOAD_CA_FILE")]
    pub workload_ca_file: Option<PathBuf>,
}

/// Parses the name of an algorithm.
fn algorithm(name: &str) -> Result<SigningAlgorithm, String> {
    SigningAlgorithm::find(name)
        .ok_or_else(|| format!("must be one of {}", SigningAlgorithm::ALL.map(SigningAlgorithm::name).join(", ")))
}

/// Whether DPoP proofs must have a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DpopNonce {
    /// Proofs need no nonce
    Off,
    /// Proofs must have a nonce
    Required,
}

/// Parses a client id. It is shown to users, so its characters are restricted; and it is none of an API key, which authenticates.
fn client_id(text: &str) -> Result<String, String> {
    if [CLIENT_ID_PREFIX, OAUTH_CLIENT_PREFIX].iter().any(|prefix| text.starts_with(prefix)) {
        return Err(format!(
            "must not begin with `{CLIENT_ID_PREFIX}` or `{OAUTH_CLIENT_PREFIX}`, as those of API keys do"
        ));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    Err("must have 1 to 64 letters, digits, `-`, `.` or `_`".to_owned())
}
