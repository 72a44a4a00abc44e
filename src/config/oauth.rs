//! The settings of the authorization server.

use std::path::PathBuf;

use clap::Args;

/// The settings of the authorization server.
#[derive(Args, Clone)]
#[group(skip)]
pub struct OauthSettings {
    /// The client ids, besides `tessera-cli`, that may use the device grant (RFC 8628), separated by commas
    #[arg(long, global = true, env = "TESSERA_DEVICE_CLIENTS", value_delimiter = ',', value_parser = client_id)]
    pub device_clients: Vec<String>,

    /// The issuers of trust rules that may be in private networks, separated by commas: `https://kubernetes.default.svc`. All
    /// others must have public addresses
    #[arg(long, global = true, env = "TESSERA_WORKLOAD_PRIVATE_ISSUERS", value_delimiter = ',')]
    pub workload_private_issuers: Vec<String>,

    /// A PEM file with the certificate authorities of the issuers in private networks; those of the operating system if left
    /// out
    #[arg(long, global = true, env = "TESSERA_WORKLOAD_CA_FILE")]
    pub workload_ca_file: Option<PathBuf>,
}

/// Parses a client id. It is shown to users, so its characters are restricted.
fn client_id(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    Err("must have 1 to 64 letters, digits, `-`, `.` or `_`".to_owned())
}
