//! The paths under `/api/service` and `/api/meta`: Atlan's wire format, and Tessera's own endpoints in the same style
//! (`audit`, `explain`, `oauth`, `permissions`, `personas`, `revocations`, `usage`).

pub mod apikeys;
pub mod audit;
pub mod entities;
pub mod explain;
pub mod oauth;
pub mod oauth_clients;
pub mod permissions;
pub mod personas;
pub mod realm;
pub mod revocations;
pub mod roles;
pub mod search;
pub mod sessions;
pub mod typedefs;
pub mod usage;
pub mod users;
