//! Users: their accounts, invitations and profiles.

pub mod invites;
pub mod profiles;
pub mod users;
