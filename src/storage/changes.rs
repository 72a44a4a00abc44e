//! The changes feed: the audit trail, and what other processes follow.

use diesel::prelude::*;
use uuid::Uuid;

use super::database::AnyConnection;
use super::listing::{ALWAYS, Column, Stored, after, condition, order};
use super::principals::corrupt;
use super::schema::changes;
use crate::domain::change::{Change, Subject};
use crate::domain::error::Result;
use crate::domain::fields::ChangeField;
use crate::domain::listing::{Counts, Query, Start, Totals};

/// A row of `changes`.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = changes)]
struct ChangeRow {
    id: String,
    changed_at: i64,
    actor_id: String,
    actor_name: String,
    action: String,
    subject_kind: String,
    subject_id: String,
    subject_name: String,
    request_id: String,
}

impl From<&Change> for ChangeRow {
    fn from(change: &Change) -> Self {
        Self {
            id: change.id.to_string(),
            changed_at: change.changed_at,
            actor_id: change.actor_id.to_string(),
            actor_name: change.actor_name.clone(),
            action: change.action.clone(),
            subject_kind: change.subject.kind().to_owned(),
            subject_id: change.subject.id().to_string(),
            subject_name: change.subject_name.clone(),
            request_id: change.request_id.clone(),
        }
    }
}

impl ChangeRow {
    fn into_domain(self) -> Result<Change> {
        let uuid = |text: &str| Uuid::parse_str(text).map_err(|_| corrupt("id", text));
        let subject = match self.subject_kind.as_str() {
            "principal" => Subject::Principal(uuid(&self.subject_id)?),
            "policy" => Subject::Policy(uuid(&self.subject_id)?),
            "asset" => Subject::Asset(uuid(&self.subject_id)?),
            "role" => Subject::Role(uuid(&self.subject_id)?),
            // Whatever a later version changes may concern everybody.
            _ => Subject::Persona(uuid(&self.subject_id)?),
        };
        Ok(Change {
            id: uuid(&self.id)?,
            changed_at: self.changed_at,
            actor_id: uuid(&self.actor_id)?,
            actor_name: self.actor_name,
            action: self.action,
            subject,
            subject_name: self.subject_name,
            request_id: self.request_id,
        })
    }
}

impl Stored for ChangeField {
    type Source = changes::table;

    fn column(self) -> Column<changes::table> {
        match self {
            Self::Id => Column::Exact(|| Box::new(changes::id)),
            Self::ActorId => Column::Exact(|| Box::new(changes::actor_id)),
            Self::SubjectKind => Column::Exact(|| Box::new(changes::subject_kind)),
            Self::SubjectId => Column::Exact(|| Box::new(changes::subject_id)),
            Self::RequestId => Column::Exact(|| Box::new(changes::request_id)),
            Self::ChangedAt => Column::Instant(|| Box::new(changes::changed_at), ALWAYS),
            Self::Actor => {
                Column::plain_text(|| Box::new(changes::actor_name), || Box::new(super::lower(changes::actor_name)))
            }
            Self::Action => {
                Column::plain_text(|| Box::new(changes::action), || Box::new(super::lower(changes::action)))
            }
            Self::Subject => {
                Column::plain_text(|| Box::new(changes::subject_name), || Box::new(super::lower(changes::subject_name)))
            }
        }
    }
}

/// Appends a change.
///
/// # Errors
/// When the storage fails.
pub fn append(connection: &mut AnyConnection, change: &Change) -> Result<()> {
    diesel::insert_into(changes::table).values(ChangeRow::from(change)).execute(connection)?;
    Ok(())
}

/// The changes since an instant, in no particular order.
///
/// # Errors
/// When the storage fails.
pub fn since(connection: &mut AnyConnection, instant: i64) -> Result<Vec<Change>> {
    let rows =
        changes::table.filter(changes::changed_at.ge(instant)).select(ChangeRow::as_select()).load(connection)?;
    rows.into_iter().map(ChangeRow::into_domain).collect()
}

/// One page, and one record more if there is a next page.
///
/// # Errors
/// When the storage fails.
pub fn page(connection: &mut AnyConnection, query: &Query<ChangeField>, now: i64) -> Result<Vec<Change>> {
    let mut select = changes::table.into_boxed().filter(condition(&query.filter, now)).limit(query.limit + 1);
    select = match &query.start {
        Start::Offset(offset) => select.offset(*offset),
        Start::After(cursor) => select.filter(after(&query.sort, cursor, || Box::new(changes::id))),
    };
    for key in order(&query.sort, || Box::new(changes::id)) {
        select = select.then_order_by(key);
    }
    let rows: Vec<ChangeRow> = select.select(ChangeRow::as_select()).load(connection)?;
    rows.into_iter().map(ChangeRow::into_domain).collect()
}

/// The totals, if they are wanted.
///
/// # Errors
/// When the storage fails.
pub fn counts(connection: &mut AnyConnection, query: &Query<ChangeField>, now: i64) -> Result<Option<Counts>> {
    if query.totals == Totals::Skipped {
        return Ok(None);
    }
    let total = changes::table.count().get_result(connection)?;
    let filtered = changes::table.into_boxed().filter(condition(&query.filter, now)).count().get_result(connection)?;
    Ok(Some(Counts { total, filtered }))
}
