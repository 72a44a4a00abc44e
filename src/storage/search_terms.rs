//! The inverted index of the entity search.

use diesel::prelude::*;
use uuid::Uuid;

use super::database::AnyConnection;
use super::schema::search_terms;
use crate::domain::entity::Terms;
use crate::domain::error::Result;

/// Replaces the terms that an entity is found by.
///
/// # Errors
/// When the storage fails.
pub fn replace(connection: &mut AnyConnection, entity: Uuid, terms: &Terms) -> Result<()> {
    delete(connection, entity)?;
    let id = entity.to_string();
    for (field, value) in terms.iter() {
        let row = (search_terms::entity_id.eq(&id), search_terms::field.eq(field), search_terms::value.eq(value));
        diesel::insert_into(search_terms::table).values(row).execute(connection)?;
    }
    Ok(())
}

/// Removes an entity from the index.
///
/// # Errors
/// When the storage fails.
pub fn delete(connection: &mut AnyConnection, entity: Uuid) -> Result<()> {
    diesel::delete(search_terms::table.filter(search_terms::entity_id.eq(entity.to_string()))).execute(connection)?;
    Ok(())
}
