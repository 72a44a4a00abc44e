//! Standings: a principal with its permissions, personas and asset grants, collected from all tables.

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
    let granted = principal_table::granted_to(connection, principal.id)?;
    let linked = personas::linked_to_one(connection, principal.id)?;
    let named = assets::grants_of(connection, &principal.username().to_string(), principal.role.id())?;
    Ok(Standing {
        permissions: principal.role.permissions().union(granted),
        personas: linked.into(),
        assets: named.into(),
        policy_revision: policies::revision(connection)?,
        restriction: None,
        principal,
    })
}

/// Like [`of`], for the principal with that id.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, id: PrincipalId) -> Result<Option<Standing>> {
    let found: Option<PrincipalRow> =
        principals::table.find(id.to_string()).select(PrincipalRow::as_select()).get_result(connection).optional()?;
    found.map(|row| of(connection, row.into_domain()?)).transpose()
}
