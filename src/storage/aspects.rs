//! Aspects: what DataHub's clients wrote about principals.

use std::collections::HashMap;

use diesel::prelude::*;

use super::database::{AnyConnection, storage};
use super::schema::aspects;
use crate::domain::error::Result;
use crate::domain::ids::PrincipalId;
use crate::domain::profile::Aspect;

/// Replaces an aspect. The caller must hold the lock on the principal.
///
/// # Errors
/// When the storage fails.
pub fn replace(connection: &mut AnyConnection, principal: PrincipalId, aspect: &Aspect) -> Result<()> {
    let principal = principal.to_string();
    diesel::delete(aspects::table.find((&principal, &aspect.name))).execute(connection)?;
    diesel::insert_into(aspects::table)
        .values((
            aspects::principal_id.eq(&principal),
            aspects::name.eq(&aspect.name),
            aspects::value.eq(aspect.value.to_string()),
            aspects::created_by.eq(&aspect.created_by),
            aspects::created_at.eq(aspect.created_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// The aspects of each of these principals, by name.
///
/// # Errors
/// When the storage fails.
pub fn of(connection: &mut AnyConnection, principals: &[String]) -> Result<HashMap<String, Vec<Aspect>>> {
    let mut found: HashMap<String, Vec<Aspect>> = HashMap::new();
    for chunk in principals.chunks(super::MANY) {
        let rows: Vec<(String, String, String, String, i64)> =
            aspects::table.filter(aspects::principal_id.eq_any(chunk)).order(aspects::name).load(connection)?;
        for (principal, name, value, created_by, created_at) in rows {
            let value = serde_json::from_str(&value).map_err(storage)?;
            found.entry(principal).or_default().push(Aspect { name, value, created_by, created_at });
        }
    }
    Ok(found)
}
