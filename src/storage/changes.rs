//! The changes feed: the audit trail, which other processes follow to invalidate their memory.

use std::collections::{HashMap, HashSet};

use diesel::dsl::{not, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use uuid::Uuid;

use super::database::AnyConnection;
use super::feed::{FeedPosition, first_unknown, is_known, next_position, position, settled};
use super::listing::{ALWAYS, Column, Expression, Listed, Stored, condition, paged};
use super::rows::corrupt;
use super::schema::{changes, log_leaves};
use crate::domain::change::Change;
use crate::domain::error::Result;
use crate::domain::fields::ChangeField;
use crate::domain::filter::Filter;
use crate::domain::listing::Query;
use crate::domain::state::States;
use crate::domain::text::fold;

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
    subject_name_folded: String,
    acted_by: String,
    authenticated_by: String,
    address: String,
}

impl From<&Change> for ChangeRow {
    fn from(change: &Change) -> Self {
        Self {
            id: change.id.to_string(),
            changed_at: change.changed_at,
            actor_id: change.actor_id.to_string(),
            actor_name: change.actor_name.clone(),
            action: change.action.clone(),
            subject_kind: change.subject_kind.clone(),
            subject_id: change.subject_id.to_string(),
            subject_name: change.subject_name.clone(),
            request_id: change.request_id.clone(),
            subject_name_folded: fold(&change.subject_name),
            acted_by: change.acted_by.clone(),
            authenticated_by: change.authenticated_by.clone(),
            address: change.address.clone(),
        }
    }
}

impl ChangeRow {
    fn into_domain(self) -> Result<Change> {
        let uuid = |text: &str| Uuid::parse_str(text).map_err(|_| corrupt("id", text));
        Ok(Change {
            id: uuid(&self.id)?,
            changed_at: self.changed_at,
            actor_id: uuid(&self.actor_id)?,
            actor_name: self.actor_name,
            acted_by: self.acted_by,
            action: self.action,
            subject_id: uuid(&self.subject_id)?,
            subject_kind: self.subject_kind,
            subject_name: self.subject_name,
            request_id: self.request_id,
            authenticated_by: self.authenticated_by,
            address: self.address,
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
                Column::plain_text(|| Box::new(changes::subject_name), || Box::new(changes::subject_name_folded))
            }
        }
    }

    fn id() -> Expression<changes::table, Text> {
        Box::new(changes::id)
    }
}

/// Appends a change, with the states of its subject.
///
/// # Errors
/// When the storage fails.
pub fn append(connection: &mut AnyConnection, change: &Change, states: &States) -> Result<()> {
    let position = changes::position.eq(sql::<BigInt>(next_position(connection)));
    let states = (changes::state_before.eq(&states.before), changes::state_after.eq(&states.after));
    diesel::insert_into(changes::table).values((ChangeRow::from(change), position, states)).execute(connection)?;
    Ok(())
}

/// The states of the subject of a change; `None` if there is no such change.
///
/// # Errors
/// When the storage fails.
pub fn states(connection: &mut AnyConnection, id: Uuid) -> Result<Option<States>> {
    let row = changes::table.find(id.to_string()).select((changes::state_before, changes::state_after));
    let found: Option<(String, String)> = row.first(connection).optional()?;
    Ok(found.map(|(before, after)| States { before, after }))
}

/// The states of the subjects of these changes.
///
/// # Errors
/// When the storage fails.
pub fn states_of(connection: &mut AnyConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, States>> {
    let mut found = HashMap::new();
    for some in ids.chunks(super::MANY) {
        let texts: Vec<String> = some.iter().map(Uuid::to_string).collect();
        let rows: Vec<(String, (String, String))> = changes::table
            .filter(changes::id.eq_any(texts))
            .select((changes::id, (changes::state_before, changes::state_after)))
            .load(connection)?;
        for (id, (before, after)) in rows {
            found.insert(Uuid::parse_str(&id).map_err(|_| corrupt("id", &id))?, States { before, after });
        }
    }
    Ok(found)
}

/// The changes that were committed since the last read of the feed.
pub struct NewChanges {
    /// The changes, in no particular order; each is returned once.
    pub changes: Vec<Change>,
    /// Where the next read begins.
    pub position: FeedPosition,
}

/// The changes committed since that mark was read, regardless of their time stamps.
///
/// # Errors
/// When the storage fails.
pub fn since(connection: &mut AnyConnection, known: &FeedPosition) -> Result<NewChanges> {
    let position = position(connection)?;
    let rows = changes::table.filter(known.unseen()).select(ChangeRow::as_select()).load(connection)?;
    let changes = rows.into_iter().map(ChangeRow::into_domain).collect::<Result<_>>()?;
    Ok(NewChanges { changes, position })
}

/// The position of the change with that id.
///
/// # Errors
/// When there is none, or the storage fails.
pub fn position_of(connection: &mut AnyConnection, id: Uuid) -> Result<i64> {
    Ok(changes::table.find(id.to_string()).select(changes::position).first(connection)?)
}

/// The change with that id, and its position.
///
/// # Errors
/// When the storage fails.
pub fn find(connection: &mut AnyConnection, id: Uuid) -> Result<Option<(Change, i64)>> {
    let columns = (ChangeRow::as_select(), changes::position);
    let row: Option<(ChangeRow, i64)> =
        changes::table.find(id.to_string()).select(columns).first(connection).optional()?;
    row.map(|(row, position)| Ok((row.into_domain()?, position))).transpose()
}

/// The positions of the changes that some of these readers ([`FeedPosition::text`]) have not seen.
///
/// # Errors
/// When the storage fails.
pub fn positions_unknown_to(connection: &mut AnyConnection, readers: &[&str]) -> Result<Vec<i64>> {
    let from = readers.iter().map(|reader| first_unknown(reader)).min().unwrap_or(i64::MAX);
    let later = changes::table.filter(changes::position.ge(from)).select(changes::position).distinct();
    let mut positions: Vec<i64> = later.load(connection)?;
    positions.retain(|position| readers.iter().any(|reader| !is_known(*position, reader)));
    Ok(positions)
}

/// A change with its place in the order of the commits.
pub struct Positioned {
    /// The change.
    pub change: Change,
    /// The position of the change; 0 for a change that was made before there were positions, or that was restored from
    /// a dump.
    pub position: i64,
    /// The states of its subject.
    pub states: States,
}

/// The columns that a [`Positioned`] is read from.
#[derive(Queryable, Selectable)]
#[diesel(table_name = changes)]
struct PositionedRow {
    #[diesel(embed)]
    change: ChangeRow,
    position: i64,
    state_before: String,
    state_after: String,
}

/// Changes that follow one another in the order of the commits.
pub struct Next {
    /// The changes that are not in the log.
    pub unlogged: Vec<Positioned>,
    /// The position and the id of the last of all; `None` if there is none.
    pub last: Option<(i64, String)>,
    /// Whether there may be more.
    pub is_full: bool,
}

/// The changes after this one, in the order of positions and ids, before which no other change can be committed.
///
/// # Errors
/// When the storage fails.
pub fn next(connection: &mut AnyConnection, after: (i64, &str), at_most: i64) -> Result<Next> {
    let (position, id) = after;
    let later = sql::<Bool>("(changes.position, changes.id) > (")
        .bind::<BigInt, _>(position)
        .sql(", ")
        .bind::<Text, _>(id.to_owned())
        .sql(")");
    let rows: Vec<PositionedRow> = changes::table
        .filter(settled(connection))
        .filter(later)
        .order((changes::position, changes::id))
        .limit(at_most)
        .select(PositionedRow::as_select())
        .load(connection)?;
    let last = rows.last().map(|row| (row.position, row.change.id.clone()));
    let is_full = i64::try_from(rows.len()).is_ok_and(|found| found == at_most);
    // Not one query: PostgreSQL would then look at all changes for each few.
    let ids: Vec<&str> = rows.iter().map(|row| row.change.id.as_str()).collect();
    let logged = log_leaves::table.filter(log_leaves::change_id.eq_any(ids)).select(log_leaves::change_id);
    let logged: Vec<String> = logged.load(connection)?;
    let unlogged = rows.into_iter().filter(|row| !logged.contains(&row.change.id)).collect();
    Ok(Next { unlogged: positioned(unlogged)?, last, is_full })
}

/// The changes with these ids, in no particular order.
///
/// # Errors
/// When the storage fails.
pub fn with_ids(connection: &mut AnyConnection, ids: &[String]) -> Result<Vec<Positioned>> {
    let found = changes::table.filter(changes::id.eq_any(ids)).select(PositionedRow::as_select());
    positioned(found.load(connection)?)
}

/// The changes that are not in the log among the `at_most` changes whose ids follow `after`, and the last of these ids.
///
/// # Errors
/// When the storage fails.
pub fn not_in_log(
    connection: &mut AnyConnection,
    after: &str,
    at_most: i64,
) -> Result<(Vec<Positioned>, Option<String>)> {
    let ids: Vec<String> = changes::table
        .filter(changes::id.gt(after))
        .order(changes::id)
        .limit(at_most)
        .select(changes::id)
        .load(connection)?;
    let Some(last) = ids.last().cloned() else { return Ok((Vec::new(), None)) };
    let is_logged = diesel::dsl::exists(log_leaves::table.filter(log_leaves::change_id.eq(changes::id)));
    let rows: Vec<PositionedRow> = changes::table
        .filter(changes::id.gt(after))
        .filter(changes::id.le(last.as_str()))
        .filter(not(is_logged))
        .order(changes::id)
        .select(PositionedRow::as_select())
        .load(connection)?;
    Ok((positioned(rows)?, Some(last)))
}

fn positioned(rows: Vec<PositionedRow>) -> Result<Vec<Positioned>> {
    let read = |PositionedRow { change, position, state_before: before, state_after: after }| {
        Ok(Positioned { change: change.into_domain()?, position, states: States { before, after } })
    };
    rows.into_iter().map(read).collect()
}

/// The latest change, by the time at which it was made.
///
/// # Errors
/// When the storage fails.
pub fn latest(connection: &mut AnyConnection) -> Result<Option<Change>> {
    let by_time = changes::table.order((changes::changed_at.desc(), changes::id.desc()));
    let row = by_time.select(ChangeRow::as_select()).first(connection).optional()?;
    row.map(ChangeRow::into_domain).transpose()
}

/// When the latest change with another action was made.
///
/// # Errors
/// When the storage fails.
pub fn latest_but(connection: &mut AnyConnection, action: &str) -> Result<Option<i64>> {
    let others = changes::table.filter(changes::action.ne(action));
    Ok(others.select(diesel::dsl::max(changes::changed_at)).get_result(connection)?)
}

/// How many changes [`last_committed`] returns.
const LAST: i64 = 20;

/// The changes that were committed last, by commit position.
///
/// # Errors
/// When the storage fails.
pub fn last_committed(connection: &mut AnyConnection) -> Result<Vec<Change>> {
    // Changes restored from a dump have no position.
    let last = changes::table.order((changes::position.desc(), changes::changed_at.desc())).limit(LAST);
    let rows = last.select(ChangeRow::as_select()).load(connection)?;
    rows.into_iter().map(ChangeRow::into_domain).collect()
}

/// Whether there is a change with that action after `instant`.
///
/// # Errors
/// When the storage fails.
pub fn is_there_since(connection: &mut AnyConnection, action: &str, instant: i64) -> Result<bool> {
    let found = changes::table.filter(changes::changed_at.gt(instant)).filter(changes::action.eq(action));
    Ok(found.select(changes::id).first::<String>(connection).optional()?.is_some())
}

/// The changes with other actions than these that were made at or after `instant`, by their time stamps; of one actor, if
/// it is given.
///
/// # Errors
/// When the storage fails.
pub fn made_since(
    connection: &mut AnyConnection,
    instant: i64,
    actor: Option<Uuid>,
    but: &[&str],
) -> Result<Vec<Change>> {
    let found = changes::table.filter(changes::changed_at.ge(instant)).filter(changes::action.ne_all(but));
    let mut found = found.order((changes::changed_at, changes::id)).into_boxed();
    if let Some(actor) = actor {
        found = found.filter(changes::actor_id.eq(actor.to_string()));
    }
    let rows = found.select(ChangeRow::as_select()).load(connection)?;
    rows.into_iter().map(ChangeRow::into_domain).collect()
}

/// Which of these ids are ids of changes.
///
/// # Errors
/// When the storage fails.
pub fn existing(connection: &mut AnyConnection, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
    let mut found = HashSet::new();
    for some in ids.chunks(super::MANY) {
        let texts: Vec<String> = some.iter().map(Uuid::to_string).collect();
        let rows = changes::table.filter(changes::id.eq_any(texts)).select(changes::id);
        for id in rows.load::<String>(connection)? {
            found.insert(Uuid::parse_str(&id).map_err(|_| corrupt("id", &id))?);
        }
    }
    Ok(found)
}

/// Whether there is a change with that id.
///
/// # Errors
/// When the storage fails.
pub fn exists(connection: &mut AnyConnection, id: Uuid) -> Result<bool> {
    let found: Option<String> = changes::table.find(id.to_string()).select(changes::id).first(connection).optional()?;
    Ok(found.is_some())
}

impl Listed for ChangeField {
    fn page(connection: &mut AnyConnection, query: &Query<Self>, now: i64) -> Result<Vec<Change>> {
        let rows: Vec<ChangeRow> =
            paged(changes::table.into_boxed(), query, now).select(ChangeRow::as_select()).load(connection)?;
        rows.into_iter().map(ChangeRow::into_domain).collect()
    }

    fn count(connection: &mut AnyConnection, filter: &Filter<Self>, now: i64) -> Result<i64> {
        Ok(changes::table.into_boxed().filter(condition(filter, now)).count().get_result(connection)?)
    }
}
