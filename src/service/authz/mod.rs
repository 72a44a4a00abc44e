//! Authorization: granting, refusing, explaining.

pub mod administrators;
pub(in crate::service) mod asset_access;
pub(in crate::service) mod asset_writing;
pub mod authority;
pub mod compare;
pub(in crate::service) mod containment;
pub(in crate::service) mod credentials;
pub mod decide;
pub(in crate::service) mod denies;
pub mod effective;
pub mod evaluation;
pub mod explain;
pub(in crate::service) mod giving;
pub(in crate::service) mod grounds;
pub(in crate::service) mod in_write;
pub mod inquiry;
pub(in crate::service) mod key_lineage;
pub(in crate::service) mod narrow;
pub(in crate::service) mod outgrown;
pub(in crate::service) mod people;
pub(in crate::service) mod persona_writing;
pub mod platform_access;
pub(in crate::service) mod policy_writing;
pub(in crate::service) mod reach;
pub mod search_access;
pub(in crate::service) mod sight;
pub mod suggest;
