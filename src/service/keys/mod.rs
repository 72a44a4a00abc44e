//! Credentials of programs: API keys, access tokens and service accounts.

pub mod access_tokens;
pub mod api_keys;
pub mod changeable;
pub mod client_secrets;
pub mod oauth;
pub mod oauth_clients;
pub mod service_accounts;
pub mod usage;
