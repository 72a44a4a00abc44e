//! The changes feed.

use diesel::prelude::*;

use super::database::AnyConnection;
use super::principals::corrupt;
use super::schema::changes;
use crate::domain::actor::Actor;
use crate::domain::change::{Action, Change, Subject};
use crate::domain::error::Result;

/// Appends a change.
///
/// # Errors
/// When the storage fails.
pub fn append(
    connection: &mut AnyConnection,
    change: &Change,
    action: Action,
    subject_name: &str,
    actor: &Actor,
    now: i64,
) -> Result<()> {
    diesel::insert_into(changes::table)
        .values((
            changes::id.eq(change.id.to_string()),
            changes::changed_at.eq(now),
            changes::actor_id.eq(actor.id().to_string()),
            changes::actor_name.eq(actor.username()),
            changes::action.eq(action.name()),
            changes::subject_kind.eq(change.subject.kind()),
            changes::subject_id.eq(change.subject.id().to_string()),
            changes::subject_name.eq(subject_name),
        ))
        .execute(connection)?;
    Ok(())
}

/// The changes since an instant, in no particular order.
///
/// # Errors
/// When the storage fails.
pub fn since(connection: &mut AnyConnection, instant: i64) -> Result<Vec<Change>> {
    let rows: Vec<(String, String, String)> = changes::table
        .filter(changes::changed_at.ge(instant))
        .select((changes::id, changes::subject_kind, changes::subject_id))
        .load(connection)?;
    let uuid = |text: &str| uuid::Uuid::parse_str(text).map_err(|_| corrupt("change", text));
    rows.iter()
        .map(|(id, kind, subject)| {
            let subject = match kind.as_str() {
                "principal" => Subject::Principal(uuid(subject)?),
                // Whatever a later version changes may concern everybody.
                _ => Subject::Persona(uuid(subject)?),
            };
            Ok(Change { id: uuid(id)?, subject })
        })
        .collect()
}
