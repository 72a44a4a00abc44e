//! Users: their accounts, invitations and profiles.

pub mod impersonate;
pub mod invitation_links;
pub mod open_invitations;
pub mod profiles;
pub mod sign_in;
pub mod sign_out;
pub mod users;
