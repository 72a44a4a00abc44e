//! Assets and principals as decisions need them: one, or a page of candidates.

use std::collections::{BTreeSet, HashMap, HashSet};

use diesel::prelude::*;
use serde_json::{Map, Value};

use super::database::{AnyConnection, storage};
use super::principals::{self as principal_table, PrincipalRow};
use super::rows::corrupt;
use super::schema::{api_keys, asset_people, assets, principals};
use super::{personas, policies};
use crate::domain::actor::Standing;
use crate::domain::asset::{Asset, AssetGrant, OWNERS, PeopleList, ancestors};
use crate::domain::entity::EntityState;
use crate::domain::error::Result;
use crate::domain::principal::{Principal, PrincipalKind};

/// The parts of an asset that policies may look at.
#[derive(Debug, Clone)]
pub struct StoredAsset {
    /// The qualified name.
    pub qualified_name: String,
    /// The attributes as clients wrote them.
    pub attributes: Map<String, Value>,
    /// The user names of its owners.
    pub owners: BTreeSet<String>,
}

impl From<&Asset> for StoredAsset {
    fn from(asset: &Asset) -> Self {
        Self {
            qualified_name: asset.qualified_name.clone(),
            attributes: asset.attributes.clone(),
            owners: asset.owners.clone(),
        }
    }
}

/// Converts rows of id, qualified name and attributes, and adds the owners.
fn with_owners(connection: &mut AnyConnection, rows: Vec<(String, String, String)>) -> Result<Vec<StoredAsset>> {
    let mut owners: HashMap<String, BTreeSet<String>> = HashMap::new();
    for chunk in rows.chunks(super::MANY) {
        let named: Vec<(String, String)> = asset_people::table
            .filter(asset_people::asset_id.eq_any(chunk.iter().map(|(id, ..)| id)))
            .filter(asset_people::relation.eq(OWNERS))
            .select((asset_people::asset_id, asset_people::member))
            .load(connection)?;
        for (id, owner) in named {
            owners.entry(id).or_default().insert(owner);
        }
    }
    let read = |(id, qualified_name, attributes): (String, String, String)| {
        let attributes = serde_json::from_str(&attributes).map_err(storage)?;
        Ok(StoredAsset { qualified_name, attributes, owners: owners.remove(&id).unwrap_or_default() })
    };
    rows.into_iter().map(read).collect()
}

/// The asset of that type and qualified name.
///
/// # Errors
/// When the storage fails.
pub fn asset(connection: &mut AnyConnection, type_name: &str, qualified_name: &str) -> Result<Option<StoredAsset>> {
    // PostgreSQL rejects text with a NUL.
    if type_name.contains('\0') || qualified_name.contains('\0') {
        return Ok(None);
    }
    let found = assets::table.filter(assets::type_name.eq(type_name)).filter(assets::qualified_name.eq(qualified_name));
    let rows = found.select((assets::id, assets::qualified_name, assets::attributes)).load(connection)?;
    with_owners(connection, rows).map(|mut found| found.pop())
}

/// Active assets of a type, sorted by qualified name, after `after` (keyset pagination).
///
/// # Errors
/// When the storage fails.
pub fn assets_after(
    connection: &mut AnyConnection,
    type_name: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<StoredAsset>> {
    let rows = assets::table
        .filter(assets::type_name.eq(type_name))
        .filter(assets::state.eq(EntityState::Active.name()))
        .filter(assets::qualified_name.gt(after))
        .order(assets::qualified_name)
        .limit(limit)
        .select((assets::id, assets::qualified_name, assets::attributes))
        .load(connection)?;
    with_owners(connection, rows)
}

/// The active assets of a type with those qualified names.
///
/// # Errors
/// When the storage fails.
pub fn assets_named(connection: &mut AnyConnection, type_name: &str, names: &[String]) -> Result<Vec<StoredAsset>> {
    let mut found = Vec::new();
    for chunk in names.chunks(super::MANY) {
        let rows = assets::table
            .filter(assets::type_name.eq(type_name))
            .filter(assets::state.eq(EntityState::Active.name()))
            .filter(assets::qualified_name.eq_any(chunk))
            .select((assets::id, assets::qualified_name, assets::attributes))
            .load(connection)?;
        found.extend(with_owners(connection, rows)?);
    }
    Ok(found)
}

/// Principals of these kinds, sorted by id, after `after` (keyset pagination).
///
/// # Errors
/// When the storage fails.
pub fn principals_after(
    connection: &mut AnyConnection,
    kinds: &[PrincipalKind],
    after: &str,
    limit: i64,
) -> Result<Vec<Principal>> {
    let rows: Vec<PrincipalRow> = principals::table
        .filter(principals::kind.eq_any(kinds.iter().map(|kind| kind.name())))
        .filter(principals::id.gt(after))
        .order(principals::id)
        .limit(limit)
        .select(PrincipalRow::as_select())
        .load(connection)?;
    rows.into_iter().map(PrincipalRow::into_domain).collect()
}

/// The ids of the principals among these that are inactive at `now`: disabled, or an expired API key.
///
/// # Errors
/// When the storage fails.
pub fn inactive(connection: &mut AnyConnection, principals: &[Principal], now: i64) -> Result<HashSet<String>> {
    let disabled = principals.iter().filter(|principal| !principal.enabled);
    let mut inactive: HashSet<String> = disabled.map(|principal| principal.id.to_string()).collect();
    let ids: Vec<String> = principals.iter().map(|principal| principal.id.to_string()).collect();
    for chunk in ids.chunks(super::MANY) {
        let ended = api_keys::table.filter(api_keys::id.eq_any(chunk)).filter(api_keys::expires_at.le(now));
        inactive.extend(ended.select(api_keys::id).load::<String>(connection)?);
    }
    Ok(inactive)
}

/// The standings of these principals as far as one resource is concerned: only grants of that asset and its ancestors
/// are included. Platform permissions granted by policies are left out.
///
/// # Errors
/// When the storage fails.
pub fn standings(
    connection: &mut AnyConnection,
    principals: Vec<Principal>,
    qualified_name: &str,
) -> Result<Vec<Standing>> {
    let ids: Vec<String> = principals.iter().map(|principal| principal.id.to_string()).collect();
    let mut granted = principal_table::permissions_of(connection, &ids)?;
    let mut linked = personas::linked_to(connection, &ids)?;
    let people = principals_named_by(connection, qualified_name)?;
    let policy_revision = policies::revision(connection)?;
    let standing = |(principal, id): (Principal, String)| Standing {
        permissions: principal.role.permissions().union(granted.remove(&id).unwrap_or_default()),
        personas: linked.remove(&id).unwrap_or_default().into(),
        assets: people.iter().filter(|named| named.is(&principal)).map(|named| named.grant.clone()).collect(),
        policy_revision,
        restriction: None,
        principal,
    };
    Ok(principals.into_iter().zip(ids).map(standing).collect())
}

/// One member of an asset's people lists.
struct Named {
    list: PeopleList,
    member: String,
    grant: AssetGrant,
}

impl Named {
    fn is(&self, principal: &Principal) -> bool {
        match self.list {
            PeopleList::AdminUsers | PeopleList::ViewerUsers => self.member == principal.username().to_string(),
            PeopleList::AdminRoles | PeopleList::ViewerRoles => self.member == principal.role.id(),
            PeopleList::AdminGroups | PeopleList::ViewerGroups => false,
        }
    }
}

/// The people of the asset with that qualified name and of its ancestors.
fn principals_named_by(connection: &mut AnyConnection, qualified_name: &str) -> Result<Vec<Named>> {
    let mut names = ancestors(qualified_name);
    names.push(qualified_name);
    let mut people = Vec::new();
    for chunk in names.chunks(super::MANY) {
        let rows: Vec<(String, String, String)> = asset_people::table
            .inner_join(assets::table)
            .filter(assets::qualified_name.eq_any(chunk))
            .filter(asset_people::relation.ne(OWNERS))
            .select((assets::qualified_name, asset_people::relation, asset_people::member))
            .load(connection)?;
        for (qualified_name, relation, member) in rows {
            let list = PeopleList::find(&relation).ok_or_else(|| corrupt("relation", &relation))?;
            people.push(Named { list, member, grant: AssetGrant { qualified_name, relation: list.relation() } });
        }
    }
    Ok(people)
}
