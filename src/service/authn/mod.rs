//! Authentication: tokens, passwords and sessions.

mod attempt;
pub mod authenticate;
pub mod look_ups;
mod minting;
pub(in crate::service) mod passwords;
pub mod sessions;
pub mod sign_ins;
mod throttle;
pub mod verify;
