//! What runs beside the requests, and the audit trail.

pub mod audit;
pub mod maintenance;
