//! What a client may ask of a collection: which, in what order, how many, from where.

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
    /// Reads `field,-field`; nothing is the default order.
    ///
    /// # Errors
    /// A violation that names the fields one can sort by.
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
    /// After so many records.
    Offset(i64),
    /// After the last record of the page before, at a cost that does not depend on how far that is.
    After(Cursor),
}

/// Whether the totals are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Totals {
    /// Both, exactly.
    Exact,
    /// Neither: they cost a count of the collection.
    Skipped,
}

/// A request for one page.
#[derive(Debug, Clone)]
pub struct Query<F> {
    /// Which records.
    pub filter: Filter<F>,
    /// In what order.
    pub sort: Sort<F>,
    /// How many at most; 1 to [`MAX_LIMIT`].
    pub limit: i64,
    /// From where.
    pub start: Start,
    /// With or without totals.
    pub totals: Totals,
}

/// One page of a collection.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The records, in order.
    pub records: Vec<T>,
    /// The size of the collection and of the filtered collection, if they were asked for.
    pub counts: Option<Counts>,
    /// Where the next page begins; absent on the last page.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The same page of something made from each record.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page { records: self.records.into_iter().map(make).collect(), counts: self.counts, next: self.next }
    }
}

/// The totals of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Without the filter.
    pub total: i64,
    /// With it.
    pub filtered: i64,
}
