//! For gateways: verification over the protocols they already speak.

pub mod authzen;
pub mod forward_auth;
pub mod guards;
pub mod introspection;
pub mod leaks;
pub mod original;
pub mod tokens;
