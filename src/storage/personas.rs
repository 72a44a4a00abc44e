//! Personas and their links to principals.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::database::{AnyConnection, is_dangling, is_duplicate, storage};
use super::holds::hold_personas;
use super::listing::{ALWAYS, Column, Expression, Listed, Stored, condition, paged};
use super::rows::{Existed, parse_id};
use super::schema::{persona_links, personas, policies, principals, search_terms as search_terms_table};
use super::search_terms;
use crate::domain::error::{Error, Result, Violation};
use crate::domain::fields::PersonaField;
use crate::domain::filter::Filter;
use crate::domain::ids::{PersonaId, PrincipalId};
use crate::domain::listing::Query;
use crate::domain::persona::{Persona, PersonaRef};
use crate::domain::principal::PrincipalKind;
use crate::domain::text::fold;

/// A row of `personas`.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = personas)]
struct PersonaRow {
    id: String,
    qualified_name: String,
    name: String,
    display_name: String,
    description: String,
    enabled: bool,
    created_by: String,
    created_at: i64,
    updated_at: i64,
    attributes: String,
    name_folded: String,
    display_name_folded: String,
}

impl From<&Persona> for PersonaRow {
    fn from(persona: &Persona) -> Self {
        Self {
            id: persona.id.to_string(),
            qualified_name: persona.qualified_name.clone(),
            name: persona.name.clone(),
            display_name: persona.display_name.clone(),
            description: persona.description.clone(),
            enabled: persona.enabled,
            created_by: persona.created_by.clone(),
            created_at: persona.created_at,
            updated_at: persona.updated_at,
            attributes: super::json(&persona.attributes),
            name_folded: fold(&persona.name),
            display_name_folded: fold(&persona.display_name),
        }
    }
}

impl PersonaRow {
    fn into_domain(self) -> Result<Persona> {
        Ok(Persona {
            id: parse_id(&self.id)?,
            qualified_name: self.qualified_name,
            name: self.name,
            display_name: self.display_name,
            description: self.description,
            enabled: self.enabled,
            created_by: self.created_by,
            created_at: self.created_at,
            updated_at: self.updated_at,
            attributes: serde_json::from_str(&self.attributes).map_err(storage)?,
        })
    }

    fn into_ref(self) -> Result<PersonaRef> {
        let Self { name, qualified_name, enabled, .. } = self;
        Ok(PersonaRef { id: parse_id(&self.id)?, name, qualified_name, enabled })
    }
}

impl Stored for PersonaField {
    type Source = personas::table;

    fn column(self) -> Column<personas::table> {
        match self {
            Self::Id => Column::Exact(|| Box::new(personas::id)),
            Self::QualifiedName => Column::Exact(|| Box::new(personas::qualified_name)),
            Self::Name => Column::plain_text(|| Box::new(personas::name), || Box::new(personas::name_folded)),
            Self::DisplayName => {
                Column::plain_text(|| Box::new(personas::display_name), || Box::new(personas::display_name_folded))
            }
            Self::CreatedAt => Column::Instant(|| Box::new(personas::created_at), ALWAYS),
        }
    }

    fn id() -> Expression<personas::table, Text> {
        Box::new(personas::id)
    }
}

/// Adds a persona.
///
/// # Errors
/// [`Error::Conflict`] when the name is taken.
pub fn insert(connection: &mut AnyConnection, persona: &Persona) -> Result<()> {
    let outcome = diesel::insert_into(personas::table).values(PersonaRow::from(persona)).execute(connection);
    outcome.map_err(|error| taken(error, &persona.name))?;
    search_terms::replace(connection, persona.id.uuid(), &persona.terms())
}

/// Locks a persona until the transaction ends.
///
/// # Errors
/// When the storage fails.
pub fn lock(connection: &mut AnyConnection, id: PersonaId) -> Result<Option<Persona>> {
    let found = personas::table.find(id.to_string());
    diesel::update(found).set(personas::id.eq(id.to_string())).execute(connection)?;
    find(connection, id)
}

/// Like [`lock`], by qualified name.
///
/// # Errors
/// When the storage fails.
pub fn lock_by_qualified_name(connection: &mut AnyConnection, name: &str) -> Result<Option<Persona>> {
    let found = personas::table.filter(personas::qualified_name.eq(name));
    diesel::update(found).set(personas::qualified_name.eq(name)).execute(connection)?;
    let row = found.select(PersonaRow::as_select()).get_result(connection).optional()?;
    row.map(PersonaRow::into_domain).transpose()
}

/// Writes every mutable column of a persona.
///
/// # Errors
/// [`Error::Conflict`] when the name is taken.
pub fn replace(connection: &mut AnyConnection, persona: &Persona) -> Result<()> {
    let outcome = diesel::update(personas::table.find(persona.id.to_string()))
        .set((
            personas::name.eq(&persona.name),
            personas::name_folded.eq(fold(&persona.name)),
            personas::display_name.eq(&persona.display_name),
            personas::display_name_folded.eq(fold(&persona.display_name)),
            personas::description.eq(&persona.description),
            personas::enabled.eq(persona.enabled),
            personas::attributes.eq(super::json(&persona.attributes)),
            personas::updated_at.eq(persona.updated_at),
        ))
        .execute(connection);
    outcome.map_err(|error| taken(error, &persona.name))?;
    search_terms::replace(connection, persona.id.uuid(), &persona.terms())
}

fn taken(error: diesel::result::Error, name: &str) -> Error {
    if is_duplicate(&error) {
        return Error::Conflict(format!("a persona with the name `{name}` exists"));
    }
    error.into()
}

/// Removes a persona with its policies and every link to it.
///
/// # Errors
/// When the storage fails.
pub fn delete(connection: &mut AnyConnection, id: PersonaId) -> Result<Existed> {
    let own = policies::table.filter(policies::persona_id.eq(id.to_string())).select(policies::id);
    diesel::delete(search_terms_table::table.filter(search_terms_table::entity_id.eq_any(own))).execute(connection)?;
    let existed = diesel::delete(personas::table.find(id.to_string())).execute(connection)?;
    search_terms::delete(connection, id.uuid())?;
    Ok(existed.into())
}

/// The persona with that id.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, id: PersonaId) -> Result<Option<Persona>> {
    let row = personas::table.find(id.to_string()).select(PersonaRow::as_select()).get_result(connection).optional()?;
    row.map(PersonaRow::into_domain).transpose()
}

/// Like [`find`], if the filter `seen` matches it.
///
/// # Errors
/// When the storage fails.
pub fn find_seen(
    connection: &mut AnyConnection,
    id: PersonaId,
    seen: &Filter<PersonaField>,
    now: i64,
) -> Result<Option<Persona>> {
    let found = personas::table.into_boxed().filter(personas::id.eq(id.to_string())).filter(condition(seen, now));
    let row = found.select(PersonaRow::as_select()).get_result(connection).optional()?;
    row.map(PersonaRow::into_domain).transpose()
}

/// The personas with these ids, in no particular order.
///
/// # Errors
/// When the storage fails.
pub fn find_many(connection: &mut AnyConnection, ids: &[String]) -> Result<Vec<Persona>> {
    let mut found = Vec::new();
    for chunk in ids.chunks(super::MANY) {
        let rows: Vec<PersonaRow> =
            personas::table.filter(personas::id.eq_any(chunk)).select(PersonaRow::as_select()).load(connection)?;
        found.extend(rows.into_iter().map(PersonaRow::into_domain).collect::<Result<Vec<_>>>()?);
    }
    Ok(found)
}

/// The persona with that qualified name.
///
/// # Errors
/// When the storage fails.
pub fn find_by_qualified_name(connection: &mut AnyConnection, name: &str) -> Result<Option<Persona>> {
    let found = personas::table.filter(personas::qualified_name.eq(name));
    found.select(PersonaRow::as_select()).get_result(connection).optional()?.map(PersonaRow::into_domain).transpose()
}

/// The personas with those qualified names, locked against deletion until the transaction ends; unknown names are left
/// out.
///
/// # Errors
/// When the storage fails.
pub fn hold_by_qualified_names(connection: &mut AnyConnection, names: &[String]) -> Result<Vec<PersonaRef>> {
    let ids = hold_personas(connection, names)?;
    let rows: Vec<PersonaRow> = personas::table
        .filter(personas::id.eq_any(ids))
        .order(personas::qualified_name)
        .select(PersonaRow::as_select())
        .load(connection)?;
    rows.into_iter().map(PersonaRow::into_ref).collect()
}

/// The personas of these qualified names; unknown names are left out.
///
/// # Errors
/// When the storage fails.
pub fn find_by_qualified_names(connection: &mut AnyConnection, names: &[String]) -> Result<Vec<PersonaRef>> {
    let found = personas::table.filter(personas::qualified_name.eq_any(names)).order(personas::qualified_name);
    let rows: Vec<PersonaRow> = found.select(PersonaRow::as_select()).load(connection)?;
    rows.into_iter().map(PersonaRow::into_ref).collect()
}

impl Listed for PersonaField {
    fn page(connection: &mut AnyConnection, query: &Query<Self>, now: i64) -> Result<Vec<Persona>> {
        let rows: Vec<PersonaRow> =
            paged(personas::table.into_boxed(), query, now).select(PersonaRow::as_select()).load(connection)?;
        rows.into_iter().map(PersonaRow::into_domain).collect()
    }

    fn count(connection: &mut AnyConnection, filter: &Filter<Self>, now: i64) -> Result<i64> {
        Ok(personas::table.into_boxed().filter(condition(filter, now)).count().get_result(connection)?)
    }
}

/// Replaces every persona link of a principal.
///
/// # Errors
/// A violation when a persona was deleted meanwhile.
pub fn replace_links(connection: &mut AnyConnection, principal: PrincipalId, linked: &[PersonaRef]) -> Result<()> {
    let principal = principal.to_string();
    diesel::delete(persona_links::table.filter(persona_links::principal_id.eq(&principal))).execute(connection)?;
    for persona in linked {
        let link = (persona_links::principal_id.eq(&principal), persona_links::persona_id.eq(persona.id.to_string()));
        match diesel::insert_into(persona_links::table).values(link).execute(connection) {
            Err(error) if is_dangling(&error) => return Err(unknown([persona.qualified_name.as_str()]).into()),
            outcome => outcome?,
        };
    }
    Ok(())
}

/// The violation for personas that do not exist.
pub fn unknown<'a>(names: impl IntoIterator<Item = &'a str>) -> Violation {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    Violation::new("personaQualifiedNames", format!("names no persona: {}", names.join(", ")))
}

/// The personas that each of these principals is linked to, ordered by qualified name.
///
/// # Errors
/// When the storage fails.
pub fn linked_to(connection: &mut AnyConnection, principals: &[String]) -> Result<HashMap<String, Vec<PersonaRef>>> {
    let mut links: HashMap<String, Vec<PersonaRef>> = HashMap::new();
    for chunk in principals.chunks(super::MANY) {
        let rows: Vec<(String, PersonaRow)> = persona_links::table
            .inner_join(personas::table)
            .filter(persona_links::principal_id.eq_any(chunk))
            .order(personas::qualified_name)
            .select((persona_links::principal_id, PersonaRow::as_select()))
            .load(connection)?;
        for (principal, persona) in rows {
            links.entry(principal).or_default().push(persona.into_ref()?);
        }
    }
    Ok(links)
}

/// The personas that one principal is linked to, ordered by qualified name. For authentication: a statement without a
/// list of values stays prepared.
///
/// # Errors
/// When the storage fails.
pub fn linked_to_one(connection: &mut AnyConnection, principal: PrincipalId) -> Result<Vec<PersonaRef>> {
    let rows: Vec<PersonaRow> = persona_links::table
        .inner_join(personas::table)
        .filter(persona_links::principal_id.eq(principal.to_string()))
        .order(personas::qualified_name)
        .select(PersonaRow::as_select())
        .load(connection)?;
    rows.into_iter().map(PersonaRow::into_ref).collect()
}

/// The user names of the users linked to each of these personas, in order, without API keys.
///
/// # Errors
/// When the storage fails.
pub fn users_of(connection: &mut AnyConnection, personas: &[String]) -> Result<HashMap<String, Vec<String>>> {
    let mut users: HashMap<String, Vec<String>> = HashMap::new();
    for chunk in personas.chunks(super::MANY) {
        let rows: Vec<(String, String)> = persona_links::table
            .inner_join(principals::table)
            .filter(persona_links::persona_id.eq_any(chunk))
            .filter(principals::kind.eq(PrincipalKind::User.name()))
            .order(principals::username)
            .select((persona_links::persona_id, principals::username))
            .load(connection)?;
        for (persona, username) in rows {
            users.entry(persona).or_default().push(username);
        }
    }
    Ok(users)
}

/// The ids of the users linked to a persona.
///
/// # Errors
/// When the storage fails.
pub fn user_ids_of(connection: &mut AnyConnection, persona: PersonaId) -> Result<Vec<String>> {
    Ok(persona_links::table
        .inner_join(principals::table)
        .filter(persona_links::persona_id.eq(persona.to_string()))
        .filter(principals::kind.eq(PrincipalKind::User.name()))
        .select(principals::id)
        .load(connection)?)
}

/// Links a persona to exactly these users; its links to API keys stay.
///
/// # Errors
/// When the storage fails.
pub fn replace_users(connection: &mut AnyConnection, persona: PersonaId, users: &[String]) -> Result<()> {
    let persona = persona.to_string();
    let people = principals::table.filter(principals::kind.eq(PrincipalKind::User.name())).select(principals::id);
    let links = persona_links::table
        .filter(persona_links::persona_id.eq(&persona))
        .filter(persona_links::principal_id.eq_any(people));
    diesel::delete(links).execute(connection)?;
    for user in users {
        let link = (persona_links::principal_id.eq(user), persona_links::persona_id.eq(&persona));
        diesel::insert_into(persona_links::table).values(link).execute(connection)?;
    }
    Ok(())
}
