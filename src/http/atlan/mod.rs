//! Atlan's wire format.

pub mod apikeys;
pub mod audit;
pub mod entities;
pub mod explain;
pub mod oauth;
pub mod permissions;
pub mod personas;
pub mod roles;
pub mod search;
pub mod sessions;
pub mod usage;
pub mod users;
