//! Personas: create, list, get, update, delete.

use super::{Service, page};
use crate::domain::actor::Actor;
use crate::domain::change::{Action, Subject};
use crate::domain::cursor::Cursor;
use crate::domain::error::{Error, Result};
use crate::domain::fields::PersonaField;
use crate::domain::ids::{Id, PersonaId};
use crate::domain::listing::{Page, Query};
use crate::domain::permission::Permission;
use crate::domain::persona::{Persona, PersonaInput, mint_qualified_name};
use crate::storage::personas;
use crate::storage::principals::Existed;

/// Creates a persona.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Conflict`] when the name is taken.
pub async fn create(service: &Service, actor: &Actor, input: PersonaInput) -> Result<Persona> {
    service.require(actor, Permission::ManagePersonas)?;
    service
        .write(actor, move |transaction| {
            let persona = Persona {
                id: Id::new(transaction.now, transaction.service.entropy)?,
                qualified_name: mint_qualified_name(transaction.service.entropy)?,
                name: input.name.as_str().to_owned(),
                display_name: input.display_name.as_str().to_owned(),
                description: input.description.as_str().to_owned(),
                enabled: input.enabled,
                created_by: transaction.actor.username().to_string(),
                created_at: transaction.now,
                updated_at: transaction.now,
            };
            personas::insert(transaction.connection, &persona)?;
            transaction.record(Action::PersonaCreated, Subject::Persona(persona.id.uuid()), &persona.name)?;
            Ok(persona)
        })
        .await
}

/// One page of personas. Every actor may look.
///
/// # Errors
/// When the storage fails.
pub async fn list(service: &Service, _actor: &Actor, query: Query<PersonaField>) -> Result<Page<Persona>> {
    let now = service.clock.now();
    let (sort, limit) = (query.sort.clone(), query.limit);
    let (records, counts) = service
        .read(move |connection| {
            Ok((personas::page(connection, &query, now)?, personas::counts(connection, &query, now)?))
        })
        .await?;
    Ok(page(records, limit, counts, |last| Cursor {
        values: sort.0.iter().map(|(field, _)| last.sort_value(*field)).collect(),
        id: last.id.to_string(),
    }))
}

/// One persona. Every actor may look.
///
/// # Errors
/// [`Error::NotFound`]
pub async fn get(service: &Service, _actor: &Actor, id: PersonaId) -> Result<Persona> {
    let found = service.read(move |connection| personas::find(connection, id)).await?;
    found.ok_or_else(|| not_found(id))
}

/// Updates a persona; its qualified name stays.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Conflict`] when the name is taken.
pub async fn update(service: &Service, actor: &Actor, id: PersonaId, input: PersonaInput) -> Result<Persona> {
    service.require(actor, Permission::ManagePersonas)?;
    service
        .write(actor, move |transaction| {
            if personas::update(transaction.connection, id, &input, transaction.now)? == Existed::No {
                return Err(not_found(id));
            }
            let persona = personas::find(transaction.connection, id)?.ok_or_else(|| not_found(id))?;
            transaction.record(Action::PersonaUpdated, Subject::Persona(id.uuid()), &persona.name)?;
            Ok(persona)
        })
        .await
}

/// Deletes a persona and unlinks it from everybody.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]
pub async fn delete(service: &Service, actor: &Actor, id: PersonaId) -> Result<()> {
    service.require(actor, Permission::ManagePersonas)?;
    service
        .write(actor, move |transaction| {
            if personas::delete(transaction.connection, id)? == Existed::No {
                return Err(not_found(id));
            }
            transaction.record(Action::PersonaDeleted, Subject::Persona(id.uuid()), &id.to_string())
        })
        .await
}

fn not_found(id: PersonaId) -> Error {
    Error::NotFound { kind: "persona", id: id.to_string() }
}
