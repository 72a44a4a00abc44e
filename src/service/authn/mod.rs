//! Authentication: tokens, passwords and sessions.

mod attempt;
pub mod authenticate;
pub mod bearer_tokens;
pub mod device_sign_in;
pub mod look_ups;
mod minting;
pub(in crate::service) mod passwords;
mod polls;
pub mod programs;
pub mod proofs;
pub mod refresh;
pub mod revoke;
pub mod sessions;
pub mod sign_ins;
mod throttle;
pub mod verify;
pub mod workload;
