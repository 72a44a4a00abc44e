//! `/settings`: access tokens and sessions of the signed-in user.

pub mod generate;
pub mod revoke;
pub mod sessions;
pub mod tokens;
