//! The OAuth authorization server: `/oauth/device_authorization`, `/oauth/token`, and its metadata (RFC 8414). One file per
//! grant; the rules are use cases in `service`.

pub mod answer;
pub mod device;
mod form;
pub mod metadata;
pub mod token;

/// The client id of Tessera's own command line.
pub const COMMAND_LINE: &str = "tessera-cli";

/// Settings of the authorization server.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The client ids that may use the device grant, besides [`COMMAND_LINE`].
    pub device_clients: Vec<String>,
}

impl Settings {
    /// Whether a client with this id may use the device grant.
    fn knows(&self, client: &str) -> bool {
        client == COMMAND_LINE || self.device_clients.iter().any(|known| known == client)
    }
}
