//! When principals last used their permissions.

use std::collections::HashMap;

use diesel::prelude::*;

use super::database::AnyConnection;
use super::schema::permission_uses;
use crate::domain::credential::PermissionUse;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;

/// Stores uses; those of deleted principals are dropped.
///
/// # Errors
/// When the storage fails.
pub fn keep(connection: &mut AnyConnection, uses: &[PermissionUse]) -> Result<()> {
    for each in uses {
        let row = permission_uses::table.find((each.principal.to_string(), &each.permission));
        let last = permission_uses::last_used_at.eq(each.last_used_at);
        if diesel::update(row).set(last).execute(connection)? > 0 {
            continue;
        }
        let key = (
            permission_uses::principal_id.eq(each.principal.to_string()),
            permission_uses::permission.eq(&each.permission),
        );
        let known = super::principals::exists(connection, each.principal)?;
        if known {
            diesel::insert_into(permission_uses::table).values((key, last)).execute(connection)?;
        }
    }
    Ok(())
}

/// When a principal last used each of its permissions.
///
/// # Errors
/// When the storage fails.
pub fn of(connection: &mut AnyConnection, principal: PrincipalId) -> Result<HashMap<String, i64>> {
    let rows: Vec<(String, i64)> = permission_uses::table
        .filter(permission_uses::principal_id.eq(principal.to_string()))
        .select((permission_uses::permission, permission_uses::last_used_at))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Sets uses with a time after `later` to `now`: a clock was ahead when they were recorded.
///
/// # Errors
/// When the storage fails.
pub fn forget_future(connection: &mut AnyConnection, now: i64, later: i64) -> Result<()> {
    let future = permission_uses::table.filter(permission_uses::last_used_at.gt(later));
    diesel::update(future).set(permission_uses::last_used_at.eq(now)).execute(connection)?;
    Ok(())
}
