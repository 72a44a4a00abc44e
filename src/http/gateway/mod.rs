//! Endpoints for gateways: token verification and decisions, over protocols that gateways support.

pub mod authzen;
pub mod edges;
pub mod forward_auth;
pub mod guards;
pub mod introspection;
mod keep;
pub mod leaks;
pub mod original;
pub mod tokens;
