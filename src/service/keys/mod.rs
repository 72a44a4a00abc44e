//! Credentials of programs: API keys, access tokens and service accounts.

pub mod access_tokens;
pub mod api_keys;
pub mod oauth;
pub mod service_accounts;
pub mod usage;
