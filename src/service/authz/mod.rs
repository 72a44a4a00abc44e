//! Authorization: everything that grants, refuses or explains.

pub mod decide;
pub mod effective;
pub mod evaluation;
pub mod explain;
pub(in crate::service) mod grants;
pub mod platform_access;
pub mod search_access;
