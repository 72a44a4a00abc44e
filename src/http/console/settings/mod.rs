//! `/settings`: what people keep for themselves.

pub mod generate;
pub mod revoke;
pub mod sessions;
pub mod tokens;
