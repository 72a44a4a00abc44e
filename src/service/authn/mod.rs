//! Authentication: who somebody is, and the secrets that prove it.

pub mod authenticate;
mod minting;
pub(in crate::service) mod passwords;
pub mod sessions;
pub mod verify;
