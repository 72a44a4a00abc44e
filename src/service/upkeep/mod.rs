//! Background work, and the audit trail.

pub mod audit;
pub mod follow;
pub mod maintenance;
pub mod reapply;
pub mod restore;
pub mod time;
