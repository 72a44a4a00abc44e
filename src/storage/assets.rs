//! Assets, and the users and roles they name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::prelude::*;

use super::database::{AnyConnection, is_duplicate, storage};
use super::listing::like;
use super::rows::{Existed, corrupt, parse_id};
use super::schema::{asset_people, assets, persona_links, principals, revisions};
use super::search_terms;
use crate::domain::asset::{Asset, AssetGrant, AssetId, OWNERS, PeopleList, Relation, ancestors, is_urn};
use crate::domain::entity::EntityState;
use crate::domain::error::Result;
use crate::domain::ids::PersonaId;

/// A row of `assets`.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = assets)]
struct AssetRow {
    id: String,
    type_name: String,
    qualified_name: String,
    name: String,
    state: String,
    attributes: String,
    created_by: String,
    updated_by: String,
    created_at: i64,
    updated_at: i64,
    revision: i64,
}

impl From<&Asset> for AssetRow {
    fn from(asset: &Asset) -> Self {
        Self {
            id: asset.id.to_string(),
            type_name: asset.type_name.clone(),
            qualified_name: asset.qualified_name.clone(),
            name: asset.name.clone(),
            state: asset.state.name().to_owned(),
            attributes: super::json(&asset.attributes),
            created_by: asset.created_by.clone(),
            updated_by: asset.updated_by.clone(),
            created_at: asset.created_at,
            updated_at: asset.updated_at,
            revision: asset.revision,
        }
    }
}

impl AssetRow {
    /// Converts the row, without people and owners.
    fn into_domain(self) -> Result<Asset> {
        Ok(Asset {
            id: parse_id(&self.id)?,
            type_name: self.type_name,
            qualified_name: self.qualified_name,
            name: self.name,
            state: EntityState::find(&self.state).ok_or_else(|| corrupt("state", &self.state))?,
            attributes: serde_json::from_str(&self.attributes).map_err(storage)?,
            people: BTreeMap::new(),
            owners: BTreeSet::new(),
            created_by: self.created_by,
            updated_by: self.updated_by,
            created_at: self.created_at,
            updated_at: self.updated_at,
            revision: self.revision,
        })
    }
}

/// Adds an asset, unless one with the same type and qualified name exists.
///
/// # Errors
/// When the storage fails.
pub fn insert(connection: &mut AnyConnection, asset: &Asset) -> Result<Existed> {
    // The inner transaction is a savepoint: on PostgreSQL a failed statement would end the outer one.
    let insert = |connection: &mut AnyConnection| {
        diesel::insert_into(assets::table).values(AssetRow::from(asset)).execute(connection)
    };
    match connection.transaction(insert) {
        Err(error) if is_duplicate(&error) => return Ok(Existed::Yes),
        outcome => outcome?,
    };
    write_people(connection, asset)?;
    search_terms::replace(connection, asset.id.uuid(), &asset.terms())?;
    Ok(Existed::No)
}

/// Replaces an asset with its people, owners and terms.
///
/// # Errors
/// When the storage fails.
pub fn replace(connection: &mut AnyConnection, asset: &Asset) -> Result<()> {
    diesel::update(assets::table.find(asset.id.to_string())).set(AssetRow::from(asset)).execute(connection)?;
    diesel::delete(asset_people::table.filter(asset_people::asset_id.eq(asset.id.to_string()))).execute(connection)?;
    write_people(connection, asset)?;
    search_terms::replace(connection, asset.id.uuid(), &asset.terms())
}

fn write_people(connection: &mut AnyConnection, asset: &Asset) -> Result<()> {
    let people = asset.people.iter().map(|(list, members)| (list.name(), members));
    for (relation, members) in people.chain([(OWNERS, &asset.owners)]) {
        for member in members {
            let row = (
                asset_people::asset_id.eq(asset.id.to_string()),
                asset_people::relation.eq(relation),
                asset_people::member.eq(member),
            );
            diesel::insert_into(asset_people::table).values(row).execute(connection)?;
        }
    }
    Ok(())
}

/// Removes an asset.
///
/// # Errors
/// When the storage fails.
pub fn delete(connection: &mut AnyConnection, id: AssetId) -> Result<Existed> {
    let existed = diesel::delete(assets::table.find(id.to_string())).execute(connection)?;
    search_terms::delete(connection, id.uuid())?;
    Ok(existed.into())
}

/// Removes a deleted user's name from the people and owners of every asset, so that a later user of the same name
/// inherits nothing.
///
/// # Errors
/// When the storage fails.
pub fn forget_user(connection: &mut AnyConnection, username: &str) -> Result<()> {
    let lists = [PeopleList::AdminUsers.name(), PeopleList::ViewerUsers.name(), OWNERS];
    let found =
        || asset_people::table.filter(asset_people::member.eq(username)).filter(asset_people::relation.eq_any(lists));
    // A concurrent write of one of these assets would write the name back, so it must conflict.
    let naming = assets::table.filter(assets::id.eq_any(found().select(asset_people::asset_id)));
    diesel::update(naming).set(assets::revision.eq(assets::revision + 1)).execute(connection)?;
    diesel::delete(found()).execute(connection)?;
    Ok(())
}

/// Locks an asset, if it exists, until the transaction ends, and raises its revision for the write that follows.
///
/// # Errors
/// When the storage fails.
pub fn lock(connection: &mut AnyConnection, id: AssetId) -> Result<()> {
    let found = assets::table.find(id.to_string());
    diesel::update(found).set(assets::revision.eq(assets::revision + 1)).execute(connection)?;
    Ok(())
}

/// Like [`lock`], by type and qualified name; returns the asset.
///
/// # Errors
/// When the storage fails.
pub fn lock_by_name(connection: &mut AnyConnection, type_name: &str, qualified_name: &str) -> Result<Option<Asset>> {
    let found = assets::table.filter(assets::type_name.eq(type_name)).filter(assets::qualified_name.eq(qualified_name));
    diesel::update(found).set(assets::revision.eq(assets::revision + 1)).execute(connection)?;
    let row = found.select(AssetRow::as_select()).get_result(connection).optional()?;
    with_people(connection, row.into_iter().collect()).map(|mut found| found.pop())
}

/// The asset with that id.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, id: AssetId) -> Result<Option<Asset>> {
    let row = assets::table.find(id.to_string()).select(AssetRow::as_select()).get_result(connection).optional()?;
    with_people(connection, row.into_iter().collect()).map(|mut found| found.pop())
}

/// The assets with these ids, in no particular order.
///
/// # Errors
/// When the storage fails.
pub fn find_many(connection: &mut AnyConnection, ids: &[String]) -> Result<Vec<Asset>> {
    let mut found = Vec::new();
    for chunk in ids.chunks(super::MANY) {
        let rows = assets::table.filter(assets::id.eq_any(chunk)).select(AssetRow::as_select()).load(connection)?;
        found.extend(with_people(connection, rows)?);
    }
    Ok(found)
}

/// The ids of the assets with these qualified names, of any type. The oldest wins if several have the same name.
///
/// # Errors
/// When the storage fails.
pub fn ids_of(connection: &mut AnyConnection, names: &[&str]) -> Result<HashMap<String, AssetId>> {
    let mut ids = HashMap::new();
    for chunk in names.chunks(super::MANY) {
        let rows: Vec<(String, String)> = assets::table
            .filter(assets::qualified_name.eq_any(chunk))
            .order(assets::id.desc())
            .select((assets::qualified_name, assets::id))
            .load(connection)?;
        for (name, id) in rows {
            ids.insert(name, parse_id(&id)?);
        }
    }
    Ok(ids)
}

fn with_people(connection: &mut AnyConnection, rows: Vec<AssetRow>) -> Result<Vec<Asset>> {
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut found = rows.into_iter().map(AssetRow::into_domain).collect::<Result<Vec<_>>>()?;
    for chunk in ids.chunks(super::MANY) {
        let people: Vec<(String, String, String)> =
            asset_people::table.filter(asset_people::asset_id.eq_any(chunk)).load(connection)?;
        for (id, relation, member) in people {
            let id: AssetId = parse_id(&id)?;
            let Some(asset) = found.iter_mut().find(|asset| asset.id == id) else { continue };
            if relation == OWNERS {
                asset.owners.insert(member);
            } else {
                asset.people.entry(parse_list(&relation)?).or_default().insert(member);
            }
        }
    }
    Ok(found)
}

fn parse_list(relation: &str) -> Result<PeopleList> {
    PeopleList::find(relation).ok_or_else(|| corrupt("relation", relation))
}

/// Serialises the creation of top-level assets: other transactions that call this wait until this one ends. Without it
/// two transactions would not see each other on PostgreSQL and could create an asset beneath the other's.
///
/// # Errors
/// When the storage fails.
pub fn lock_ground(connection: &mut AnyConnection) -> Result<()> {
    let row = revisions::table.find("assets");
    diesel::update(row).set(revisions::revision.eq(revisions::revision + 1)).execute(connection)?;
    Ok(())
}

/// Whether an asset of any type has that qualified name, or the name of one of its ancestors.
///
/// # Errors
/// When the storage fails.
pub fn exists_at_or_above(connection: &mut AnyConnection, qualified_name: &str) -> Result<bool> {
    let mut names = ancestors(qualified_name);
    names.push(qualified_name);
    let there = assets::table.filter(assets::qualified_name.eq_any(names));
    Ok(diesel::select(diesel::dsl::exists(there)).get_result(connection)?)
}

/// Whether any asset lies beneath that qualified name.
///
/// # Errors
/// When the storage fails.
pub fn is_above_any(connection: &mut AnyConnection, qualified_name: &str) -> Result<bool> {
    if is_urn(qualified_name) {
        return Ok(false);
    }
    let beneath = assets::table
        .filter(assets::qualified_name.ge(format!("{qualified_name}/")))
        .filter(assets::qualified_name.lt(format!("{qualified_name}0")));
    let found: bool = diesel::select(diesel::dsl::exists(beneath)).get_result(connection)?;
    if found || qualified_name.contains('/') {
        return Ok(found);
    }
    let at_name = format!("@{qualified_name}");
    let anywhere = like(&[String::new(), at_name.clone(), String::new()]);
    let end = like(&[String::new(), at_name]);
    let in_glossary = assets::table
        .filter(assets::qualified_name.like(anywhere).escape('\\'))
        .filter(super::root_of(assets::qualified_name.nullable()).like(end).escape('\\'));
    Ok(diesel::select(diesel::dsl::exists(in_glossary)).get_result(connection)?)
}

/// The strongest relation of a user, by name or role, to the assets with that qualified name or to their ancestors.
///
/// # Errors
/// When the storage fails.
pub fn relation_to(
    connection: &mut AnyConnection,
    qualified_name: &str,
    username: &str,
    role_id: &'static str,
) -> Result<Option<Relation>> {
    let mut names = ancestors(qualified_name);
    names.push(qualified_name);
    let grants = grants_among(connection, &names, username, role_id)?;
    Ok(Relation::strongest(grants.into_iter().map(|(_, grant)| grant.relation)))
}

/// Those of the assets with these qualified names that name this user or its role, with their ids: names are unique within a type
/// only.
///
/// # Errors
/// When the storage fails.
pub fn grants_among(
    connection: &mut AnyConnection,
    names: &[&str],
    username: &str,
    role_id: &'static str,
) -> Result<Vec<(AssetId, AssetGrant)>> {
    let mut grants = Vec::new();
    for chunk in names.chunks(super::MANY) {
        let rows: Vec<((String, String), (String, String))> = asset_people::table
            .inner_join(assets::table)
            // An expression, so that no database begins with the index by member: nothing bounds how many assets name one.
            .filter(asset_people::member.concat("").eq_any([username, role_id]))
            .filter(assets::qualified_name.eq_any(chunk))
            .select(((assets::id, assets::qualified_name), (asset_people::relation, asset_people::member)))
            .load(connection)?;
        for ((id, qualified_name), (relation, member)) in rows {
            let list = match PeopleList::find(&relation) {
                Some(list @ (PeopleList::AdminUsers | PeopleList::ViewerUsers)) if member == username => list,
                Some(list @ (PeopleList::AdminRoles | PeopleList::ViewerRoles)) if member == role_id => list,
                // Its groups, or its owners.
                _ => continue,
            };
            grants.push((parse_id(&id)?, AssetGrant { qualified_name, relation: list.relation() }));
        }
    }
    Ok(grants)
}

/// Condition: the row names this user as admin or viewer.
#[diesel::dsl::auto_type(no_type_alias)]
pub(super) fn by_name(username: String) -> _ {
    let relation = asset_people::relation;
    asset_people::member.eq(username).and(relation.eq("adminUsers").or(relation.eq("viewerUsers")))
}

/// Condition: the row names this role as admin or viewer.
#[diesel::dsl::auto_type(no_type_alias)]
pub(super) fn by_role(id: &'static str) -> _ {
    let relation = asset_people::relation;
    asset_people::member.eq(id).and(relation.eq("adminRoles").or(relation.eq("viewerRoles")))
}

/// The qualified names of the assets that name a principal linked to the persona, or any role.
///
/// # Errors
/// When the storage fails.
pub fn naming_linked(connection: &mut AnyConnection, persona: PersonaId) -> Result<BTreeSet<String>> {
    let linked = persona_links::table
        .inner_join(principals::table)
        .filter(persona_links::persona_id.eq(persona.to_string()))
        .select(principals::username);
    let relation = asset_people::relation;
    let by_name = relation.eq_any(["adminUsers", "viewerUsers"]).and(asset_people::member.eq_any(linked));
    let named: Vec<String> = asset_people::table
        .inner_join(assets::table)
        .filter(by_name.or(relation.eq_any(["adminRoles", "viewerRoles"])))
        .select(assets::qualified_name)
        .distinct()
        .load(connection)?;
    Ok(named.into_iter().collect())
}

/// The ids of the assets that this user owns, and their qualified names.
///
/// # Errors
/// When the storage fails.
pub fn owned_by(connection: &mut AnyConnection, username: &str) -> Result<BTreeMap<String, String>> {
    let owned: Vec<(String, String)> = asset_people::table
        .inner_join(assets::table)
        .filter(asset_people::member.eq(username))
        .filter(asset_people::relation.eq(OWNERS))
        .select((assets::id, assets::qualified_name))
        .load(connection)?;
    Ok(owned.into_iter().collect())
}

/// The assets that name this user or its role, ordered by qualified name.
///
/// # Errors
/// When the storage fails.
pub fn grants_of(connection: &mut AnyConnection, username: &str, role_id: &'static str) -> Result<Vec<AssetGrant>> {
    let rows: Vec<(String, String)> = asset_people::table
        .inner_join(assets::table)
        .filter(by_name(username.to_owned()).or(by_role(role_id)))
        .order((assets::qualified_name, asset_people::relation))
        .select((assets::qualified_name, asset_people::relation))
        .load(connection)?;
    let grants = rows.into_iter().map(|(qualified_name, relation)| {
        Ok(AssetGrant { qualified_name, relation: parse_list(&relation)?.relation() })
    });
    let mut grants = grants.collect::<Result<Vec<_>>>()?;
    grants.dedup();
    Ok(grants)
}
