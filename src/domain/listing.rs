//! Collection queries: filter, sort order, page size and start.

use super::cursor::Cursor;
use super::error::{Result, Violation};
use super::filter::Filter;
pub use super::filter::{Direction, Field, Kind};
pub use super::text::clip;

/// The page size when the client names none.
pub const DEFAULT_LIMIT: i64 = 100;
/// The largest page, and what `limit=0` asks for.
pub const MAX_LIMIT: i64 = 1000;

/// The order of a collection. The id breaks every tie, in the direction of the last field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort<F>(pub Vec<(F, Direction)>);

impl<F: Field> Sort<F> {
    /// Parses `field,-field`; an empty text is the default order.
    ///
    /// # Errors
    /// A violation that names the sortable fields.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self(vec![F::DEFAULT_SORT]));
        }
        let mut keys: Vec<(F, Direction)> = Vec::new();
        for part in text.split(',') {
            let (name, direction) =
                part.strip_prefix('-').map_or((part, Direction::Ascending), |name| (name, Direction::Descending));
            let field = F::find(name).filter(|field| field.sortable()).ok_or_else(|| {
                let allowed = F::names(F::sortable);
                Violation::new("sort", format!("cannot be by `{}`; the fields are {allowed}", clip(name)))
            })?;
            if keys.iter().any(|(known, _)| *known == field) {
                return Err(Violation::new("sort", format!("names `{name}` twice")).into());
            }
            keys.push((field, direction));
        }
        Ok(Self(keys))
    }

    /// The direction in which the id breaks ties.
    #[must_use]
    pub fn tie(&self) -> Direction {
        self.0.last().map_or(Direction::Ascending, |(_, direction)| *direction)
    }
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// After that many records.
    Offset(i64),
    /// After the last record of the previous page (keyset pagination): the cost does not depend on the position.
    After(Cursor),
}

/// Whether the totals are requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Totals {
    /// Both, exactly.
    Exact,
    /// Neither, because they require counting the collection.
    Skipped,
}

/// A request for one page.
#[derive(Debug, Clone)]
pub struct Query<F> {
    /// The filter.
    pub filter: Filter<F>,
    /// The sort order.
    pub sort: Sort<F>,
    /// The page size, 1 to [`MAX_LIMIT`].
    pub limit: i64,
    /// Where the page begins.
    pub start: Start,
    /// With or without totals.
    pub totals: Totals,
}

impl<F: Field> Query<F> {
    /// The first page, without totals.
    ///
    /// # Errors
    /// A violation that names the sortable fields.
    pub fn first_page(filter: Filter<F>, sort: &str, limit: i64) -> Result<Self> {
        Ok(Self { filter, sort: Sort::parse(sort)?, limit, start: Start::Offset(0), totals: Totals::Skipped })
    }
}

/// One page of a collection.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The records, in order.
    pub records: Vec<T>,
    /// The totals, if requested.
    pub counts: Option<RecordCounts>,
    /// Where the next page begins; absent on the last page.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The page with each record converted.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page { records: self.records.into_iter().map(make).collect(), counts: self.counts, next: self.next }
    }
}

/// The totals of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordCounts {
    /// The number of records without the filter.
    pub total: i64,
    /// The number of records with the filter.
    pub filtered: i64,
}
