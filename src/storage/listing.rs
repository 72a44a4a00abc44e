//! Filters, sorting and keyset pagination as SQL, for every collection.

use diesel::IntoSql;
use diesel::dsl::{not, sql};
use diesel::expression::expression_types::NotSelectable;
use diesel::expression::{BoxableExpression, TypedExpressionType};
use diesel::prelude::*;
use diesel::query_dsl::methods::{FilterDsl, LimitDsl, OffsetDsl, ThenOrderDsl};
use diesel::sql_types::is_nullable::NotNull;
use diesel::sql_types::{BigInt, Bool, SingleValue, SqlType, Text};

use super::database::{AnyConnection, Backend};
use crate::domain::cursor::Cursor;
use crate::domain::error::Result;
use crate::domain::filter::{Case, Comparison, Filter, Pattern, Test, Value};
use crate::domain::listing::{Direction, Field, Query, RecordCounts, Sort, Start, Totals};
use crate::domain::text::fold;

/// An expression of type `T` over the source `S`.
pub(super) type Expression<S, T> = Box<dyn BoxableExpression<S, Backend, SqlType = T>>;
/// A condition for `WHERE`.
pub(super) type Predicate<S> = Expression<S, Bool>;
/// Makes the expression of a column of `S`; called for each place in a query.
pub(super) type Make<S, T> = fn() -> Expression<S, T>;

/// How a field is stored.
pub(super) enum Column<S> {
    /// Text that every record has.
    Text {
        /// For `$eq`, `$like` and the like.
        plain: Make<S, Text>,
        /// For `$ilike`.
        folded: Make<S, Text>,
        /// For sorting and cursors: the column with an index.
        order: Make<S, Text>,
    },
    /// Text that is empty in records without it: the plain and the case-folded column.
    OptionalText(Make<S, Text>, Make<S, Text>),
    /// An identifier.
    Exact(Make<S, Text>),
    /// An instant, and the value stored when it is absent.
    Instant(Make<S, BigInt>, i64),
    /// No column: the condition that a record has one of these values, or any value (`None`).
    Computed(fn(Option<&[String]>, i64) -> Predicate<S>),
}

impl<S> Column<S> {
    /// Text that is case-folded by SQL and sorted by the plain column.
    pub(super) fn plain_text(plain: Make<S, Text>, lower: Make<S, Text>) -> Self {
        Self::Text { plain, folded: lower, order: plain }
    }
}

/// The absent value of an instant that is never absent.
pub(super) const ALWAYS: i64 = i64::MIN;

/// A field with its column.
pub(super) trait Stored: Field {
    /// The table or join that the field belongs to.
    type Source: 'static;

    /// How the field is stored.
    fn column(self) -> Column<Self::Source>;

    /// The id of a record.
    fn id() -> Expression<Self::Source, Text>;
}

/// A collection that can be listed, identified by its field type.
pub trait Listed: Field {
    /// One page, plus one record if there is a next page.
    ///
    /// # Errors
    /// When the storage fails.
    fn page(connection: &mut AnyConnection, query: &Query<Self>, now: i64) -> Result<Vec<Self::Record>>;

    /// How many records match the filter.
    ///
    /// # Errors
    /// When the storage fails.
    fn count(connection: &mut AnyConnection, filter: &Filter<Self>, now: i64) -> Result<i64>;

    /// The totals, if requested: of the records that the actor sees, and of those that match the filter.
    ///
    /// # Errors
    /// When the storage fails.
    fn counts(
        connection: &mut AnyConnection,
        query: &Query<Self>,
        seen: &Filter<Self>,
        now: i64,
    ) -> Result<Option<RecordCounts>> {
        if query.totals == Totals::Skipped {
            return Ok(None);
        }
        let total = Self::count(connection, seen, now)?;
        let filtered = if query.filter == *seen { total } else { Self::count(connection, &query.filter, now)? };
        Ok(Some(RecordCounts { total, filtered }))
    }
}

/// The requested page of `select`, plus one record if there is a next page.
pub(super) fn paged<F: Stored, Q>(select: Q, query: &Query<F>, now: i64) -> Q
where
    Q: FilterDsl<Predicate<F::Source>, Output = Q>
        + LimitDsl<Output = Q>
        + OffsetDsl<Output = Q>
        + ThenOrderDsl<OrderKey<F::Source>, Output = Q>,
{
    let select = FilterDsl::filter(select, condition(&query.filter, now));
    let select = LimitDsl::limit(select, query.limit + 1);
    let select = match &query.start {
        Start::Offset(offset) => OffsetDsl::offset(select, *offset),
        Start::After(cursor) => FilterDsl::filter(select, after(&query.sort, cursor)),
    };
    order(&query.sort).into_iter().fold(select, ThenOrderDsl::then_order_by)
}

/// The filter as a condition, with the time limit of the task.
pub(super) fn condition<F: Stored>(filter: &Filter<F>, now: i64) -> Predicate<F::Source> {
    Box::new(super::in_time(F::id()).and(fulfilled(filter, now)))
}

fn fulfilled<F: Stored>(filter: &Filter<F>, now: i64) -> Predicate<F::Source> {
    let every = |members: &[Filter<F>]| members.iter().map(|member| fulfilled(member, now)).collect::<Vec<_>>();
    match filter {
        Filter::All(members) => all(every(members)),
        Filter::Any(members) => any(every(members)),
        Filter::Not(member) => is_absent(member).unwrap_or_else(|| Box::new(not(fulfilled(member, now)))),
        Filter::Test(field, test) => match field.column() {
            Column::OptionalText(plain, folded) => Box::new(plain().ne("").and(text(plain, folded, test))),
            Column::Text { plain, folded, .. } => text(plain, folded, test),
            Column::Exact(column) => text(column, column, test),
            Column::Instant(column, ALWAYS) => instant(column, test),
            Column::Instant(column, absent) => Box::new(is_present(column, absent).and(instant(column, test))),
            Column::Computed(having) => match test {
                Test::OneOf(values) => having(Some(&texts(values)), now),
                _ => having(None, now),
            },
        },
    }
}

/// The condition that an instant is not the absent value, which is the least or the greatest one. As a range, unlike
/// `<>`, it lets an index leave out the records without the instant.
fn is_present<S: 'static>(column: Make<S, BigInt>, absent: i64) -> Predicate<S> {
    let how = if absent > 0 { Comparison::Less } else { Comparison::Greater };
    compare(column(), how, Box::new(absent.into_sql::<BigInt>()))
}

/// The negation of a filter for records that have an instant, as an equation that an index finds.
fn is_absent<F: Stored>(filter: &Filter<F>) -> Option<Predicate<F::Source>> {
    let Filter::Test(field, Test::Exists) = filter else { return None };
    match field.column() {
        Column::Instant(column, absent) => Some(Box::new(column().eq(absent))),
        _ => None,
    }
}

/// One key of an `ORDER BY`.
pub(super) type OrderKey<S> = Box<dyn BoxableExpression<S, Backend, SqlType = NotSelectable>>;

/// The keys of an `ORDER BY`, ending with the id.
fn order<F: Stored>(sort: &Sort<F>) -> Vec<OrderKey<F::Source>> {
    let key = |(field, direction): &(F, Direction)| match field.column() {
        Column::Text { order, .. } | Column::OptionalText(order, _) | Column::Exact(order) => {
            ordered(order(), *direction)
        }
        Column::Instant(column, _) => ordered(column(), *direction),
        Column::Computed(_) => ordered(F::id(), *direction),
    };
    sort.0.iter().map(key).chain([ordered(F::id(), sort.tie())]).collect()
}

/// One key of an `ORDER BY`.
pub(super) fn ordered<S: 'static, T: SqlType + SingleValue + TypedExpressionType + 'static>(
    column: Expression<S, T>,
    direction: Direction,
) -> OrderKey<S> {
    match direction {
        Direction::Ascending => Box::new(column.asc()),
        Direction::Descending => Box::new(column.desc()),
    }
}

/// Keyset pagination: the condition that a record comes after the cursor.
fn after<F: Stored>(sort: &Sort<F>, cursor: &Cursor) -> Predicate<F::Source> {
    let last = beyond(F::id(), sort.tie(), Box::new(cursor.id.clone().into_sql::<Text>()));
    sort.0.iter().zip(&cursor.values).rev().fold(last, |rest, ((field, direction), value)| {
        match (field.column(), value) {
            (Column::Text { order: column, .. } | Column::Exact(column), Value::Text(value)) => {
                step(column, *direction, || Box::new(value.clone().into_sql::<Text>()), rest)
            }
            (Column::Instant(column, _), Value::Instant(value)) => {
                step(column, *direction, || Box::new((*value).into_sql::<BigInt>()), rest)
            }
            _ => nothing(),
        }
    })
}

/// `column >= value AND (column > value OR rest)`: the first half lets an index jump to the place.
fn step<S: 'static, T>(
    column: Make<S, T>,
    direction: Direction,
    value: impl Fn() -> Expression<S, T>,
    rest: Predicate<S>,
) -> Predicate<S>
where
    T: SqlType<IsNull = NotNull> + SingleValue + TypedExpressionType + 'static,
{
    let from: Predicate<S> = match direction {
        Direction::Ascending => Box::new(column().ge(value())),
        Direction::Descending => Box::new(column().le(value())),
    };
    Box::new(from.and(beyond(column(), direction, value()).or(rest)))
}

/// The condition that a column is past a value.
pub(super) fn beyond<S: 'static, T>(
    column: Expression<S, T>,
    direction: Direction,
    value: Expression<S, T>,
) -> Predicate<S>
where
    T: SqlType<IsNull = NotNull> + SingleValue + TypedExpressionType + 'static,
{
    match direction {
        Direction::Ascending => Box::new(column.gt(value)),
        Direction::Descending => Box::new(column.lt(value)),
    }
}

fn text<S: 'static>(plain: Make<S, Text>, folded: Make<S, Text>, test: &Test) -> Predicate<S> {
    match test {
        Test::OneOf(values) => any(values.iter().map(|value| equal(plain(), text_of(value))).collect()),
        Test::Compare(how, value) => compare(plain(), *how, Box::new(text_of(value).into_sql::<Text>())),
        Test::Like(Pattern { pieces, case: Case::Sensitive }) => {
            begins(plain, pieces, Box::new(plain().like(like(pieces)).escape('\\')))
        }
        Test::Like(Pattern { pieces, case: Case::Ignored }) => {
            let pieces: Vec<String> = pieces.iter().map(|piece| fold(piece)).collect();
            begins(folded, &pieces, Box::new(folded().like(like(&pieces)).escape('\\')))
        }
        Test::Exists => Box::new(plain().ne("")),
    }
}

/// The condition that a text matches a pattern, preceded by the range of texts with the pattern's literal beginning.
/// Neither database derives that range from a pattern parameter, and without it no index is used. Only the ASCII part
/// of the beginning counts, because the end of the range increments its last character.
fn begins<S: 'static>(column: Make<S, Text>, pieces: &[String], fits: Predicate<S>) -> Predicate<S> {
    let first = pieces.first().map_or("", String::as_str);
    let start: String = first.chars().take_while(char::is_ascii).collect();
    let Some(last) = start.chars().next_back() else { return fits };
    // The character after an ASCII character is one byte too, or the first of two: text is compared byte by byte.
    let end: String = start[..start.len() - 1].chars().chain(char::from_u32(u32::from(last) + 1)).collect();
    Box::new(column().ge(start).and(column().lt(end)).and(fits))
}

fn instant<S: 'static>(column: Make<S, BigInt>, test: &Test) -> Predicate<S> {
    match test {
        Test::OneOf(values) => {
            any(values.iter().map(|value| Box::new(column().eq(instant_of(value))) as Predicate<S>).collect())
        }
        Test::Compare(how, value) => compare(column(), *how, Box::new(instant_of(value).into_sql::<BigInt>())),
        Test::Exists => all(Vec::new()),
        Test::Like(_) => nothing(),
    }
}

fn compare<S: 'static, T>(column: Expression<S, T>, how: Comparison, value: Expression<S, T>) -> Predicate<S>
where
    T: SqlType<IsNull = NotNull> + SingleValue + TypedExpressionType + 'static,
{
    match how {
        Comparison::Greater => Box::new(column.gt(value)),
        Comparison::GreaterOrEqual => Box::new(column.ge(value)),
        Comparison::Less => Box::new(column.lt(value)),
        Comparison::LessOrEqual => Box::new(column.le(value)),
    }
}

/// The condition that a text equals a value.
pub(super) fn equal<S: 'static>(column: Expression<S, Text>, value: String) -> Predicate<S> {
    Box::new(column.eq(value))
}

/// The conjunction of conditions.
pub(super) fn all<S: 'static>(conditions: Vec<Predicate<S>>) -> Predicate<S> {
    balanced(conditions, |left, right| Box::new(left.and(right))).unwrap_or_else(|| Box::new(sql::<Bool>("1 = 1")))
}

/// The disjunction of conditions.
pub(super) fn any<S: 'static>(conditions: Vec<Predicate<S>>) -> Predicate<S> {
    balanced(conditions, |left, right| Box::new(left.or(right))).unwrap_or_else(nothing)
}

/// Joins conditions as a balanced tree, because SQLite rejects expressions deeper than 1000.
fn balanced<S>(
    mut conditions: Vec<Predicate<S>>,
    join: fn(Predicate<S>, Predicate<S>) -> Predicate<S>,
) -> Option<Predicate<S>> {
    while conditions.len() > 1 {
        let mut pairs = Vec::with_capacity(conditions.len().div_ceil(2));
        let mut rest = conditions.into_iter();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => join(left, right),
                None => left,
            });
        }
        conditions = pairs;
    }
    conditions.pop()
}

/// A condition that never holds.
pub(super) fn nothing<S: 'static>() -> Predicate<S> {
    Box::new(sql::<Bool>("1 = 0"))
}

/// The pieces of a pattern as an escaped `LIKE` pattern.
pub(super) fn like(pieces: &[String]) -> String {
    let escaped = |piece: &String| piece.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    pieces.iter().map(escaped).collect::<Vec<_>>().join("%")
}

fn texts(values: &[Value]) -> Vec<String> {
    values.iter().map(text_of).collect()
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Instant(instant) => instant.to_string(),
    }
}

fn instant_of(value: &Value) -> i64 {
    match value {
        Value::Instant(instant) => *instant,
        Value::Text(_) => ALWAYS,
    }
}
