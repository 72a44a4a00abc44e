//! Authentication: tokens, passwords and sessions.

pub mod authenticate;
pub mod look_ups;
mod minting;
mod party;
pub(in crate::service) mod passwords;
mod queue;
pub mod sessions;
pub mod sign_ins;
mod throttle;
pub mod verify;
