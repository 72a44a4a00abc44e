//! Standings: a principal with its permissions, personas and asset grants, collected from all tables.

use std::sync::Arc;

use diesel::prelude::*;

use super::database::AnyConnection;
use super::principals::PrincipalRow;
use super::schema::principals;
use super::{assets, personas, policies, principals as principal_table};
use crate::domain::actor::Standing;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::principal::Principal;

/// The standing of a principal, without the platform permissions that policies grant.
///
/// # Errors
/// When the storage fails.
pub fn of(connection: &mut AnyConnection, principal: Principal) -> Result<Standing> {
    let bare = without_assets(connection, principal)?;
    with_assets(connection, bare)
}

/// Like [`of`], for the principal with that id.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, id: PrincipalId) -> Result<Option<Standing>> {
    let found = find_without_assets(connection, id)?;
    found.map(|bare| with_assets(connection, bare)).transpose()
}

/// Like [`of`], without the grants of assets. Nothing bounds their number, so transactions that write read only those that
/// they decide by.
///
/// # Errors
/// When the storage fails.
pub fn without_assets(connection: &mut AnyConnection, principal: Principal) -> Result<Standing> {
    let granted = principal_table::granted_to(connection, principal.id)?;
    let linked = personas::linked_to_one(connection, principal.id)?;
    Ok(Standing {
        permissions: principal.role.permissions().union(granted),
        personas: linked.into(),
        assets: Arc::default(),
        policy_revision: policies::revision(connection)?,
        restriction: None,
        principal,
    })
}

/// Like [`find`], without the grants of assets.
///
/// # Errors
/// When the storage fails.
pub fn find_without_assets(connection: &mut AnyConnection, id: PrincipalId) -> Result<Option<Standing>> {
    let found: Option<PrincipalRow> =
        principals::table.find(id.to_string()).select(PrincipalRow::as_select()).get_result(connection).optional()?;
    found.map(|row| without_assets(connection, row.into_domain()?)).transpose()
}

/// Adds the grants of assets.
///
/// # Errors
/// When the storage fails.
pub(super) fn with_assets(connection: &mut AnyConnection, bare: Standing) -> Result<Standing> {
    let named = assets::grants_of(connection, &bare.principal.username().to_string(), bare.principal.role.id())?;
    Ok(Standing { assets: named.into(), ..bare })
}
