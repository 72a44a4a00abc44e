//! Principals and the permissions they were granted.

use std::collections::HashMap;

use diesel::dsl::not;
use diesel::prelude::*;

use super::database::{AnyConnection, is_duplicate};
use super::listing::{Predicate, any};
pub use super::rows::Existed;
use super::rows::{corrupt, parse_id};
use super::schema::{persona_links, principal_permissions, principals, revisions, users};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{PersonaId, PrincipalId};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::principal::{
    CLIENT_ID_PREFIX, Principal, PrincipalKind, PrincipalState, Role, SERVICE_ACCOUNT_PREFIX, service_account_username,
};
use crate::domain::sight::{PrincipalCategory, SeenPrincipals};
use crate::domain::text::fold;

/// A row of `principals`, without the folded user name, which is only written.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = principals)]
pub(super) struct PrincipalRow {
    id: String,
    kind: String,
    username: String,
    role: String,
    enabled: bool,
    created_at: i64,
}

impl PrincipalRow {
    pub(super) fn into_domain(self) -> Result<Principal> {
        let id = parse_id(&self.id)?;
        let made = self.username == service_account_username(id);
        Ok(Principal {
            id,
            kind: PrincipalKind::find(&self.kind).ok_or_else(|| corrupt("principal kind", &self.kind))?,
            chosen_name: (!made).then(|| self.username.into_boxed_str()),
            role: Role::find(&self.role).ok_or_else(|| corrupt("role", &self.role))?,
            enabled: self.enabled,
            created_at: self.created_at,
        })
    }
}

/// Adds a principal.
///
/// # Errors
/// [`Error::Conflict`] when the user name is taken.
pub fn insert(connection: &mut AnyConnection, principal: &Principal) -> Result<()> {
    let row = PrincipalRow {
        id: principal.id.to_string(),
        kind: principal.kind.name().to_owned(),
        username: principal.username().to_string(),
        role: principal.role.name().to_owned(),
        enabled: principal.enabled,
        created_at: principal.created_at,
    };
    let folded = principals::username_folded.eq(fold(&row.username));
    match diesel::insert_into(principals::table).values((row, folded)).execute(connection) {
        Err(error) if is_duplicate(&error) => {
            Err(Error::Conflict(format!("the user name `{}` is taken, perhaps in another case", principal.username())))
        }
        outcome => Ok(outcome.map(drop)?),
    }
}

/// Changes the role of a principal.
///
/// # Errors
/// When the storage fails.
pub fn set_role(connection: &mut AnyConnection, id: PrincipalId, role: Role) -> Result<Existed> {
    let found = principals::table.find(id.to_string());
    Ok(Existed::from(diesel::update(found).set(principals::role.eq(role.name())).execute(connection)?))
}

/// Enables or disables a principal.
///
/// # Errors
/// When the storage fails.
pub fn set_state(connection: &mut AnyConnection, id: PrincipalId, state: PrincipalState) -> Result<Existed> {
    let found = principals::table.find(id.to_string());
    let enabled = principals::enabled.eq(state == PrincipalState::Enabled);
    Ok(Existed::from(diesel::update(found).set(enabled).execute(connection)?))
}

/// The state of a principal; disabled if it does not exist.
///
/// # Errors
/// When the storage fails.
pub fn state(connection: &mut AnyConnection, id: PrincipalId) -> Result<PrincipalState> {
    let enabled =
        principals::table.find(id.to_string()).select(principals::enabled).get_result(connection).optional()?;
    Ok(if enabled == Some(true) { PrincipalState::Enabled } else { PrincipalState::Disabled })
}

/// Whether there is a principal with that id.
///
/// # Errors
/// When the storage fails.
pub fn exists(connection: &mut AnyConnection, id: PrincipalId) -> Result<bool> {
    Ok(diesel::select(diesel::dsl::exists(principals::table.find(id.to_string()))).get_result(connection)?)
}

/// The principal with that user name.
///
/// # Errors
/// When the storage fails.
pub fn find_by_username(connection: &mut AnyConnection, username: &str) -> Result<Option<Principal>> {
    principals::table
        .filter(principals::username.eq(username))
        .select(PrincipalRow::as_select())
        .get_result(connection)
        .optional()?
        .map(PrincipalRow::into_domain)
        .transpose()
}

/// The principal with that id, client id or user name. Ids are tried first, because a user name can look like one.
///
/// # Errors
/// When the storage fails.
pub fn find_named(connection: &mut AnyConnection, name: &str) -> Result<Option<Principal>> {
    if let Some(id) = PrincipalId::parse(name)
        && let Some(found) = find_many(connection, &[id.to_string()], &SeenPrincipals::everybody())?.pop()
    {
        return Ok(Some(found));
    }
    if name.starts_with(CLIENT_ID_PREFIX)
        && let Some(found) = find_by_username(connection, &format!("{SERVICE_ACCOUNT_PREFIX}{name}"))?
    {
        return Ok(Some(found));
    }
    find_by_username(connection, name)
}

/// Like [`find_by_username`], if the actor sees the principal.
///
/// # Errors
/// When the storage fails.
pub fn find_seen(connection: &mut AnyConnection, username: &str, sight: &SeenPrincipals) -> Result<Option<Principal>> {
    let found = principals::table.into_boxed().filter(principals::username.eq(username)).filter(seen(sight));
    found
        .select(PrincipalRow::as_select())
        .get_result(connection)
        .optional()?
        .map(PrincipalRow::into_domain)
        .transpose()
}

/// Predicate: the principal is an API key. Names are compared byte by byte, so the range covers exactly the prefix.
pub(super) fn is_api_key() -> Predicate<principals::table> {
    Box::new(principals::username.ge(SERVICE_ACCOUNT_PREFIX).and(principals::username.lt("service-account.")))
}

/// Predicate: the actor sees the principal.
pub(super) fn seen(sight: &SeenPrincipals) -> Predicate<principals::table> {
    let of = |kind: PrincipalKind| principals::kind.eq(kind.name());
    let own: Predicate<principals::table> = Box::new(principals::id.eq(sight.own.to_string()));
    let every = sight.categories.iter().map(|category| -> Predicate<principals::table> {
        match category {
            PrincipalCategory::User => Box::new(of(PrincipalKind::User)),
            PrincipalCategory::ApiKey => Box::new(of(PrincipalKind::ServiceAccount).and(is_api_key())),
            PrincipalCategory::ServiceAccount => Box::new(of(PrincipalKind::ServiceAccount).and(not(is_api_key()))),
        }
    });
    any([own].into_iter().chain(every).collect())
}

/// Locks the principal with that id, if it exists, until the transaction ends.
///
/// # Errors
/// When the storage fails.
pub fn lock_by_id(connection: &mut AnyConnection, id: PrincipalId) -> Result<()> {
    diesel::update(principals::table.find(id.to_string()))
        .set(principals::enabled.eq(principals::enabled))
        .execute(connection)?;
    Ok(())
}

/// Locks the principal with that user name, if it exists, until the transaction ends.
///
/// # Errors
/// When the storage fails.
pub fn lock(connection: &mut AnyConnection, username: &str) -> Result<Option<Principal>> {
    let found = principals::table.filter(principals::username.eq(username));
    diesel::update(found).set(principals::enabled.eq(principals::enabled)).execute(connection)?;
    find_by_username(connection, username)
}

/// Serialises the removal of administrators: other transactions that call this wait until this one ends.
///
/// # Errors
/// When the storage fails.
pub fn lock_administrators(connection: &mut AnyConnection) -> Result<()> {
    let row = revisions::table.find("administrators");
    diesel::update(row).set(revisions::revision.eq(revisions::revision + 1)).execute(connection)?;
    Ok(())
}

/// The ids of the enabled users with the role `$admin` who can sign in. `unusable` is the password hash of users who
/// cannot.
///
/// # Errors
/// When the storage fails.
pub fn administrators(connection: &mut AnyConnection, unusable: &str) -> Result<Vec<PrincipalId>> {
    let ids: Vec<String> = principals::table
        .inner_join(users::table)
        .filter(principals::role.eq(Role::Admin.name()))
        .filter(principals::enabled.eq(true))
        .filter(users::password_hash.ne(unusable))
        .select(principals::id)
        .load(connection)?;
    ids.iter().map(|id| parse_id(id)).collect()
}

/// Whether any other enabled user has the role `$admin`, whether or not they have a password.
///
/// # Errors
/// When the storage fails.
pub fn has_other_administrator(connection: &mut AnyConnection, id: PrincipalId) -> Result<bool> {
    let others = principals::table
        .inner_join(users::table)
        .filter(principals::role.eq(Role::Admin.name()))
        .filter(principals::enabled.eq(true))
        .filter(principals::id.ne(id.to_string()))
        .select(principals::id);
    Ok(diesel::select(diesel::dsl::exists(others)).get_result(connection)?)
}

/// Whether a principal has that user name, ignoring case.
///
/// # Errors
/// When the storage fails.
pub fn is_taken(connection: &mut AnyConnection, username: &str) -> Result<bool> {
    let bearers = principals::table.filter(principals::username_folded.eq(fold(username))).select(principals::id);
    Ok(diesel::select(diesel::dsl::exists(bearers)).get_result(connection)?)
}

/// The principals with those ids that the actor sees.
///
/// # Errors
/// When the storage fails.
pub fn find_many(connection: &mut AnyConnection, ids: &[String], sight: &SeenPrincipals) -> Result<Vec<Principal>> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(super::MANY) {
        let rows: Vec<PrincipalRow> = principals::table
            .into_boxed()
            .filter(principals::id.eq_any(chunk))
            .filter(seen(sight))
            .select(PrincipalRow::as_select())
            .load(connection)?;
        for row in rows {
            found.push(row.into_domain()?);
        }
    }
    Ok(found)
}

/// The principals linked to a persona that the actor sees, the oldest first, at most `limit`.
///
/// # Errors
/// When the storage fails.
pub fn linked_to(
    connection: &mut AnyConnection,
    persona: PersonaId,
    sight: &SeenPrincipals,
    limit: i64,
) -> Result<Vec<Principal>> {
    let linked = persona_links::table.filter(persona_links::persona_id.eq(persona.to_string()));
    let rows: Vec<PrincipalRow> = principals::table
        .into_boxed()
        .filter(principals::id.eq_any(linked.select(persona_links::principal_id)))
        .filter(seen(sight))
        .order(principals::id)
        .limit(limit)
        .select(PrincipalRow::as_select())
        .load(connection)?;
    rows.into_iter().map(PrincipalRow::into_domain).collect()
}

/// Replaces the permissions granted to a principal.
///
/// # Errors
/// When the storage fails.
pub fn replace_permissions(connection: &mut AnyConnection, id: PrincipalId, permissions: Permissions) -> Result<()> {
    let id = id.to_string();
    diesel::delete(principal_permissions::table.filter(principal_permissions::principal_id.eq(&id)))
        .execute(connection)?;
    for permission in permissions.iter() {
        diesel::insert_into(principal_permissions::table)
            .values((
                principal_permissions::principal_id.eq(&id),
                principal_permissions::permission.eq(permission.name()),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// The permissions that each of these principals was granted beyond its role.
///
/// # Errors
/// When the storage fails.
pub fn permissions_of(connection: &mut AnyConnection, ids: &[String]) -> Result<HashMap<String, Permissions>> {
    let mut granted: HashMap<String, Permissions> = HashMap::new();
    for chunk in ids.chunks(super::MANY) {
        let rows: Vec<(String, String)> = principal_permissions::table
            .filter(principal_permissions::principal_id.eq_any(chunk))
            .select((principal_permissions::principal_id, principal_permissions::permission))
            .load(connection)?;
        for (id, name) in rows {
            let held = granted.entry(id).or_default();
            *held = held.union(known([name]));
        }
    }
    Ok(granted)
}

/// The permissions granted to one principal. For authentication: a statement without a list of values stays prepared.
///
/// # Errors
/// When the storage fails.
pub fn granted_to(connection: &mut AnyConnection, id: PrincipalId) -> Result<Permissions> {
    let found = principal_permissions::table.filter(principal_permissions::principal_id.eq(id.to_string()));
    let names: Vec<String> = found.select(principal_permissions::permission).load(connection)?;
    Ok(known(names))
}

/// The permissions with these names. Names that only a later version knows are ignored.
fn known(names: impl IntoIterator<Item = String>) -> Permissions {
    names.into_iter().filter_map(|name| Permission::find(&name)).collect()
}
