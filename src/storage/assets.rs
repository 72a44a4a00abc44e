//! Assets and whom they name.

use diesel::prelude::*;

use super::database::AnyConnection;
use super::principals::corrupt;
use super::schema::{asset_people, assets};
use crate::domain::asset::{AssetGrant, PeopleList};
use crate::domain::error::Result;

/// The assets that name this user or its role, ordered by qualified name.
///
/// # Errors
/// When the storage fails.
pub fn grants_of(connection: &mut AnyConnection, username: &str, role_id: &str) -> Result<Vec<AssetGrant>> {
    let users = [PeopleList::AdminUsers, PeopleList::ViewerUsers].map(PeopleList::name);
    let roles = [PeopleList::AdminRoles, PeopleList::ViewerRoles].map(PeopleList::name);
    let by_name = asset_people::member.eq(username).and(asset_people::relation.eq_any(users));
    let by_role = asset_people::member.eq(role_id).and(asset_people::relation.eq_any(roles));
    let rows: Vec<(String, String)> = asset_people::table
        .inner_join(assets::table)
        .filter(by_name.or(by_role))
        .order((assets::qualified_name, asset_people::relation))
        .select((assets::qualified_name, asset_people::relation))
        .load(connection)?;
    let grants: Result<Vec<_>> = rows
        .into_iter()
        .map(|(qualified_name, relation)| {
            let list = PeopleList::find(&relation).ok_or_else(|| corrupt("relation", &relation))?;
            Ok(AssetGrant { qualified_name, relation: list.relation() })
        })
        .collect();
    let mut grants = grants?;
    grants.dedup();
    Ok(grants)
}
