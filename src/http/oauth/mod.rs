//! OAuth 2 and OpenID Connect: Tessera as an authorization server (`/oauth/device_authorization`, `/oauth/token`, its
//! metadata), and as a client of the providers where users sign in (`sign_in`). One file per grant; the rules are use
//! cases in `service`.

pub mod answer;
pub mod client;
pub mod client_assertion;
pub mod client_credentials;
pub mod device;
pub mod exchange;
pub mod form;
pub mod issuer;
pub mod jwks;
pub mod metadata;
pub mod protected_resource;
pub mod refresh;
pub mod revoke;
mod sets;
pub mod sign_in;
pub mod token;
mod wanted;
pub mod workload;

use crate::domain::device::COMMAND_LINE;

/// Settings of the authorization server.
#[derive(Debug, Clone, Default)]
pub struct OauthSettings {
    /// The client ids that may use the device grant, besides [`COMMAND_LINE`].
    pub device_clients: Vec<String>,
}

impl OauthSettings {
    /// Whether a client with this id may use the device grant.
    fn knows(&self, client: &str) -> bool {
        client == COMMAND_LINE || self.device_clients.iter().any(|known| known == client)
    }
}
