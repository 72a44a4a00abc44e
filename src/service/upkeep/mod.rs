//! Background work, and the audit trail.

pub mod audit;
pub mod expired;
pub mod follow;
pub mod maintenance;
pub mod reapply;
pub mod refused;
pub mod restore;
pub mod time;
